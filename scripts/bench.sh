#!/usr/bin/env bash
# Usage: scripts/bench.sh [ARGUMENTS...]
# Builds Realm and measures it; the results go to build/bench.json. The arguments are those of
# bench/run.sh.
set -euo pipefail
cd "$(dirname "$0")/.."

case ${1-} in
  -h | --help) sed -n '2,4s/^# \{0,1\}//p' "$0"; exit 0 ;;
esac

if [[ ! -x bench/run.sh ]]; then
  echo "bench.sh: bench/run.sh is missing; there is nothing to measure with" >&2
  exit 1
fi
scripts/build.sh
exec bench/run.sh "$@"
