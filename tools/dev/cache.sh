# shellcheck shell=bash
# What is kept between runs lives outside the work tree.

default_cache() {
  if [[ $(id -u) -eq 0 ]]; then
    echo /var/cache/flashpods-dev
  else
    echo "${XDG_CACHE_HOME:-$HOME/.cache}/flashpods-dev"
  fi
}

CACHE=${FLASHPODS_DEV_CACHE:-$(default_cache)}

# cache_dir NAME: makes and prints a directory of the cache that all may read.
cache_dir() {
  mkdir -p "$CACHE/$1"
  chmod 0755 "$CACHE" "$CACHE/$1"
  echo "$CACHE/$1"
}

# user_cache_dir NAME: the same, writable by the unprivileged user.
user_cache_dir() {
  cache_dir "$1" >/dev/null
  if [[ $(id -u) -eq 0 ]]; then
    chown "$DEV_USER:" "$CACHE/$1"
  fi
  echo "$CACHE/$1"
}

# file_hash FILE…: one short hash over the contents, to know when something cached is stale.
file_hash() { cat -- "$@" | sha256sum | cut -c1-16; }

# The unprivileged user may not be able to enter the checkout: programs and tests are run from
# a copy that it can read, one for each checkout.
published_dir() {
  cache_dir "trees/$(printf %s "$ROOT" | sha256sum | cut -c1-12)"
}
