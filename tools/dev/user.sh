# shellcheck shell=bash
# The unprivileged user and what rootless Podman needs of the machine.

ensure_user_exists() {
  id "$DEV_USER" >/dev/null 2>&1 && return
  note "creating the user $DEV_USER"
  as_root useradd -m -s /bin/bash "$DEV_USER"
}

# next_free_subid FILE: the first id above every range that is handed out already.
next_free_subid() {
  awk -F: 'BEGIN { next_id = 100000 } $2 + $3 > next_id { next_id = $2 + $3 } END { print next_id }' "$1"
}

ensure_subids_in() {
  local file=$1 option=$2 first
  as_root touch "$file"
  grep -qE "^($DEV_USER|$(user_uid)):" "$file" && return
  first=$(next_free_subid "$file")
  as_root usermod "$option" "$first-$((first + 65535))" "$DEV_USER"
}

ensure_subids() {
  ensure_subids_in /etc/subuid --add-subuids
  ensure_subids_in /etc/subgid --add-subgids
}

has_systemd() { [[ -d /run/systemd/system ]]; }

# With systemd the user's manager makes the directory (and gives us delegated cgroups).
ensure_runtime_dir() {
  local uid dir
  uid=$(user_uid) dir=/run/user/$uid
  [[ -d $dir ]] && return
  if has_systemd; then
    as_root loginctl enable-linger "$DEV_USER"
    wait_for_dir "$dir" && return
  fi
  as_root install -d -m 0755 /run/user
  as_root install -d -m 0700 -o "$uid" -g "$(user_gid)" "$dir"
}

wait_for_dir() {
  local tries
  for ((tries = 0; tries < 50; tries++)); do
    [[ -d $1 ]] && return
    sleep 0.1
  done
  return 1
}

ensure_device() {
  local path=$1 major=$2 minor=$3
  if [[ ! -e $path ]]; then
    as_root mkdir -p "$(dirname "$path")"
    as_root mknod "$path" c "$major" "$minor" || return 0
  fi
  as_user test -r "$path" -a -w "$path" || as_root chmod 666 "$path"
}

# Podman warns and loses mounts where / isn't shared, as in most containers and chroots.
ensure_shared_root_mount() {
  [[ $(findmnt -no PROPAGATION /) == shared* ]] || as_root mount --make-rshared /
}

prepare_user() {
  ensure_user_exists
  ensure_subids
  ensure_runtime_dir
  ensure_device /dev/fuse 10 229
  ensure_device /dev/net/tun 10 200
  ensure_shared_root_mount
}
