# shellcheck shell=bash
# Who does what: root sets the machine up, an unprivileged user runs daemon and containers.

# The user that runs Podman: the caller's own, or `flashpods` where the caller is root.
if [[ $(id -u) -eq 0 ]]; then
  DEV_USER=${FLASHPODS_DEV_USER:-flashpods}
else
  DEV_USER=$(id -un)
fi

as_root() {
  if [[ $(id -u) -eq 0 ]]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "this step needs root: run ./dev as root, or install sudo ($*)"
  fi
}

user_uid() { id -u "$DEV_USER"; }
user_gid() { id -g "$DEV_USER"; }
user_home() { getent passwd "$DEV_USER" | cut -d: -f6; }

# What survives from our environment into the user's: proxies, and our own switches.
passed_environment() {
  env | grep -E '^(https?_proxy|HTTPS?_PROXY|no_proxy|NO_PROXY|TERM|FLASHPODS_[A-Z_]*)=' || true
}

# as_user CMD…: runs CMD as DEV_USER with a clean environment, in the user's home
# (or in AS_USER_DIR), without a login shell.
as_user() {
  local home uid
  home=$(user_home) uid=$(user_uid)
  local -a environment=(
    "HOME=$home" "USER=$DEV_USER" "LOGNAME=$DEV_USER" "LANG=C.UTF-8"
    "XDG_RUNTIME_DIR=/run/user/$uid"
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
  )
  mapfile -t -O "${#environment[@]}" environment < <(passed_environment)
  local -a become=()
  if [[ $(id -u) -eq 0 ]]; then
    become=(setpriv --reuid "$uid" --regid "$(user_gid)" --init-groups --)
  fi
  (
    umask 022
    cd "${AS_USER_DIR:-$home}" || exit
    exec env -i "${environment[@]}" "${become[@]}" "$@"
  )
}
