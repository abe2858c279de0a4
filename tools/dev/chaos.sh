# shellcheck shell=bash
# ./dev chaos: real crashes under load, and a table of what was lost (nothing, or it fails).

# run_chaos ARGS of tests/chaos/run.py: with the programs that the tests use.
run_chaos() {
  local tree python out
  local -a environment
  tree=$(publish asan) python=$(ensure_venv) out=$(user_cache_dir chaos)
  mapfile -t environment < <(sanitizer_environment)
  FLASHPODS_BIN_DIR=$tree/bin/asan AS_USER_DIR=$out \
    as_user env "${environment[@]}" "$python" -u "$tree/tests/chaos/run.py" "$@"
}

# ./dev chaos [--minutes N] [--seed S] [--hostile SHARE] [--runs N] [--busy LOOPS]
verb_chaos() {
  section "set-up" prepare_chaos
  section "build (asan)" compile asan
  run_chaos "$@"
}

prepare_chaos() {
  prepare_machine
  ensure_venv >/dev/null
}
