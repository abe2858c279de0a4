# shellcheck shell=bash
# ./dev demo: a real project goes in, a binary comes out.

DEMO_PACKAGE=${FLASHPODS_DEMO_PACKAGE:-lua5.4}

# private_apt VERB…: apt-get with a sources list of our own that has deb-src lines; the
# machine's configuration stays as it is.
private_apt() {
  local state=$1
  shift
  apt-get -qq -o Dir::Etc::SourceList="$state/sources.list" -o Dir::Etc::SourceParts=- \
    -o Dir::State::Lists="$state/lists" -o Dir::Cache::PkgCache= -o Dir::Cache::SrcPkgCache= \
    -o APT::Sandbox::User= "$@"
}

# source_package NAME: prints the directory with the package's pristine upstream source.
source_package() {
  local name=$1 state dir
  state=$(cache_dir apt) dir=$(cache_dir source)/$name
  if [[ ! -d $dir ]]; then
    download_source "$name" "$state" "$dir.part" >&2
    mv "$dir.part" "$dir"
  fi
  echo "$dir"
}

download_source() {
  local name=$1 state=$2 to=$3
  mkdir -p "$state/lists/partial" "$state/$name"
  "$ROOT/deploy/images/debian-sources.sh" deb-src >"$state/sources.list"
  private_apt "$state" update
  (cd "$state/$name" && private_apt "$state" source --download-only "$name")
  rm -rf "$to"
  dpkg-source --no-check --skip-patches -x "$state/$name"/*.dsc "$to"
  chmod -R a+rX "$to"
}

run_demo() {
  local tree=$1 python=$2 source=$3 work
  work=$(user_cache_dir demo)
  FLASHPODS_BIN_DIR=$tree/bin/release AS_USER_DIR=$work as_user \
    "$python" -u "$tree/tests/demo/demo.py" --source "$source" --package "$DEMO_PACKAGE"
}

demo_set_up() {
  prepare_machine
  ensure_image worker
  ensure_venv >/dev/null
  source_package "$DEMO_PACKAGE" >/dev/null
}

verb_demo() {
  section "set-up" demo_set_up
  section "build (release)" build_programs release
  run_demo "$(publish release)" "$(ensure_venv)" "$(source_package "$DEMO_PACKAGE")"
}
