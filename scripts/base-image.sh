#!/bin/sh
# Gives the engine the image that all others are built on: debian:trixie-slim, or the one named.
# Pulled if it can be, by the digest in images/base.digest where that has one; otherwise made from the
# distribution's packages under the same name. Does nothing when it is there.
# MIRROR=URL is where to make it from, debootstrap's own if unset. --renew notes the digest of today.
set -eu
cd "$(dirname "$0")/.."
digests=images/base.digest

if [ "${1:-}" = --renew ]; then
    image=${2:-debian:trixie-slim}
    docker pull --quiet "$image" >/dev/null
    digest=$(docker image inspect --format '{{index .RepoDigests 0}}' "$image")
    echo "$image ${digest#*@}" >"$digests"
    echo "base image: $image is ${digest#*@} today, in $digests"
    exit 0
fi
image=${1:-debian:trixie-slim}
if docker image inspect "$image" >/dev/null 2>&1; then exit 0; fi
digest=$(awk -v image="$image" '$1 == image {print $2}' "$digests")
pinned=$image
[ -z "$digest" ] || pinned=${image%:*}@$digest
if docker pull --quiet "$pinned" >/dev/null 2>&1; then
    [ "$pinned" = "$image" ] || docker tag "$pinned" "$image"
    echo "base image: pulled $pinned"
    exit 0
fi
case $image in
debian:*-slim) ;;
*)
    echo "base image: $image cannot be pulled, and only debian:RELEASE-slim can be made here" >&2
    exit 1
    ;;
esac
if [ "$(id -u)" != 0 ]; then
    echo "base image: $image cannot be pulled; making it takes root: sudo sh scripts/base-image.sh" >&2
    exit 1
fi
release=${image#debian:}
release=${release%-slim}
sh scripts/packages.sh debootstrap debian-archive-keyring

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
root=$work/root
echo "base image: $image cannot be pulled, making it from the distribution's packages (half a minute)"
# shellcheck disable=SC2086 -- left out when unset
debootstrap --variant=minbase "$release" "$root" ${MIRROR:-} >"$work/log" 2>&1 || {
    tail -n 20 "$work/log" >&2
    echo "base image: debootstrap failed; MIRROR=URL names another mirror of Debian" >&2
    exit 1
}
mirror=$(awk '$1 == "deb" {print $2; exit}' "$root/etc/apt/sources.list")

# What the slim images leave out, now and for every package that follows; licenses stay.
cat >"$root/etc/dpkg/dpkg.cfg.d/docker" <<'CONF'
force-unsafe-io
path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/groff/*
path-exclude /usr/share/info/*
path-exclude /usr/share/linda/*
path-exclude /usr/share/lintian/*
path-exclude /usr/share/locale/*
path-exclude /usr/share/man/*
CONF
cat >"$root/etc/apt/apt.conf.d/docker" <<'CONF'
APT::Install-Recommends "false";
Acquire::Languages "none";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
CONF
cat >"$root/etc/apt/sources.list" <<CONF
deb $mirror $release main
deb $mirror $release-updates main
deb ${mirror%/debian}/debian-security $release-security main
CONF
# No service starts in a container that is being built.
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"

find "$root/usr/share/doc" -type f ! -name copyright -delete
find "$root/usr/share/doc" -type l -delete
find "$root/usr/share/doc" -depth -type d -empty -delete
for folder in groff info linda lintian locale man; do rm -rf "$root/usr/share/$folder"; done
mkdir -p "$root/usr/share/man/man1" "$root/usr/share/locale"
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/cache/apt/*.bin "$root"/var/cache/debconf/*-old \
    "$root"/var/lib/apt/lists/* "$root"/var/lib/dpkg/*-old "$root"/var/log/* "$root"/tmp/* \
    "$root"/etc/machine-id "$root"/etc/hostname "$root"/etc/resolv.conf
: >"$root/etc/machine-id"

tar --create --numeric-owner --sort=name --one-file-system --directory "$root" --exclude './dev/*' . |
    docker import --change 'CMD ["bash"]' - "$image" >/dev/null
echo "base image: made $image"
