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

# The suite that every executor must pass, over real rootless Podman: as the user, never as root.
conformance_tests() {
  local tree out status=0
  local -a environment
  tree=$(publish asan) out=$(user_cache_dir conformance)
  rsync -c --chmod=a+rX "$ROOT/build/asan/src/executors/podman_conformance_test" "$tree/bin/asan/"
  as_user rm -f "$out/conformance.xml"
  mapfile -t environment < <(sanitizer_environment)
  AS_USER_DIR=$out as_user env "${environment[@]}" "FLASHPODS_SHIM=$tree/bin/asan/flashpods-shim" \
    "GTEST_OUTPUT=xml:$out/conformance.xml" "$tree/bin/asan/podman_conformance_test" || status=$?
  cp "$out/conformance.xml" "$RESULTS/conformance.xml"
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

# functional_tests PYTEST-ARGS…: the real programs, Podman, rsync and MCP client, as the user.
functional_tests() { with_small_disk run_functional_tests "$@"; }

run_functional_tests() {
  local tree python out status=0
  local -a environment
  tree=$(publish asan) python=$(ensure_venv) out=$(user_cache_dir "functional")
  as_user rm -rf "$out/golden" "$out/junit.xml"
  mapfile -t environment < <(sanitizer_environment)
  FLASHPODS_BIN_DIR=$tree/bin/asan FLASHPODS_GOLDEN_OUT=$out/golden AS_USER_DIR=$out \
    as_user env "${environment[@]}" "$python" -m pytest "$tree/tests/functional" \
    -p no:cacheprovider --junitxml "$out/junit.xml" -o junit_family=xunit2 \
    --timeout 300 --durations 10 -ra -v "$@" || status=$?
  cp "$out/junit.xml" "$RESULTS/functional.xml"
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

# A failing section's cases are counted by the tally, which reads the XML.
test_everything() {
  local all=$1
  lint_and_build
  section "unit tests" unit_tests asan || true
  section "executor conformance" conformance_tests || true
  section "functional tests" functional_tests || true
  local -a reports=(--unit "$RESULTS/asan" --report "$RESULTS/conformance.xml"
    --report "$RESULTS/functional.xml")
  if [[ $all == yes ]]; then
    search 200000 60 15
    build_for_tests tsan
    section "unit tests (tsan)" unit_tests tsan || true
    reports+=(--unit "$RESULTS/tsan")
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
  section "functional tests" functional_tests -k "$1" || true
  tally --report "$RESULTS/functional.xml"
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
