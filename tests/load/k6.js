// Ten people who chat for five minutes, and the bounds of thresholds.json, for k6 (https://k6.io). It
// is not brought along: it is under the AGPL. A test reads this file and holds it to the bounds.
//
//   k6 run -e HOST=http://127.0.0.1:8000 [-e KEY=...] [-e MODEL=...] tests/load/k6.js
import http from 'k6/http';
import { check, sleep } from 'k6';

const bounds = JSON.parse(open('./thresholds.json')).asked_for;

// k6 reads an answer as a whole and knows the first byte of it: a stream's head comes with its first
// token, because the gateway commits to an answer when it has that.
export const options = {
  scenarios: {
    usual: {
      executor: 'ramping-vus',
      startVUs: 0,
      stages: [{ duration: '5s', target: 10 }, { duration: '295s', target: 10 }],
    },
  },
  thresholds: {
    'http_req_waiting{kind:stream}': [
      `p(50)<${bounds.first_token_p50_ms}`,
      `p(95)<${bounds.first_token_p95_ms}`,
    ],
    http_reqs: [`rate>${bounds.requests_per_second}`],
    http_req_failed: [`rate<${bounds.error_ratio}`],
    checks: [`rate>${1 - bounds.error_ratio}`],
  },
};

export default function () {
  const stream = __ITER % 4 !== 0;
  const body = {
    messages: [{ role: 'user', content: 'Why do rockets have stages?' }],
    max_tokens: 16,
    stream,
  };
  if (__ENV.MODEL) body.model = __ENV.MODEL;
  const headers = { 'content-type': 'application/json' };
  if (__ENV.KEY) headers.authorization = `Bearer ${__ENV.KEY}`;
  const answer = http.post(`${__ENV.HOST}/v1/chat/completions`, JSON.stringify(body), {
    headers,
    tags: { kind: stream ? 'stream' : 'whole' },
  });
  check(answer, {
    'is 200': (r) => r.status === 200,
    'is whole': (r) => !stream || r.body.includes('data: [DONE]'),
  });
  sleep(0.1 + Math.random() * 0.4);
}
