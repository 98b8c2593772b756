#!/bin/sh
# Makes sure that a Docker engine answers: installs one if there is none, starts it if it is down.
# Says what it does, and does nothing when an engine answers already.
set -eu
cd "$(dirname "$0")/.."
log=${DOCKERD_LOG:-/var/log/dockerd.log}
limit=60 # seconds until an engine that was started has to answer

answers() { docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

fail() {
    echo "docker: $1" >&2
    exit 1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# A client may be there without an engine, and the engine in a folder that is not on every PATH.
engine() { command -v dockerd || PATH=/usr/sbin:/sbin:/usr/local/sbin command -v dockerd; }

install() {
    engine >/dev/null && command -v docker >/dev/null || sh scripts/packages.sh docker.io
    engine >/dev/null || fail "no dockerd, though the package docker.io is installed"
}

start() {
    if [ -d /run/systemd/system ]; then
        echo "docker: starting the engine through systemd"
        as_root systemctl start docker
        return
    fi
    echo "docker: no engine answers; starting $(engine), log in $log"
    # Of its own session, so that the end of this terminal or job does not end it, and without the
    # lock. Proxies and registries are the operator's own: the environment goes along.
    as_root sh -c 'exec setsid "$0" >>"$1" 2>&1 </dev/null 9>&- &' "$(engine)" "$log"
}

wait_until_it_answers() {
    end=$(($(date +%s) + limit))
    until answers; do
        # Root may reach the socket when the user may not: then waiting does not help.
        if [ "$(id -u)" != 0 ] && as_root docker version >/dev/null 2>&1; then
            fail "the engine runs, but $(id -un) may not use it: join the group docker, or be root"
        fi
        if [ "$(date +%s)" -ge "$end" ]; then
            tail -n 5 "$log" >&2 2>/dev/null || true
            fail "the engine does not answer within $limit s; see $log"
        fi
        sleep 0.2
    done
    echo "docker: engine $(docker version --format '{{.Server.Version}}') answers"
}

answers && exit 0
if [ -n "${DOCKER_HOST:-}" ]; then fail "no engine answers at DOCKER_HOST=$DOCKER_HOST"; fi
if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
    fail "no engine answers; be root to start one, or install sudo"
fi
# Two at once: the second waits, and finds the engine of the first.
exec 9>"${TMPDIR:-/tmp}/lbdisc-docker.$(id -u).lock"
flock 9
answers && exit 0
install
answers || start
wait_until_it_answers
