#!/usr/bin/env bash
# Usage: scripts/test.sh [--help]
# Builds Realm and runs every test: the unit tests of each folder of src/, the end-to-end tests
# (tests/e2e) against build/realm and the default model, and packages of npm in Realm against Node
# (tests/packages). The last line is 'N passed, N failed'; a skipped test counts as failed.
set -euo pipefail
cd "$(dirname "$0")/.."

case ${1-} in
  -h | --help) sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 0 ;;
  '') ;;
  *) echo "test.sh: unknown argument $1" >&2; exit 2 ;;
esac

for tool in node npm; do
  if ! command -v "$tool" >/dev/null; then
    echo "test.sh: $tool is missing; tests/packages needs Node 20 or newer with npm" >&2
    exit 1
  fi
done

scripts/build.sh
build/realm pull
python=$(scripts/venv.sh tests/requirements.txt)

REALM_BIN=$PWD/build/realm
REALM_BUILD_DIR=$PWD/build/release
REALM_TEST_MODEL=$(build/realm models --path default)
export REALM_BIN REALM_BUILD_DIR REALM_TEST_MODEL
exec python3 scripts/run_tests.py --build build/release --e2e tests/e2e tests/packages --python "$python"
