#!/bin/sh
# As the lab's scripts do it: a file for each node, then the configuration, then HAProxy anew. Serf
# calls this for each event, with SERF_EVENT set and one member on each line of standard input: NAME
# ADDRESS ROLE TAGS. Called as `handler.sh FOLDER`.
set -eu
folder=$1
while read -r name address role tags; do
    [ "$role" = backend ] || continue
    port=$(printf '%s' "$tags" | sed -n 's/.*port=\([0-9]*\).*/\1/p')
    case $SERF_EVENT in
    member-join) echo "$name $address $port" >"$folder/nodes/$name" ;;
    *) rm -f "$folder/nodes/$name" ;;
    esac
done
sh "$(dirname "$0")/restart.sh" "$folder"
