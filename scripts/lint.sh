#!/usr/bin/env bash
# Usage: scripts/lint.sh [--help]
# Every check that runs no program of ours: formatting, include direction, shell scripts, headers
# that compile alone, clang-tidy. All of them run, the quick ones first; it fails when one failed.
set -euo pipefail
cd "$(dirname "$0")/.."

case ${1-} in
  -h | --help) sed -n '2,4s/^# \{0,1\}//p' "$0"; exit 0 ;;
  '') ;;
  *) echo "lint.sh: unknown argument $1" >&2; exit 2 ;;
esac

failed=()
check() { # $1: name, the rest: a command
  local name=$1
  shift
  if "$@"; then echo "lint: $name passed"; else failed+=("$name"); fi
}

check_scripts() {
  local scripts
  mapfile -t scripts < <(git ls-files -co --exclude-standard -- '*.sh' .ci/run)
  shellcheck -- "${scripts[@]}"
}

scripts/build.sh --configure-only
check format scripts/format.sh --check
check includes scripts/check_includes.py
check shell check_scripts
check headers scripts/check_headers.py
check clang-tidy scripts/tidy.py

if ((${#failed[@]})); then
  echo "lint: failed: ${failed[*]}" >&2
  exit 1
fi
echo "lint: all passed"
