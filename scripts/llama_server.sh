#!/usr/bin/env bash
# Usage: scripts/llama_server.sh [--print | --help]
# Builds llama-server, the peer that bench/run.sh measures Realm against, from the source package of
# llama-cpp-python into a cache outside the checkout. Does nothing when the cache holds it. --print
# shows the path of the program and builds nothing.
#
#   REALM_CACHE_DIR  the cache; default ${XDG_CACHE_HOME:-$HOME/.cache}/realm
set -euo pipefail
cd "$(dirname "$0")/.."

case ${1-} in
  -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
  '' | --print) ;;
  *) echo "llama_server.sh: unknown argument $1" >&2; exit 2 ;;
esac

version=0.3.36
sha256=832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e
# A release build for this CPU, with llama.cpp's own defaults for all that has to do with speed. What
# would be fetched (the web page) or is for other hosts (TLS) is left out.
flags=(-DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF -DGGML_NATIVE=ON -DLLAMA_BUILD_TESTS=OFF
  -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_APP=OFF -DLLAMA_BUILD_UI=OFF -DLLAMA_USE_PREBUILT_UI=OFF
  -DLLAMA_OPENSSL=OFF)

cache=${REALM_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/realm}/native
# GGML_NATIVE makes the result depend on what this compiler makes of this CPU.
key=$({
  echo "$version $sha256 ${flags[*]}"
  g++ --version | head -n 1
  g++ -march=native -Q --help=target
} | sha256sum | cut -c1-16)
folder=$cache/llama-server-$key
if [[ ${1-} == --print ]]; then
  echo "$folder/llama-server"
  exit 0
fi
[[ ! -d $folder ]] || exit 0

say() { echo "llama-server: $*"; }

mkdir -p "$cache"
exec {lock}>"$cache/.llama-server.lock"
flock -n "$lock" || { say "waiting for another build of it"; flock "$lock"; }
[[ ! -d $folder ]] || exit 0

temp=$(mktemp -d "$cache/.build.XXXXXX")
trap 'rm -rf -- "$temp"' EXIT

say "fetching llama-cpp-python $version"
echo "llama-cpp-python==$version --hash=sha256:$sha256" >"$temp/requirements.txt"
# pip asks the package for its metadata, which compiles nothing.
python3 -m pip download --quiet --disable-pip-version-check --no-deps \
  --no-binary llama-cpp-python --require-hashes -r "$temp/requirements.txt" --dest "$temp"
mkdir "$temp/package"
tar -xzf "$temp"/llama_cpp_python-*.tar.gz -C "$temp/package" --strip-components=1

say "building it (about 7 minutes on 2 cores)"
# Its many warnings are not ours to mend; the log is of interest only when the build fails.
{
  cmake -S "$temp/package/vendor/llama.cpp" -B "$temp/build" -G Ninja "${flags[@]}" &&
    ninja -C "$temp/build" -j "$(nproc)" llama-server
} >"$temp/log" 2>&1 || { tail -n 40 "$temp/log" >&2; exit 1; }

mkdir "$temp/prefix"
cp "$temp/build/bin/llama-server" "$temp/package/vendor/llama.cpp/LICENSE" "$temp/prefix/"
mv -T "$temp/prefix" "$folder"
say "it is in $folder"
