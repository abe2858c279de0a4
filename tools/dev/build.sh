# shellcheck shell=bash
# ./dev build: configure, compile, and put the programs where they are wanted.

use_compiler_cache() {
  CCACHE_DIR=$(cache_dir ccache)
  export CCACHE_DIR CCACHE_NOHASHDIR=1 CCACHE_BASEDIR=$ROOT CCACHE_MAXSIZE=5G CCACHE_SLOPPINESS=pch_defines,time_macros
}

configure() {
  (cd "$ROOT" && cmake --preset "$1" --log-level=WARNING)
}

# compile PRESET: goes on after an error, so that what does compile can be tested.
compile() {
  use_compiler_cache
  configure "$1"
  cmake --build "$ROOT/build/$1" --parallel "$(nproc)" -- -k 0
}

# programs PRESET: apps/NAME/NAME of the build, one path a line, and what the tests run inside a job.
programs() {
  local dir
  for dir in "$ROOT/build/$1"/{apps/*,tests/hostile}/; do
    [[ -x $dir$(basename "$dir") ]] && printf '%s%s\n' "$dir" "$(basename "$dir")"
  done
  return 0
}

# copy_programs PRESET DIRECTORY: each is replaced by rename, as it may be running.
copy_programs() {
  local -a found
  mapfile -t found < <(programs "$1")
  mkdir -p "$2"
  [[ ${#found[@]} -eq 0 ]] || rsync -c --chmod=a+rX "${found[@]}" "$2/"
}

# publish PRESET: prints the directory, in which programs are in bin/PRESET.
publish() {
  local to
  to=$(published_dir)
  publish_recipes >/dev/null
  copy_programs "$1" "$to/bin/$1"
  rsync -a --delete --chmod=a+rX --exclude=__pycache__ "$ROOT/tests" "$ROOT/bench" "$to/"
  chmod -R a+rX "$to/bin"
  echo "$to"
}

build_programs() {
  compile "$1"
  copy_programs "$1" "$ROOT/out/bin"
  ls -1 "$ROOT/out/bin"
}

verb_build() {
  local preset=${1:-release}
  section "dependencies" install_packages
  section "build ($preset)" build_programs "$preset"
}
