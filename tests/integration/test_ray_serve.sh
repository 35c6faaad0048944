#!/usr/bin/env bash
# Whom requests reach through a gateway, on a Ray cluster or anywhere else: the backend that is asked
# for, the default order, the next one while the first is stopped, and the first one again.
#
#   ROCKET_URL=http://127.0.0.1:8000 MODEL=m FIRST=vllm SECOND=ollama \
#   STOP='kubectl -n rocket scale deploy/vllm --replicas=0' \
#   START='kubectl -n rocket scale deploy/vllm --replicas=1' tests/integration/test_ray_serve.sh
#
# FIRST comes first in the order; both have MODEL. STOP and START are commands that stop and start
# FIRST. ROCKET_KEY: an API key. FAILOVER_S (5): within how long SECOND has to answer; RETURN_S (60):
# within how long FIRST has to be asked again. test_ray_serve.py runs this with every test.
set -u
: "${ROCKET_URL:?}" "${MODEL:?}" "${FIRST:?}" "${SECOND:?}" "${STOP:?}" "${START:?}"
failover_s=${FAILOVER_S:-5} return_s=${RETURN_S:-60}
passed=0 failed=0
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
headers=(-H 'content-type: application/json')
[ -n "${ROCKET_KEY:-}" ] && headers+=(-H "authorization: Bearer $ROCKET_KEY")

# ask EXTRA_MEMBERS [CURL_OPTION...]: status, and who answered, into $status and $who.
ask() {
  local more=$1
  shift
  status=$(curl -sS -o "$folder/body" -D "$folder/head" -w '%{http_code}' --max-time 30 \
    "${headers[@]}" "$@" "$ROCKET_URL/v1/chat/completions" \
    -d "{\"model\": \"$MODEL\", \"max_tokens\": 4, \"messages\": [{\"role\": \"user\", \"content\": \"Hello\"}]$more}" \
    2>"$folder/error") || status=000
  who=$(tr -d '\r' <"$folder/head" 2>/dev/null | sed -n 's/^x-rocket-backend: //ip')
}

# expect WHAT STATUS WHO
expect() {
  if [ "$status" = "$2" ] && [ "$who" = "$3" ]; then
    echo "ok: $1"
    passed=$((passed + 1))
  else
    echo "not ok: $1: status $status from '$who', wanted $2 from '$3': $(head -c 300 "$folder/body" "$folder/error" 2>/dev/null)"
    failed=$((failed + 1))
  fi
}

now_ms() { echo $(($(date +%s%N) / 1000000)); }

# until_it_is WHO SECONDS WHAT: asks until WHO answers; anything but a 200 meanwhile is a failure.
until_it_is() {
  local begun lost=0 asked=0 took
  begun=$(now_ms)
  while :; do
    ask ''
    asked=$((asked + 1))
    [ "$status" = 200 ] || lost=$((lost + 1))
    took=$(($(now_ms) - begun))
    if { [ "$status" = 200 ] && [ "$who" = "$1" ]; } || [ "$took" -gt $(($2 * 1000)) ]; then
      break
    fi
    sleep 0.1
  done
  expect "$3: after $took ms, $asked requests" 200 "$1"
  if [ "$took" -gt $(($2 * 1000)) ] || [ "$lost" -gt 0 ]; then
    echo "not ok: $3: $took ms (at most ${2} s), $lost of $asked requests lost"
    failed=$((failed + 1))
  fi
}

if curl -sS --max-time 5 "$ROCKET_URL/-/healthz" 2>/dev/null | grep -q success; then
  echo 'ok: the gateway is healthy' && passed=$((passed + 1))
else
  echo 'not ok: the gateway is not healthy' && failed=$((failed + 1))
fi
ask ''
expect 'the first of the order answers' 200 "$FIRST"
ask ", \"backend\": \"$SECOND\""
expect 'the one that the body asks for answers' 200 "$SECOND"
ask '' -H "x-rocket-backend: $SECOND"
expect 'the one that the header asks for answers' 200 "$SECOND"
ask ", \"backend\": \"$FIRST\""
expect 'so does the first, when asked for' 200 "$FIRST"
ask ', "backend": "nobody"'
expect 'a backend that is not there is refused' 400 ''

bash -c "$STOP" || { echo 'not ok: STOP failed' && failed=$((failed + 1)); }
until_it_is "$SECOND" "$failover_s" 'the second takes over'
ask ", \"backend\": \"$FIRST\""
expect 'who asks for the stopped one is answered by the other' 200 "$SECOND"
bash -c "$START" || { echo 'not ok: START failed' && failed=$((failed + 1)); }
until_it_is "$FIRST" "$return_s" 'the first is asked again'

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
