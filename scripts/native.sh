#!/usr/bin/env bash
# Usage: scripts/native.sh [--print | --help]
# Builds the two native dependencies, Wasmtime (third_party/native) and llama.cpp
# (third_party/llama), into a cache outside the checkout, and writes build/native.cmake with their
# paths. Does nothing when the cache holds them. --print shows the two paths and builds nothing.
#
#   REALM_CACHE_DIR         the cache; default ${XDG_CACHE_HOME:-$HOME/.cache}/realm
#   REALM_LLAMA_CMAKE_ARGS  more CMake options for llama.cpp, such as "-DGGML_CUDA=ON"
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD

case ${1-} in
  -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
  '' | --print) ;;
  *) echo "native.sh: unknown argument $1" >&2; exit 2 ;;
esac

cache=${REALM_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/realm}/native
llama_args=${REALM_LLAMA_CMAKE_ARGS:-}
build_temp=''
trap '[[ -z $build_temp ]] || rm -rf -- "$build_temp"' EXIT

say() { echo "native: $*"; }

# hash_of FILES... hashes names relative to the project, contents, and standard input.
hash_of() { { sha256sum -- "$@"; cat; } | sha256sum | cut -c1-16; }

wasmtime_key() {
  { rustc -vV; echo "flags ${RUSTFLAGS:-}"; } |
    hash_of third_party/native/Cargo.{toml,lock} third_party/native/src/lib.rs \
      third_party/native/include/realm_native.h
}

# GGML_NATIVE makes the result depend on what this compiler makes of this CPU.
llama_key() {
  {
    grep -A3 '^name = "llama-cpp-sys-2"' third_party/native/Cargo.lock
    g++ --version | head -n 1
    g++ -march=native -Q --help=target
    echo "args $llama_args"
  } | hash_of third_party/llama/CMakeLists.txt third_party/llama/realm.patch
}

# llama_source prints the folder of llama.cpp inside the locked crate, which cargo fetches.
llama_source() {
  cargo metadata --locked --format-version 1 --all-features \
    --manifest-path third_party/native/Cargo.toml | python3 -c '
import json, os, sys
packages = json.load(sys.stdin)["packages"]
manifest = next(p["manifest_path"] for p in packages if p["name"] == "llama-cpp-sys-2")
print(os.path.join(os.path.dirname(manifest), "llama.cpp"))'
}

build_wasmtime() { # $1: prefix to fill
  say "building Wasmtime (about 6 minutes on 2 cores)"
  cargo build --release --locked --manifest-path third_party/native/Cargo.toml \
    --target-dir "$build_temp/target"
  mkdir -p "$1/lib" "$1/include"
  cp "$build_temp/target/release/librealm_native.a" "$1/lib/"
  # Wasmtime's build script puts the headers, with the generated conf.h, below its output folder.
  local headers=("$build_temp"/target/release/build/wasmtime-c-api-impl-*/out/include)
  [[ ${#headers[@]} == 1 && -f ${headers[0]}/wasmtime.h ]] ||
    { echo "native.sh: Wasmtime's headers were not found" >&2; return 1; }
  cp -r "${headers[0]}/." third_party/native/include/. "$1/include/"
}

build_llama() { # $1: prefix to fill
  say "building llama.cpp (about 4 minutes on 2 cores)"
  local source extra
  source=$(llama_source)
  read -ra extra <<<"$llama_args"
  cmake -S third_party/llama -B "$build_temp/llama" -G Ninja -DCMAKE_BUILD_TYPE=Release \
    -DLLAMA_SOURCE="$source" -DCMAKE_INSTALL_PREFIX="$1" "${extra[@]}"
  ninja -C "$build_temp/llama"
  cmake --install "$build_temp/llama" >/dev/null
}

# provide NAME PREFIX runs build_NAME once, even when several checkouts ask at the same time, and
# moves the finished result into place in one step.
provide() {
  local name=$1 prefix=$2
  if [[ -d $prefix ]]; then return; fi
  mkdir -p "$cache"
  exec {lock}>"$cache/.lock"
  flock -n "$lock" || { say "waiting for another build of the cache"; flock "$lock"; }
  if [[ ! -d $prefix ]]; then
    build_temp=$(mktemp -d "$cache/.build.XXXXXX")
    "build_$name" "$build_temp/prefix"
    mv -T "$build_temp/prefix" "$prefix"
    rm -rf -- "$build_temp"
    build_temp=''
    say "$name is in $prefix"
  fi
  exec {lock}>&-
}

wasmtime=$cache/wasmtime-$(wasmtime_key)
llama=$cache/llama-$(llama_key)
if [[ ${1-} == --print ]]; then
  printf '%s\n' "$wasmtime" "$llama"
  exit 0
fi
provide wasmtime "$wasmtime"
provide llama "$llama"

# Rewritten only when it changes: a newer file makes CMake configure again.
mkdir -p "$root/build"
content=$(printf 'set(REALM_WASMTIME_PREFIX "%s")\nset(REALM_LLAMA_PREFIX "%s")\n' "$wasmtime" "$llama")
if [[ "$(cat "$root/build/native.cmake" 2>/dev/null || true)" != "$content" ]]; then
  printf '%s\n' "$content" >"$root/build/native.cmake"
fi
