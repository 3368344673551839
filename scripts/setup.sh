#!/usr/bin/env bash
# Usage: scripts/setup.sh [--help]
# Makes this Debian 12 machine ready to build Realm: installs what is missing of
# scripts/debian-packages.txt (as root or through sudo, else it prints the line to run) and checks
# that Rust is there. Does nothing when all is there.
set -euo pipefail
cd "$(dirname "$0")/.."

case ${1-} in
  -h | --help) sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 0 ;;
  '') ;;
  *) echo "setup.sh: unknown argument $1" >&2; exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null; then
  echo "setup.sh: this is not Debian; install what scripts/debian-packages.txt names" >&2
  exit 1
fi

mapfile -t wanted < <(grep -v '^#' scripts/debian-packages.txt)
# dpkg-query fails when it does not know a package; that package is then missing from its output.
installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null || true)
missing=()
for package in "${wanted[@]}"; do
  grep -qx "installed $package" <<<"$installed" || missing+=("$package")
done

if ((${#missing[@]})); then
  as_root=()
  if [[ $EUID != 0 ]]; then
    if ! sudo -n true 2>/dev/null && ! { [[ -t 0 ]] && command -v sudo >/dev/null; }; then
      echo "setup.sh: Debian packages are missing. Run this as root, then try again:" >&2
      echo "apt-get update && apt-get install -y --no-install-recommends ${missing[*]}" >&2
      exit 1
    fi
    as_root=(sudo)
  fi
  echo "setup: installing ${#missing[@]} Debian packages: ${missing[*]}"
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

if ! command -v cargo >/dev/null || ! command -v rustc >/dev/null; then
  echo "setup.sh: cargo and rustc are missing; install Rust 1.95 or newer with rustup, so that" >&2
  echo "          'cargo --version' works in this shell, then try again" >&2
  exit 1
fi
rust=$(rustc --version | cut -d' ' -f2)
if [[ $(printf '%s\n' 1.95.0 "$rust" | sort -V | head -n 1) != 1.95.0 ]]; then
  echo "setup.sh: rustc is $rust; Wasmtime needs 1.95 or newer ('rustup update stable')" >&2
  exit 1
fi
