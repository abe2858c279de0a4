# shellcheck shell=bash
# What a person sees: sections with durations, notes, and one way to fail.

if [[ -t 1 ]]; then
  BOLD=$'\e[1m' DIM=$'\e[2m' RED=$'\e[31m' RESET=$'\e[0m'
else
  BOLD='' DIM='' RED='' RESET=''
fi

note() { printf '%s   %s%s\n' "$DIM" "$*" "$RESET"; }

die() {
  printf '%sdev: %s%s\n' "$RED" "$*" "$RESET" >&2
  exit 1
}

# section TITLE CMD…: runs CMD under a heading, says how long it took, keeps its exit status.
section() {
  local title=$1 began=$SECONDS status=0
  shift
  printf '%s== %s%s\n' "$BOLD" "$title" "$RESET"
  run_strict "$@" || status=$?
  printf '%s   %s: %d s%s%s\n' "$DIM" "$title" "$((SECONDS - began))" \
    "$([[ $status -eq 0 ]] || echo ", failed ($status)")" "$RESET"
  return "$status"
}

# run_strict FUNCTION ARG…: bash switches `set -e` off in everything that is called as part of
# `||`, subshells included; only a process of its own has both strictness and a status.
run_strict() { "$ROOT/dev" --call "$@"; }
