# shellcheck shell=bash
# ./dev lint: each check is one step, so that a failure of one doesn't hide the others.

cpp_files() {
  find "$ROOT/src" "$ROOT/apps" "$ROOT/tests" -name '*.h' -o -name '*.cpp' | sort
}

check_format() {
  cpp_files | xargs -r clang-format-19 --dry-run -Werror
}

check_layers() { /usr/bin/python3 "$ROOT/tools/check_layers.py"; }

shell_files() {
  find "$ROOT/tools" "$ROOT/deploy" "$ROOT/tests" -name '*.sh'
  printf '%s\n' "$ROOT/dev" "$ROOT/.ci/run"
}

check_shell() { shell_files | xargs -r shellcheck -x; }

# clang-tidy reads what the build made: its commands, precompiled and generated headers. Its chatter
# about other people's headers goes. Tests are left out: they are a third of the files, and run under
# the sanitizers anyway.
check_tidy() {
  run-clang-tidy-19 -p "$ROOT/build/asan" -quiet -j "$(nproc)" "^$ROOT/(src|apps)/(?!.*_test\.cpp)(?!.*/conformance/)" 2>&1 |
    sed -u -E '/^$|warnings? generated|^Suppressed|^Use -(header|system)/d'
}

# What needs no build comes before it, clang-tidy after it.
lint_and_build() {
  counted_step "format" check_format
  counted_step "layers" check_layers
  counted_step "shell scripts" check_shell
  counted_step "build (asan)" compile asan
  counted_step "clang-tidy" check_tidy
}

verb_lint() {
  section "dependencies" install_packages
  start_results
  lint_and_build
  tally
}
