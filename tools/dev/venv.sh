# shellcheck shell=bash
# Python with the official MCP client and pytest, cached and readable by the unprivileged user.

# Always Debian's Python: another one on PATH may not be there for the other user.
make_venv() {
  local dir=$1
  rm -rf "$dir"
  /usr/bin/python3 -m venv "$dir"
  "$dir/bin/pip" install --quiet --disable-pip-version-check -r "$ROOT/tests/support/requirements.txt"
  chmod -R a+rX "$dir"
  touch "$dir/.complete"
}

# ensure_venv: prints the path of its python.
ensure_venv() {
  local dir
  dir=$(cache_dir venv)/$(file_hash "$ROOT/tests/support/requirements.txt")
  [[ -e $dir/.complete ]] || (umask 022 && make_venv "$dir" >&2)
  echo "$dir/bin/python"
}
