# shellcheck shell=bash
# ./dev test and ./dev check.

# unit_tests PRESET: GoogleTest writes one XML a program, ctest one for the programs.
unit_tests() {
  local preset=$1 out=$RESULTS/$1
  mkdir -p "$out"
  GTEST_OUTPUT="xml:$out/" UBSAN_OPTIONS=print_stacktrace=1 ctest \
    --test-dir "$ROOT/build/$preset" --exclude-regex '^podman_conformance$' --parallel "$(nproc)" --timeout 300 \
    --output-on-failure --no-tests=error --output-junit "$out/ctest.xml"
}

# conformance_tests PRESET: the suite that every executor must pass, over real rootless Podman; as the
# user, never as root.
conformance_tests() {
  local preset=$1 tree out status=0
  local -a environment
  tree=$(publish "$preset") out=$(user_cache_dir conformance)
  rsync -c --chmod=a+rX "$ROOT/build/$preset/src/executors/podman_conformance_test" "$tree/bin/$preset/"
  as_user rm -f "$out/conformance.xml"
  mapfile -t environment < <(sanitizer_environment)
  AS_USER_DIR=$out as_user env "${environment[@]}" \
    "FLASHPODS_SHIM=$tree/bin/$preset/flashpods-shim" "GTEST_OUTPUT=xml:$out/conformance.xml" \
    "$tree/bin/$preset/podman_conformance_test" || status=$?
  cp "$out/conformance.xml" "$RESULTS/conformance-$preset.xml"
  return "$status"
}

# with_small_disk CMD…: FLASHPODS_SMALL_DISK is then a filesystem of 3 GB, for tests that fill it.
# Only root can mount one; without it those tests are skipped.
with_small_disk() {
  local status=0 image mount
  [[ $(id -u) -eq 0 ]] || { "$@"; return; }
  image=$(cache_dir small-disk)/image mount=$(cache_dir small-disk)/mount
  mkdir -p "$mount"
  mountpoint -q "$mount" && umount "$mount"
  truncate -s 3G "$image"
  mkfs.ext4 -q -F -m 0 "$image"
  if mount -o loop "$image" "$mount"; then
    rmdir "$mount/lost+found"
    chown "$DEV_USER:" "$mount"
    export FLASHPODS_SMALL_DISK=$mount
  fi
  "$@" || status=$?
  umount --lazy "$mount" || true
  rm -f "$image"
  return "$status"
}

sanitizer_environment() {
  printf '%s\n' "ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1" \
    "UBSAN_OPTIONS=print_stacktrace=1" "PYTHONDONTWRITEBYTECODE=1"
}

# functional_tests PRESET PYTEST-ARGS…: the real programs, Podman, rsync and MCP client, as the user.
functional_tests() { with_small_disk run_functional_tests "$@"; }

run_functional_tests() {
  local preset=$1 tree python out status=0
  local -a environment
  shift
  tree=$(publish "$preset") python=$(ensure_venv) out=$(user_cache_dir "functional")
  as_user rm -rf "$out/golden" "$out/junit.xml"
  mapfile -t environment < <(sanitizer_environment)
  FLASHPODS_BIN_DIR=$tree/bin/$preset FLASHPODS_GOLDEN_OUT=$out/golden AS_USER_DIR=$out \
    as_user env "${environment[@]}" "$python" -m pytest "$tree/tests/functional" \
    -p no:cacheprovider --junitxml "$out/junit.xml" -o junit_family=xunit2 \
    --timeout 300 --durations 10 -ra -v "$@" || status=$?
  cp "$out/junit.xml" "$RESULTS/functional-$preset.xml"
  take_golden_files "$out/golden"
  return "$status"
}

# With FLASHPODS_TEST_ACCEPT=1 the tests leave new golden files behind.
take_golden_files() {
  [[ ! -d $1 ]] || cp -v "$1"/* "$ROOT/tests/golden/"
}

build_for_tests() { counted_step "build ($1)" compile "$1"; }

prepare_images() {
  local image
  for image in busybox agent-test worker rust; do ensure_image "$image"; done
}

prepare_tests() {
  section "dependencies" prepare_machine
  section "images" prepare_images
  start_results
}

# What makes threads and processes meet: run under TSan too.
CONCURRENT='jobs_life or jobs_admission or jobs_restart or jobs_stop or jobs_output or uploads_states'

# test_preset PRESET PYTEST-ARGS…: a failing section's cases are counted by the tally, which reads the
# XML.
test_preset() {
  local preset=$1
  shift
  section "unit tests ($preset)" unit_tests "$preset" || true
  section "executor conformance ($preset)" conformance_tests "$preset" || true
  section "functional tests ($preset)" functional_tests "$preset" "$@" || true
}

test_everything() {
  local all=$1
  lint_and_build
  test_preset asan
  local -a reports=(--unit "$RESULTS/asan" --report "$RESULTS/conformance-asan.xml"
    --report "$RESULTS/functional-asan.xml")
  if [[ $all == yes ]]; then
    search 200000 60 15
    build_for_tests tsan
    FLASHPODS_TEST_ALL='' test_preset tsan -k "$CONCURRENT"
    reports+=(--unit "$RESULTS/tsan" --report "$RESULTS/conformance-tsan.xml"
      --report "$RESULTS/functional-tsan.xml")
    counted_step "build (coverage)" build_coverage
    counted_step "coverage" check_coverage
  else
    search 10000 20 1
  fi
  tally "${reports[@]}"
}

# search SEEDS FUZZ-SECONDS CHAOS-MINUTES: what finds more the longer it runs.
search() {
  counted_step "simulation (asan)" simulation asan --seeds 100
  counted_step "build (simulation)" build_simulation release
  counted_step "simulation" simulation release --seeds "$1"
  counted_step "build (fuzz)" build_fuzz_targets fuzz
  fuzz_steps fuzz "$2"
  counted_step "chaos" run_chaos --minutes "$3"
}

test_selected() {
  build_for_tests asan
  section "functional tests" functional_tests asan -k "$1" || true
  tally --report "$RESULTS/functional-asan.xml"
}

verb_test() {
  local all=no select=''
  while [[ $# -gt 0 ]]; do
    case $1 in
      --all) all=yes ;;
      -k) select=${2:?-k needs an expression} && shift ;;
      *) die "test: unknown argument $1 (./dev help)" ;;
    esac
    shift
  done
  [[ $all == no ]] || export FLASHPODS_TEST_ALL=1
  prepare_tests
  if [[ -n $select ]]; then test_selected "$select"; else test_everything "$all"; fi
}

verb_check() {
  section "dependencies" install_packages
  start_results
  build_for_tests asan
  section "unit tests" unit_tests asan || true
  tally --unit "$RESULTS/asan"
}
