# shellcheck shell=bash
# What `./dev test` counts: steps are recorded here, test cases in XML, tally.py sums them up.

RESULTS=$ROOT/build/results

start_results() {
  rm -rf "$RESULTS"
  mkdir -p "$RESULTS"
  : >"$RESULTS/steps.tsv"
}

# record passed|failed|skipped NAME [REASON]
record() { printf '%s\t%s\t%s\n' "$1" "$2" "${3:-}" >>"$RESULTS/steps.tsv"; }

# counted_step NAME CMD…: a section whose outcome is one of the counted results.
counted_step() {
  local name=$1 status=0
  section "$@" || status=$?
  if [[ $status -eq 0 ]]; then
    record passed "$name"
  else
    record failed "$name" "exit status $status"
  fi
}

# tally ARGS: prints failures, skips with reasons, and the last line; fails if anything failed.
tally() { /usr/bin/python3 "$ROOT/tools/dev/tally.py" --steps "$RESULTS/steps.tsv" "$@"; }
