#!/usr/bin/env bash
# Usage: scripts/build.sh [--preset NAME] [--configure-only] [TARGET...]
# Builds Realm from nothing: prerequisites, native dependencies, then the targets (default: all) of
# a preset of CMakePresets.json (default: release) in build/NAME. build/realm is the release binary.
set -euo pipefail
cd "$(dirname "$0")/.."

preset=release
configure_only=''
while [[ ${1-} == -* ]]; do
  case $1 in
    --preset) preset=${2:?--preset needs a name}; shift 2 ;;
    --configure-only) configure_only=1; shift ;;
    -h | --help) sed -n '2,4s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "build.sh: unknown option $1" >&2; exit 2 ;;
  esac
done

scripts/setup.sh
scripts/native.sh
# CMake's report is of interest only when it fails.
if ! report=$(cmake --preset "$preset" 2>&1); then
  echo "$report" >&2
  exit 1
fi
[[ -z $configure_only ]] || exit 0
ninja -C "build/$preset" "$@"
if [[ $preset == release && -x build/release/bin/realm ]]; then
  ln -sfn release/bin/realm build/realm
fi
