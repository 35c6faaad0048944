#!/bin/bash
# keep_logs.sh FROM TO MIB [ROUNDS]: copies the logs of every Ray session under FROM to
# TO/<session>, again and again, and removes the oldest files under TO when there are more than MIB.
# ROUNDS: how often; for ever without it.
set -u
from=$1 to=$2 mib=$3 rounds=${4:-0}

copy() {
  local session
  for session in "$from"/session_2*/; do
    [ -d "$session/logs" ] || continue
    mkdir -p "$to/$(basename "$session")"
    # A log that is rotated away meanwhile is no reason to stop.
    cp --recursive --update --no-target-directory "$session/logs" "$to/$(basename "$session")" 2>/dev/null
  done
}

trim() {
  local file
  while [ "$(du --summarize --block-size=1M "$to" | cut --fields=1)" -gt "$mib" ]; do
    file=$(find "$to" -type f -printf '%T@ %p\n' | sort --numeric-sort | head --lines=1 | cut --delimiter=' ' --fields=2-)
    [ -n "$file" ] || break
    rm --force -- "$file"
  done
  find "$to" -mindepth 1 -type d -empty -delete 2>/dev/null
}

stop() { copy; exit 0; }
trap stop TERM INT

while :; do
  copy
  trim
  [ "$((rounds -= 1))" -eq 0 ] && break
  # The shell hears a signal only between two commands.
  sleep 15 & wait $!
done
