# shellcheck shell=bash
# ./dev deps: packages, user, Podman, test image.

prepare_machine() {
  install_packages
  prepare_podman
}

verb_deps() { section "dependencies" prepare_machine; }
