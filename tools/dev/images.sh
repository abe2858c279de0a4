# shellcheck shell=bash
# Local container images, built by deploy/images/build.sh as the unprivileged user.

# The user may not be able to enter the checkout (it may be below /root): the recipes go
# where everybody can read them.
publish_recipes() {
  local copy
  copy=$(published_dir)/deploy/images
  mkdir -p "$copy"
  rsync -a --delete --chmod=a+rX "$ROOT/deploy/images/" "$copy/"
  echo "$copy"
}

# ensure_image NAME: localhost/flashpods/NAME:latest exists and is what its recipe says.
ensure_image() {
  local recipes store
  recipes=$(publish_recipes)
  store=$(user_cache_dir images)
  FLASHPODS_IMAGE_CACHE=$store as_user "$recipes/build.sh" "$1"
}
