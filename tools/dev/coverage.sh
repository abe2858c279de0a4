# shellcheck shell=bash
# ./dev coverage: which lines of the domain its unit tests and the simulator run.

COVERED=(jobs uploads logs artifacts)

# Programs whose runs count; what a daemon killed in a functional test ran is not counted.
coverage_programs() {
  local build=$ROOT/build/coverage folder
  for folder in "${COVERED[@]}"; do echo "$build/src/$folder/${folder}_test"; done
  echo "$build/tests/simulation/flashpods-simulate"
}

build_coverage() {
  use_compiler_cache
  configure coverage
  coverage_programs | xargs -n 1 basename | xargs cmake --build "$ROOT/build/coverage" --parallel "$(nproc)" --target
}

# count_lines DIRECTORY RUNNER… -- PROGRAM ARG…: leaves its counts in DIRECTORY; RUNNER starts it.
count_lines() {
  local directory=$1 name
  local -a runner=()
  shift
  while [[ $1 != -- ]]; do runner+=("$1") && shift; done
  shift
  name=$(basename "$1")
  "${runner[@]}" env "LLVM_PROFILE_FILE=$directory/$name-%p.profraw" "$@" \
    >>"$ROOT/build/coverage/$name.log" 2>&1 || die "coverage: $name fails, see build/coverage/$name.log"
}

# To root no directory is closed: what opens them runs only as somebody else.
count_uploads_as_user() {
  local directory
  directory=$(user_cache_dir coverage)
  install -m 0755 "$ROOT/build/coverage/src/uploads/uploads_test" "$directory"
  count_lines "$directory" as_user -- "$directory/uploads_test"
  mv "$directory"/*.profraw "$1"
  rm "$directory/uploads_test"
}

run_coverage() {
  local profiles=$ROOT/build/coverage/profiles program
  rm -rf "$profiles" "$ROOT"/build/coverage/*.log
  mkdir -p "$profiles"
  while read -r program; do
    if [[ $program == *simulate ]]; then
      count_lines "$profiles" -- "$program" --seeds 200
    else
      count_lines "$profiles" -- "$program"
    fi
  done < <(coverage_programs)
  count_uploads_as_user "$profiles"
  llvm-profdata-19 merge -sparse "$profiles"/*.profraw -o "$profiles/all.profdata"
}

# A table by folder and file; fails if a folder has less than 95 % of its lines.
report_coverage() {
  local profiles=$ROOT/build/coverage/profiles
  local -a objects=() programs
  mapfile -t programs < <(coverage_programs)
  for program in "${programs[@]:1}"; do objects+=(-object "$program"); done
  llvm-cov-19 export -summary-only -instr-profile "$profiles/all.profdata" "${programs[0]}" "${objects[@]}" |
    /usr/bin/python3 "$ROOT/tools/dev/coverage.py" "$ROOT/src" "${COVERED[@]}"
}

check_coverage() {
  run_coverage
  report_coverage
}

verb_coverage() {
  section "dependencies" prepare_machine
  section "build (coverage)" build_coverage
  section "tests" check_coverage
}
