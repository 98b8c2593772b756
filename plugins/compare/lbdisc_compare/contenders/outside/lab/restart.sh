#!/bin/sh
# Renders the nodes into the configuration, in place, and starts a second HAProxy that tells the
# first to finish (-sf): no check, no handing over of sockets.
set -eu
folder=$1
{
    cat "$folder/head.cfg"
    for node in "$folder"/nodes/*; do
        [ -e "$node" ] || continue
        read -r name address port <"$node"
        echo "    server $name $address:$port $(cat "$folder/check")"
    done
} >"$folder/haproxy.cfg"
old=$(cat "$folder/haproxy.pid" 2>/dev/null || true)
# shellcheck disable=SC2086  # no process, or several
exec haproxy -D -f "$folder/haproxy.cfg" -p "$folder/haproxy.pid" ${old:+-sf $old}
