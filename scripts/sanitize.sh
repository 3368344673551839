#!/usr/bin/env bash
# Usage: scripts/sanitize.sh asan|tsan
# Builds the test programs with AddressSanitizer and UndefinedBehaviorSanitizer, or with
# ThreadSanitizer, and runs them. The last line is 'N passed, N failed'.
set -euo pipefail
cd "$(dirname "$0")/.."

case ${1-} in
  -h | --help) sed -n '2,4s/^# \{0,1\}//p' "$0"; exit 0 ;;
  asan | tsan) preset=$1 ;;
  *) echo "sanitize.sh: name the preset, asan or tsan" >&2; exit 2 ;;
esac

scripts/build.sh --preset "$preset"
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_stack_use_after_return=0:strict_string_checks=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
export TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=1:second_deadlock_stack=1:suppressions=$PWD/scripts/tsan.supp}
REALM_BIN=$PWD/build/$preset/bin/realm
REALM_BUILD_DIR=$PWD/build/$preset
"$REALM_BIN" pull --quiet
REALM_TEST_MODEL=$("$REALM_BIN" models --path default)
export REALM_BIN REALM_BUILD_DIR REALM_TEST_MODEL
# On one processor llama.cpp has no threads beside ours, whose barriers ThreadSanitizer cannot see:
# each race that it would take them for costs time, also where it is suppressed.
pin=()
[[ $preset == asan ]] || pin=(taskset --cpu-list "$(taskset -pc $$ | sed 's/.*[^0-9]\([0-9]*\)$/\1/')")
exec "${pin[@]}" python3 scripts/run_tests.py --build "build/$preset" --unit-timeout 1800
