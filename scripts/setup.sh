#!/bin/sh
# Makes .venv and installs lbdisc and its plugins into it, exactly as requirements.lock says.
# Does nothing when it is up to date.
set -eu
cd "$(dirname "$0")/.."
venv=.venv
python=${PYTHON:-python3}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "lbdisc needs Python 3.11 or newer; this is $("$python" --version 2>&1)" >&2
    exit 1
}
wanted=$(cat requirements.lock pyproject.toml plugins/*/pyproject.toml | sha256sum | cut -d' ' -f1)
if [ -f "$venv/.installed" ] && [ "$(cat "$venv/.installed")" = "$wanted" ] && "$venv/bin/python" -c ''; then
    exit 0
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    sh scripts/packages.sh python3-venv
fi
echo "setup: making $venv and installing the packages of requirements.lock into it"
"$python" -m venv --clear "$venv"
quiet_pip() { "$venv/bin/pip" install --quiet --disable-pip-version-check "$@"; }
# All that is run on this machine is what the lock has hashes of. That goes for what builds the
# packages without wheels as well: it is in the lock, and pip fetches nothing else for it.
sh scripts/lock-part.sh wheels >"$venv/wheels.txt"
sh scripts/lock-part.sh sources >"$venv/sources.txt"
quiet_pip --require-hashes --no-deps --only-binary=:all: -r "$venv/wheels.txt"
quiet_pip --require-hashes --no-deps --no-build-isolation --use-pep517 --no-cache-dir -r "$venv/sources.txt"
editable="-e ."
for plugin in plugins/*/; do editable="$editable -e ./$plugin"; done
# shellcheck disable=SC2086 -- one word each
quiet_pip --no-build-isolation --no-deps $editable
"$venv/bin/pip" check >"$venv/check.txt" || {
    cat "$venv/check.txt" >&2
    exit 1
}
echo "$wanted" >"$venv/.installed"
echo "setup: done"
