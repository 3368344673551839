#!/usr/bin/env bash
# Usage: scripts/format.sh [--check | --help]
# Formats all C and C++ files of the project with clang-format 19. --check changes nothing and fails
# when a file would change.
set -euo pipefail
cd "$(dirname "$0")/.."

mode=(-i)
case ${1-} in
  -h | --help) sed -n '2,4s/^# \{0,1\}//p' "$0"; exit 0 ;;
  --check) mode=(--dry-run -Werror) ;;
  '') ;;
  *) echo "format.sh: unknown argument $1" >&2; exit 2 ;;
esac

folders=()
for folder in src sdk programs bench tests third_party/boost third_party/native/include; do
  [[ ! -d $folder ]] || folders+=("$folder")
done
mapfile -d '' files < <(find "${folders[@]}" -type f \
  \( -name '*.h' -o -name '*.c' -o -name '*.cc' -o -name '*.cpp' -o -name '*.hpp' \) \
  -not -path '*/node_modules/*' -print0 | sort -z)
clang-format-19 "${mode[@]}" "${files[@]}"
