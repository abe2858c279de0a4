# shellcheck shell=bash
# ./dev bench: figures of the release build, each beside its peer in the same run.

bench_set_up() {
  prepare_machine
  ensure_venv >/dev/null
}

run_bench() {
  local tree=$1 python=$2 out
  shift 2
  out=$(user_cache_dir bench)
  FLASHPODS_BIN_DIR=$tree/bin/release AS_USER_DIR=$out as_user \
    "$python" -u "$tree/bench/run.py" --out "$out/benchmarks.md" "$@"
}

# write_figures: the table in docs/benchmarks.md, which ends it, becomes the new one.
write_figures() {
  local page=$ROOT/docs/benchmarks.md
  sed -i '/^|/,$d' "$page"
  cat "$(user_cache_dir bench)/benchmarks.md" >>"$page"
}

# ./dev bench [--write] [ARGS of bench/run.py]
verb_bench() {
  local write=no
  if [[ ${1:-} == --write ]]; then
    write=yes
    shift
  fi
  section "set-up" bench_set_up
  section "build (release)" build_programs release
  run_bench "$(publish release)" "$(ensure_venv)" "$@"
  [[ $write == no ]] || write_figures
}
