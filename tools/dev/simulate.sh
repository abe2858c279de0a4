# shellcheck shell=bash
# ./dev simulate: the domain under a seeded scheduler (tests/simulation).

build_simulation() {
  use_compiler_cache
  configure "$1"
  cmake --build "$ROOT/build/$1" --parallel "$(nproc)" --target flashpods-simulate
}

# simulation PRESET ARGS…
simulation() {
  local preset=$1
  shift
  "$ROOT/build/$preset/tests/simulation/flashpods-simulate" "$@"
}

# ./dev simulate [--seeds N] [--from K] [--seed S]; --seed replays one and prints each step.
verb_simulate() {
  section "dependencies" install_packages
  section "build (release)" build_simulation release
  simulation release "$@"
}
