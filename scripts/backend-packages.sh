#!/bin/sh
# Prints the packages of the distribution that `lbdisc demo` with these arguments needs.
set -eu
backend=file
while [ $# -gt 0 ]; do
    case $1 in
    --backend=*) backend=${1#--backend=} ;;
    --backend | -b) [ $# -gt 1 ] && backend=$2 ;;
    esac
    shift
done
echo haproxy
case $backend in
serf) echo serf ;;
etcd) echo etcd-server etcd-client ;;
zookeeper) echo zookeeper ;;
doozer) ;; # its server is our own
esac
