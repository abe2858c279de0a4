#!/bin/bash
# debian-sources.sh deb|deb-src: prints one-line apt sources for the Debian mirrors that this
# machine is configured with, whatever the format of its own files (.list or deb822), and leaves
# other vendors' sources out. Fails where the machine has no Debian mirror.
set -euo pipefail

KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

targets() {
  # shellcheck disable=SC2016 # the names are apt's, not the shell's
  apt-get indextargets 'Identifier: Packages' \
    --format '$(ORIGIN)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)'
}

# The origin is only known once the lists were fetched; until then the mirror's path must do.
is_debian() {
  local origin=$1 uri=${2%/}
  [[ $origin == Debian || (-z $origin && $uri =~ /debian(-security)?$) ]]
}

print_sources() {
  local type=$1 origin uri release component
  while IFS='|' read -r origin uri release component; do
    is_debian "$origin" "$uri" || continue
    printf '%s [signed-by=%s] %s %s %s\n' "$type" "$KEYRING" "$uri" "$release" "$component"
  done
}

sources=$(targets | print_sources "${1:-deb}" | sort -u)
[[ -n $sources ]] || {
  echo "debian-sources: no Debian mirror in this machine's apt configuration" >&2
  exit 1
}
printf '%s\n' "$sources"
