# shellcheck shell=bash
# Podman's configuration for the unprivileged user. What a person has configured stays as it is.

podman_config_dir() { echo "$(user_home)/.config/containers"; }

# write_user_file PATH: stdin becomes a file of the user's, unless it exists.
write_user_file() {
  as_user test -e "$1" && return
  as_user mkdir -p "$(dirname "$1")"
  as_user tee "$1" >/dev/null
}

# Podman falls back to vfs, which copies a whole image for each container, where nobody says so.
configure_storage() {
  [[ -e /etc/containers/storage.conf ]] && return
  write_user_file "$(podman_config_dir)/storage.conf" <<'CONF'
[storage]
driver = "overlay"
CONF
}

# Without a systemd session of the user's there is neither a cgroup manager nor a journal.
engine_settings() {
  printf '[engine]\nruntime = "%s"\n' "$1"
  if [[ ! -S /run/user/$(user_uid)/systemd/private ]]; then
    printf 'cgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
  fi
}

# runtime_works NAME: whether a container really runs with this OCI runtime, configured as it
# would be. crun refuses hybrid cgroups, and older runc refuses cgroup v2 without delegation.
runtime_works() {
  local conf status=0
  conf=/run/user/$(user_uid)/flashpods-trial.conf
  engine_settings "$1" | as_user tee "$conf" >/dev/null
  as_user env "CONTAINERS_CONF=$conf" podman run --rm --network=none --userns=keep-id \
    localhost/flashpods/busybox:latest true >/dev/null 2>&1 || status=$?
  as_user rm -f "$conf"
  return "$status"
}

choose_runtime() {
  local runtime
  for runtime in crun runc; do
    if runtime_works "$runtime"; then
      echo "$runtime"
      return
    fi
  done
  return 1
}

configure_engine() {
  local conf runtime
  conf=$(podman_config_dir)/containers.conf
  as_user test -e "$conf" && return
  runtime=$(choose_runtime) ||
    die "no OCI runtime starts a container as $DEV_USER; try: podman run --rm --userns=keep-id IMAGE true"
  note "OCI runtime: $runtime"
  engine_settings "$runtime" | write_user_file "$conf"
}

prepare_podman() {
  prepare_user
  configure_storage
  ensure_image busybox
  configure_engine
}
