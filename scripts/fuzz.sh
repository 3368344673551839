#!/usr/bin/env bash
# Usage: scripts/fuzz.sh [NAME...]
# Builds the fuzzers (tests/fuzz/NAME; all by default) with clang 19 and runs each for FUZZ_SECONDS
# (default 600). New inputs go to ~/.cache/realm/fuzz/NAME (REALM_CACHE_DIR moves it), where the next
# run finds them; what crashes goes to build/fuzz/crashes and fails the run.
set -euo pipefail
cd "$(dirname "$0")/.."

case ${1-} in
  -h | --help) sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 0 ;;
esac

seconds=${FUZZ_SECONDS:-600}
finds=${REALM_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/realm}/fuzz
crashes=build/fuzz/crashes
names=("$@")
if ((${#names[@]} == 0)); then
  for folder in tests/fuzz/*/; do names+=("$(basename "$folder")"); done
fi

scripts/build.sh --preset fuzz "${names[@]/#/fuzz_}"
mkdir -p "$crashes"
# Guests run on stacks of their own, where AddressSanitizer's frames on the heap have no place.
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_stack_use_after_return=0:strict_string_checks=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}

failed=()
for name in "${names[@]}"; do
  mkdir -p "$finds/$name"
  echo "fuzz: $name for $seconds s"
  "build/fuzz/bin/fuzz_$name" -max_total_time="$seconds" -max_len=4096 -timeout=30 \
    -rss_limit_mb=4096 -print_final_stats=1 -verbosity=0 -artifact_prefix="$crashes/$name-" \
    "$finds/$name" "tests/fuzz/$name/corpus" || failed+=("$name")
done
if ((${#failed[@]})); then
  echo "fuzz: found something: ${failed[*]} (see $crashes)" >&2
  exit 1
fi
echo "fuzz: nothing found"
