#!/usr/bin/env bash
# Usage: bench/run.sh [--only own|peer|all] [--rounds N] [--tokens N] [--threads N]
# Measures what is built in build/release and writes build/bench.json; see bench/run.py --help.
set -euo pipefail
cd "$(dirname "$0")/.."

case ${1-} in
  -h | --help) sed -n '2,3s/^# \{0,1\}//p' "$0"; exit 0 ;;
esac

build/realm pull --quiet
[[ " ${*/=/ } " == *" --only own "* ]] || scripts/llama_server.sh
exec python3 bench/run.py "$@"
