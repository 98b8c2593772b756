#!/bin/sh
# Installs the named packages of the distribution if they are absent, and says so.
# Asks for nothing when root; uses sudo otherwise.
set -eu
missing=
for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' ||
        missing="$missing $package"
done
[ -n "$missing" ] || exit 0
as_root=
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || {
        echo "packages:$missing missing: install them as root, or install sudo" >&2
        exit 1
    }
    as_root=sudo
fi
echo "packages: installing$missing from the distribution"
$as_root apt-get update -qq
# shellcheck disable=SC2086 -- one word each
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
