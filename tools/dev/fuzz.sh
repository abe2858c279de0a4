# shellcheck shell=bash
# ./dev fuzz: libFuzzer over the targets of tests/fuzz. What it finds stays under build/fuzzing.

FUZZING=$ROOT/build/fuzzing
FUZZ_SEEDS=$ROOT/tests/fuzz/corpus

# Each target has a corpus (fuzz_replay_test sees to it).
fuzz_targets() { (cd "$FUZZ_SEEDS" && printf '%s\n' *); }

fuzz_program() { echo "build/$1/tests/fuzz/fuzz_$2"; }

build_fuzz_targets() {
  use_compiler_cache
  configure "$1"
  fuzz_targets | sed 's/^/fuzz_/' | xargs cmake --build "$ROOT/build/$1" --parallel "$(nproc)" --target
}

# fuzz_target PRESET SECONDS TARGET: leaves log and exit status in build/fuzzing/TARGET.
fuzz_target() {
  local preset=$1 seconds=$2 target=$3 finds=$FUZZING/$3 status=0
  mkdir -p "$finds/corpus"
  cd "$ROOT" || return
  UBSAN_OPTIONS=print_stacktrace=1 "$(fuzz_program "$preset" "$target")" \
    -max_total_time="$seconds" -seed="${FUZZ_SEED:-0}" -timeout=60 -rss_limit_mb=4096 -print_final_stats=1 \
    -dict="tests/fuzz/dictionaries/$target.dict" -artifact_prefix="build/fuzzing/$target/" \
    "$finds/corpus" "$FUZZ_SEEDS/$target" >"$finds/log" 2>&1 || status=$?
  echo "$status" >"$finds/status"
  fuzz_outcome "$preset" "$target"
}

# fuzz_figure TARGET stat::NAME
fuzz_figure() { sed -n "s/^$2: *//p" "$FUZZING/$1/log"; }

fuzz_edges() { grep -oE 'cov: [0-9]+' "$FUZZING/$1/log" | tail -1 | cut -d' ' -f2; }

# fuzz_outcome PRESET TARGET: figures of the last run, or what broke and how to see it again.
fuzz_outcome() {
  local preset=$1 target=$2 status found
  status=$(cat "$FUZZING/$target/status" 2>/dev/null || echo none)
  if [[ $status == 0 ]]; then
    note "$target: $(fuzz_figure "$target" stat::number_of_executed_units) executions," \
      "$(fuzz_edges "$target") edges, $(fuzz_figure "$target" stat::new_units_added) new inputs"
    return
  fi
  found=$(sed -n 's/.*Test unit written to //p' "$FUZZING/$target/log" | tail -1)
  printf 'fuzz target %s: crash, its input is in %s\n' "$target" "${found:-(no file)}"
  grep -aE 'does not hold|runtime error|SUMMARY' "$FUZZING/$target/log" | head -n 5 || true
  printf 'see it again: %s %s\n' "$(fuzz_program "$preset" "$target")" "$found"
  return 1
}

# fuzz_each PRESET SECONDS TARGET…: one target a core; fails if any did.
fuzz_each() {
  local preset=$1 seconds=$2
  shift 2
  printf '%s\n' "$@" | xargs -P "$(nproc)" -I TARGET "$ROOT/dev" --call fuzz_target "$preset" "$seconds" TARGET
}

# What the tests run: SECONDS for each target, from the same beginning each time, so that it is the
# change that shows in them, not chance. Chance is ./dev fuzz.
fuzz_steps() {
  local preset=$1 seconds=$2 target
  local -a all
  mapfile -t all < <(fuzz_targets)
  rm -rf "$FUZZING"
  export FUZZ_SEED=1
  section "fuzzing ($seconds s a target)" fuzz_each "$preset" "$seconds" "${all[@]}" || true
  for target in "${all[@]}"; do
    if fuzz_outcome "$preset" "$target" >/dev/null 2>&1; then
      record passed "fuzz $target"
    else
      record failed "fuzz $target" "see above, or build/fuzzing/$target/log"
    fi
  done
}

fuzz_summary() {
  local target crashes=0 executions=0
  for target in "$@"; do
    [[ $(cat "$FUZZING/$target/status" 2>/dev/null) == 0 ]] || crashes=$((crashes + 1))
    executions=$((executions + $(fuzz_figure "$target" stat::number_of_executed_units || echo 0)))
  done
  echo "$# targets, $crashes with a crash, $executions executions"
  [[ $crashes -eq 0 ]]
}

# ./dev fuzz SECONDS [TARGET]
verb_fuzz() {
  local seconds=${1:-}
  local -a chosen
  [[ $seconds =~ ^[1-9][0-9]*$ ]] || die "fuzz: how many seconds for each target? (./dev help)"
  mapfile -t chosen < <(fuzz_targets)
  if [[ -n ${2:-} ]]; then
    [[ " ${chosen[*]} " == *" $2 "* ]] || die "fuzz: no target $2; there are: ${chosen[*]}"
    chosen=("$2")
  fi
  section "dependencies" install_packages
  section "build (fuzz)" build_fuzz_targets fuzz
  section "fuzzing ($seconds s a target)" fuzz_each fuzz "$seconds" "${chosen[@]}" || true
  fuzz_summary "${chosen[@]}"
}
