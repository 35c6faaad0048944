// Aborts a stream of Vercel's AI SDK after three pieces, says so, and lives on.
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { streamText } from "ai";

const asked = JSON.parse(process.argv[2]);
const rocket = createOpenAICompatible({ name: "rocket", baseURL: asked.url });
const abort = new AbortController();
const stream = streamText({
  model: rocket(asked.model),
  messages: asked.count,
  maxOutputTokens: 1500,
  maxRetries: 0,
  abortSignal: abort.signal,
});
let chunks = 0;
let parts = [];
for await (const part of stream.fullStream) {
  parts.push(part.type);
  if (part.type === "text-delta" && ++chunks === 3) abort.abort();
}
console.log(JSON.stringify({ chunks, last: parts.at(-1) }));
setInterval(() => {}, 1000);
