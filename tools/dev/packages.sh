# shellcheck shell=bash
# Debian packages: what the project is built, tested and run with.

PACKAGES=(
  # compilers and build
  clang-19 clang-tidy-19 clang-format-19 libclang-rt-19-dev llvm-19 mold ccache cmake ninja-build
  # libraries
  libboost1.81-dev nlohmann-json3-dev libsqlitecpp-dev libsqlite3-dev
  libssl-dev libcli11-dev libtomlplusplus-dev libarchive-dev zlib1g-dev libfmt-dev
  # tests
  libgtest-dev libgmock-dev librapidcheck-dev python3 python3-venv python3-pytest
  python3-jsonschema shellcheck
  # containers
  podman runc crun slirp4netns fuse-overlayfs uidmap rsync mmdebstrap catatonit
  # the rest of what the scripts call
  dpkg-dev e2fsprogs git curl ca-certificates openssl util-linux xz-utils
)

installed_packages() {
  # shellcheck disable=SC2016 # the fields are dpkg's, not the shell's
  dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' "${PACKAGES[@]}" 2>/dev/null |
    sed -n 's/^ii *//p' || true
}

missing_packages() {
  comm -23 <(printf '%s\n' "${PACKAGES[@]}" | sort -u) <(installed_packages | sort -u)
}

# A third-party source that is down must not stop us: what counts is whether the install works.
update_package_lists() {
  as_root apt-get -qq update || note "apt-get update reported errors; going on with what it got"
}

# Lists may have been removed from a slim image: mmdebstrap and apt-get source need them.
have_package_lists() { apt-cache show busybox-static >/dev/null 2>&1; }

install_packages() {
  local -a missing
  mapfile -t missing < <(missing_packages)
  if [[ ${#missing[@]} -eq 0 ]]; then
    have_package_lists || update_package_lists
    note "all ${#PACKAGES[@]} packages are installed"
    return
  fi
  note "installing: ${missing[*]}"
  update_package_lists
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends \
    "${missing[@]}"
}
