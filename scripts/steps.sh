# shellcheck shell=bash
# Sourced by setup, demo and test: how these scripts speak.

# step WHAT COMMAND…: says what it does, runs the command with its output in a file, says how long
# it took. A long step says every 30 seconds that it is still going; a failed one shows the end of
# its output. The command has a process group of its own, so that an interrupt ends all of it.
# Afterwards `seconds` holds how long the step took. INT and TERM are ours meanwhile.
step() {
  local what=$1 log pid began=$SECONDS told=0 status=0
  shift
  log=$(mktemp)
  printf '%s …\n' "$what"
  set -m
  "$@" >"$log" 2>&1 </dev/null &
  pid=$!
  set +m
  # shellcheck disable=SC2064  # this step's process and file
  trap "kill -- -$pid 2>/dev/null; wait $pid 2>/dev/null || true; rm -f '$log'; exit 130" INT TERM
  while kill -0 "$pid" 2>/dev/null; do
    sleep 0.2
    if ((SECONDS - began >= told + 30)); then
      told=$((SECONDS - began))
      printf '  … %d s: %s\n' "$told" "$(tail -n 1 "$log" | cut -c 1-100)"
    fi
  done
  wait "$pid" || status=$?
  trap - INT TERM
  seconds=$((SECONDS - began))
  if ((status)); then
    printf '%s: failed with status %d after %d s. The end of its output:\n' \
      "$what" "$status" "$seconds" >&2
    tail -n 60 "$log" >&2
  else
    printf '  done in %d s\n' "$seconds"
  fi
  rm -f "$log"
  return "$status"
}
