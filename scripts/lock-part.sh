#!/bin/sh
# Prints the blocks of requirements.lock (or of the lock on standard input, with -) of the packages
# that have wheels, or of those that are built from their sources (scripts/unbuilt).
# lock-part.sh wheels|sources [-]
set -eu
folder=$(dirname "$0")
names=$(paste -sd '|' "$folder/unbuilt")
case $1 in
wheels) wanted=0 ;;
sources) wanted=1 ;;
esac
lock=${2:-$folder/../requirements.lock}
awk -v names="^($names)==" -v wanted="$wanted" '/^[^ ]/ {on = ($0 ~ names) == wanted} on' "$lock"
