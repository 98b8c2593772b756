#!/bin/sh
# The images' HAProxy, etcd and ZooKeeper beside the machine's own, which are a generation older:
# build/newer has haproxy, etcd and etcdctl, to be put before the others in PATH, and build/newer/java
# ZooKeeper's jars, for ZOOKEEPER_JARS. Each runs with the libraries that are beside it in its image.
set -eu
cd "$(dirname "$0")/.."
folder=$PWD/build/newer

# taken IMAGE FOLDER...: the folders of the image, in build/newer/trees/IMAGE.
taken() {
    image=lbdisc/$1:${TAG:-latest}
    tree=$folder/trees/$1
    shift
    id=$(docker image inspect -f '{{.Id}}' "$image") || {
        echo "newer: no image $image; run: make images" >&2
        exit 1
    }
    [ "$(cat "$tree/.image" 2>/dev/null)" = "$id" ] && return
    echo "newer: taking what is in $image"
    rm -rf "$tree"
    mkdir -p "$tree"
    container=$(docker create "$image")
    docker export "$container" | tar -x -C "$tree" "$@"
    docker rm "$container" >/dev/null
    echo "$id" >"$tree/.image"
}

# program IMAGE PATH: build/newer/NAME runs it.
program() { sh scripts/own-libraries.sh "$folder/trees/$1" "$2" "$folder/${2##*/}"; }

taken ha usr/sbin/haproxy usr/lib
taken etcd usr/bin/etcd usr/bin/etcdctl usr/lib
taken zookeeper usr/share/java
program ha usr/sbin/haproxy
program etcd usr/bin/etcd
program etcd usr/bin/etcdctl
rm -rf "$folder/java"
ln -s trees/zookeeper/usr/share/java "$folder/java"
"$folder/haproxy" -v | head -n 1
"$folder/etcd" --version | head -n 1
