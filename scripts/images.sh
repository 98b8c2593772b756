#!/bin/sh
# Builds lbdisc/base, ha, webapp, etcd and zookeeper (or the ones named) from this tree.
# Python's packages come as wheels that are made or downloaded here, as requirements.lock says;
# the builds themselves reach for nothing but the distribution's packages.
# BASE=… builds on another image, TAG=… tags them otherwise.
set -eu
cd "$(dirname "$0")/.."
base=${BASE:-debian:trixie-slim}
tag=${TAG:-latest}
version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
context=build/images
wheels=$context/wheels

python=.venv/bin/python
"$python" -m pip --version >/dev/null 2>&1 || {
    echo "images: no pip in .venv; run: make setup" >&2
    exit 1
}
quiet_pip() { "$python" -m pip "$@" -qq --disable-pip-version-check; }

# third_party SET: the wheels of build/images/SET.txt, for the images' Python on any glibc of theirs.
third_party() {
    folder=$wheels/third-party-$1
    list=$context/$1.txt
    cmp -s "$list" "$folder/.list" && return
    echo "images: fetching the wheels of $(grep -c == "$list") packages ($1)"
    rm -rf "$folder"
    mkdir -p "$folder"
    machine=$(uname -m)
    platforms=
    for glibc in 17 24 26 27 28 31 34 35 36 39; do
        platforms="$platforms --platform manylinux_2_${glibc}_$machine"
    done
    # What has no wheel to download is made into one here, by the lock's own setuptools.
    sh scripts/lock-part.sh sources "$list" >"$context/sources.txt"
    sh scripts/lock-part.sh wheels "$list" >"$context/rest.txt"
    if [ -s "$context/sources.txt" ]; then
        quiet_pip wheel --no-deps --require-hashes --no-build-isolation --use-pep517 --no-cache-dir \
            -w "$folder" -r "$context/sources.txt"
    fi
    # shellcheck disable=SC2086 -- one word each
    quiet_pip download --no-deps --require-hashes --only-binary=:all: --python-version 3.13 \
        --implementation cp $platforms -d "$folder" -r "$context/rest.txt"
    cp "$list" "$folder/.list"
}

mkdir -p "$wheels"
.venv/bin/python scripts/locked.py lbdisc lbdisc-etcd lbdisc-serf 'lbdisc-zookeeper[sasl]' >"$context/base.txt"
.venv/bin/python scripts/locked.py lbdisc-lab --but lbdisc --but lbdisc-etcd >"$context/webapp.txt"
third_party base
third_party webapp
rm -rf "$wheels/own" && mkdir -p "$wheels/own"
for project in . plugins/*/; do
    (cd "$project" && "$OLDPWD/.venv/bin/python" -m hatchling build -t wheel -d "$OLDPWD/$wheels/own") >/dev/null 2>"$context/log" || {
        cat "$context/log" >&2
        exit 1
    }
done
rm -rf "$context/images" && cp -r images "$context/images"

build() {
    name=$1
    shift
    echo "images: building lbdisc/$name"
    DOCKER_BUILDKIT=0 docker build --network host --build-arg "BASE=$base" \
        --build-arg "VERSION=$version" \
        --tag "lbdisc/$name:$tag" "$@" "$context" >"$context/log" 2>&1 || {
        tail -n 40 "$context/log" >&2
        exit 1
    }
    if [ "$tag" = latest ]; then docker tag "lbdisc/$name:latest" "lbdisc/$name:$version"; fi
}
for image in ${*:-base ha webapp etcd zookeeper}; do
    case $image in
    base | ha | webapp) build "$image" --target "$image" --file "$context/images/Dockerfile" ;;
    *) build "$image" --file "$context/images/$image/Dockerfile" ;;
    esac
done
docker images --filter 'reference=lbdisc/*' --format 'table {{.Repository}}\t{{.Tag}}\t{{.Size}}'
