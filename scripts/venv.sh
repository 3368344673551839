#!/usr/bin/env bash
# Usage: scripts/venv.sh REQUIREMENTS
# Prints the python of a virtual environment that holds what the file REQUIREMENTS names. It is made
# once, in Realm's cache outside the checkout, for each content of the file and version of Python.
set -euo pipefail

case ${1-} in
  -h | --help) sed -n '2,4s/^# \{0,1\}//p' "$0"; exit 0 ;;
  '') echo "venv.sh: name a requirements file" >&2; exit 2 ;;
esac

requirements=$1
cache=${REALM_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/realm}/venv
key=$({ cat -- "$requirements"; python3 -VV; command -v python3; } | sha256sum | cut -c1-16)
venv=$cache/$key

mkdir -p "$cache"
exec 9>"$cache/.lock"
flock 9
if [[ ! -f $venv/.complete ]]; then
  {
    echo "venv: installing $requirements"
    rm -rf -- "$venv"
    python3 -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$requirements"
    touch "$venv/.complete"
  } >&2
fi
echo "$venv/bin/python"
