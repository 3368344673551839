#!/usr/bin/env bash
# Usage: scripts/soak.sh [ROUNDS]
# Builds Realm and runs the hostile corpus against a live server beside a tenant that behaves well,
# for 1,000 rounds (`make test` does 20), and prints what the server holds after each.
set -euo pipefail
cd "$(dirname "$0")/.."

case ${1-} in
  -h | --help) sed -n '2,4s/^# \{0,1\}//p' "$0"; exit 0 ;;
  '' | [1-9]*) ;;
  *) echo "soak.sh: unknown argument $1" >&2; exit 2 ;;
esac

scripts/build.sh
build/realm pull
python=$(scripts/venv.sh tests/requirements.txt)

REALM_BIN=$PWD/build/realm
REALM_BUILD_DIR=$PWD/build/release
REALM_TEST_MODEL=$(build/realm models --path default)
REALM_SOAK_ROUNDS=${1:-1000}
export REALM_BIN REALM_BUILD_DIR REALM_TEST_MODEL REALM_SOAK_ROUNDS
exec "$python" -m pytest -q -s -p no:cacheprovider tests/e2e/test_hostile_corpus.py
