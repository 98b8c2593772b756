#!/bin/sh
# Installs the named packages of the distribution if they are absent, and says so.
# Asks for nothing when root; uses sudo otherwise. With --idle none of the services that come with
# them runs, now or after a start of the machine: tests start the programs themselves, and the
# distribution's nginx would keep port 80.
set -eu
idle=
if [ "${1-}" = --idle ]; then
    idle=yes
    shift
fi
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
services=" $(ls /etc/init.d 2>/dev/null | tr '\n' ' ') "
policy=/usr/sbin/policy-rc.d # invoke-rc.d(8): with 101, no service starts while it is installed
if [ -n "$idle" ] && [ ! -e "$policy" ]; then
    trap '$as_root rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
    $as_root chmod 755 "$policy"
fi
# shellcheck disable=SC2086 -- one word each
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
[ -n "$idle" ] || exit 0
for service in /etc/init.d/*; do
    service=${service##*/}
    case $services in
    *" $service "*) ;;
    *) $as_root update-rc.d "$service" disable ;;
    esac
done
