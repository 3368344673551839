#!/usr/bin/env bash
# Usage: scripts/run.sh [--help]
# Builds Realm, gets the default model, serves it on this machine and asks one question over HTTP;
# then keeps serving until Ctrl-C.
#
#   ASK   the question; default "What is the capital of France?"
#   ONCE  1: stop after the answer; the exit status is 0 only when it came
#   PORT  where to listen; default 8080, or any free port when that one is taken
set -euo pipefail
cd "$(dirname "$0")/.."

case ${1-} in
  -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
  '') ;;
  *) echo "run.sh: unknown argument $1" >&2; exit 2 ;;
esac

ask=${ASK:-What is the capital of France?}
ready_timeout_s=120
answer_timeout_s=300

scripts/build.sh realm
build/realm pull

port=${PORT:-$(python3 -c '
import socket
for port in (8080, 0):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        print(probe.getsockname()[1])
        break')}
address=http://127.0.0.1:$port

# In a session of its own, so that Ctrl-C reaches it once: through the traps below.
setsid build/realm serve --port "$port" &
server=$!
trap 'kill -INT "$server" 2>/dev/null || true' INT
trap 'kill -TERM "$server" 2>/dev/null || true' TERM EXIT

# finish waits for the server, however often a signal cuts the wait short, and ends with its status.
finish() {
  local status=0
  while kill -0 "$server" 2>/dev/null; do
    status=0
    wait "$server" || status=$?
  done
  trap - EXIT
  exit "${1:-$status}"
}

give_up() {
  echo "run.sh: $*" >&2
  kill -TERM "$server" 2>/dev/null || true
  finish 1
}

deadline=$((SECONDS + ready_timeout_s))
until curl -fs -o /dev/null --max-time 5 "$address/health/ready"; do
  kill -0 "$server" 2>/dev/null || give_up "the server ended before it was ready"
  ((SECONDS < deadline)) || give_up "the server was not ready after $ready_timeout_s s"
  sleep 0.2
done

model=$(curl -fsS --max-time 5 "$address/v1/models" |
  python3 -c 'import json, sys; print(json.load(sys.stdin)["data"][0]["id"])') ||
  give_up "the server names no model"

echo
echo "Question: $ask"
reply=$(python3 -c '
import json, sys
print(json.dumps({
    "model": sys.argv[1], "temperature": 0, "max_tokens": 256,
    "messages": [{"role": "system", "content": "You are a helpful assistant."},
                 {"role": "user", "content": sys.argv[2]}]}))' "$model" "$ask" |
  curl -sS --fail-with-body --max-time "$answer_timeout_s" -H 'Content-Type: application/json' \
    --data-binary @- "$address/v1/chat/completions") ||
  give_up "the question failed: $reply"
answer=$(python3 -c '
import json, sys
text = json.load(sys.stdin)["choices"][0]["message"]["content"]
print(text.strip() or sys.exit("the answer is empty"))' <<<"$reply") ||
  give_up "no answer in: $reply"
echo "Answer:   $answer"
echo

if [[ ${ONCE:-} == 1 ]]; then
  kill -TERM "$server" 2>/dev/null || true
  finish 0
fi
echo "Realm serves $model at $address; Ctrl-C stops it."
finish
