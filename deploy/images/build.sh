#!/bin/bash
# build.sh NAME: makes localhost/flashpods/NAME:latest from NAME.image, without a registry.
# Run it as the user whose Podman is to have the image. The root filesystem is kept in
# FLASHPODS_IMAGE_CACHE (default ~/.cache/flashpods/images), so a second run takes no time.
#
# NAME.image has one directive a line:
#   kind debian|busybox     the base: a Debian minbase, or one static program
#   package NAME            a Debian package to add (kind debian)
#   file SOURCE DEST MODE   a file from beside the recipe
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CACHE=${FLASHPODS_IMAGE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/flashpods/images}

die() {
  echo "image build: $*" >&2
  exit 1
}

# values DIRECTIVE: what follows it in the recipe, one a line.
values() { awk -v want="$1" '$1 == want { sub(/^[^ ]+ +/, ""); print }' "$RECIPE"; }

recipe_hash() {
  local source
  {
    cat "$RECIPE" "$HERE/build.sh"
    values file | while read -r source _; do cat "$HERE/$source"; done
  } | sha256sum | cut -c1-16
}

# The suite of this machine where it is Debian, so that packages and mirror fit.
suite() {
  (
    # shellcheck source=/dev/null
    . /etc/os-release
    [[ $ID == debian ]] && echo "${VERSION_CODENAME}" || echo bookworm
  )
}

# mmdebstrap doesn't read this machine's apt settings: hand on proxies, timeouts and the like.
acquire_options() {
  apt-config dump --no-empty --format '%f "%v";%n' | grep '^Acquire::' || true
}

bootstrap_debian() {
  local out=$1 packages option
  local -a options=()
  packages=$(values package | paste -sd,)
  while read -r option; do options+=("--aptopt=$option"); done < <(acquire_options)
  mmdebstrap --variant=minbase --mode=unshare --format=tar --include="$packages" \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' "${options[@]}" "$(suite)" "$out" \
    < <("$HERE/debian-sources.sh" deb) -
}

unpack_busybox() {
  local scratch=$1
  (cd "$scratch" && apt-get -q download busybox-static >/dev/null)
  dpkg-deb -x "$scratch"/busybox-static_*.deb "$scratch/deb"
  install -D -m 0755 "$scratch"/deb/bin/busybox "$scratch/root/bin/busybox"
}

link_applets() {
  local root=$1 applet
  mkdir -p "$root"/{bin,dev,etc,home,proc,root,run,sbin,sys,tmp,usr/bin,usr/sbin,var/tmp}
  chmod 1777 "$root/tmp" "$root/var/tmp"
  for applet in $("$root/bin/busybox" --list); do
    [[ $applet == busybox ]] || ln -sf busybox "$root/bin/$applet"
  done
  ln -sf /bin/env "$root/usr/bin/env"
  echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
  echo 'root:x:0:' >"$root/etc/group"
}

add_files() {
  local root=$1 source destination mode
  while read -r source destination mode; do
    install -D -m "$mode" "$HERE/$source" "$root$destination"
  done < <(values file)
}

assemble_busybox() {
  local out=$1 scratch
  scratch=$(mktemp -d "$CACHE/.busybox.XXXXXX")
  # shellcheck disable=SC2064 # the directory of now
  trap "rm -rf '$scratch'" EXIT
  unpack_busybox "$scratch"
  link_applets "$scratch/root"
  add_files "$scratch/root"
  tar -C "$scratch/root" --sort=name --owner=0 --group=0 --numeric-owner -cf "$out" .
}

make_tar() {
  local out=$1
  case $(values kind) in
    debian) bootstrap_debian "$out" ;;
    busybox) assemble_busybox "$out" ;;
    *) die "$RECIPE: 'kind' must be debian or busybox" ;;
  esac
}

imported_hash() {
  podman image inspect --format '{{index .Labels "flashpods-recipe"}}' "$IMAGE" 2>/dev/null || true
}

import_tar() {
  podman import --quiet --change "LABEL flashpods-recipe=$2" --change 'CMD ["/bin/sh"]' \
    --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
    "$1" "$IMAGE" >/dev/null
}

main() {
  [[ $# -eq 1 && $1 =~ ^[a-z0-9-]+$ ]] || die "usage: build.sh NAME"
  RECIPE=$HERE/$1.image IMAGE=localhost/flashpods/$1:latest
  [[ -f $RECIPE ]] || die "no recipe $1.image; there are: $(cd "$HERE" && echo *.image)"
  local hash tar
  hash=$(recipe_hash) tar=$CACHE/$1-$hash.tar
  [[ $(imported_hash) == "$hash" ]] && return
  mkdir -p "$CACHE"
  if [[ ! -f $tar ]]; then
    echo "building $IMAGE ($(values kind))"
    make_tar "$tar.part"
    mv "$tar.part" "$tar"
  fi
  import_tar "$tar" "$hash"
  echo "imported $IMAGE"
}

main "$@"
