#!/bin/sh
# Replace functions of the running compose project one at a time, without a failed request:
#
#   deploy/compose/roll.sh data dashboards-read        (after `docker compose build`, for example)
#
# As Cloud Run does with a revision: the new container starts beside the old one and must be healthy; then the router
# sends nothing new to the old one; then that one gets SIGTERM and finishes what it has begun. A new container that
# does not become healthy is removed again, and the old one goes on.
set -eu
cd "$(dirname "$0")/../.."
# From the new configuration being in place to nginx's old workers having left.
SWITCH_SECONDS=3

list_addresses() {
  for id in "$@"; do
    docker inspect --format '{{range .NetworkSettings.Networks}}{{println .IPAddress}}{{end}}' "$id"
  done | grep .
}

set_drained() { # standard input: the addresses; returns when the router has let go of them
  docker compose exec -T nginx bash -c '
    cat >/tmp/router/drained
    for _ in {1..120}; do
      sed "s/.*/ server &:8080 /" /tmp/router/drained | grep -qFf - /tmp/router/upstreams.conf || exit 0
      sleep 0.5
    done
    echo "error: the router still sends to a container that is to be stopped" >&2
    exit 1'
}

roll() {
  old=$(docker compose ps --quiet "$1")
  [ -n "$old" ] || { echo "error: there is no running service $1" >&2; return 1; }
  wanted=$(($(echo "$old" | wc -l) * 2))
  if ! docker compose up --detach --no-deps --no-recreate --no-build --wait --wait-timeout 300 \
    --scale "$1=$wanted" "$1"; then
    for id in $(docker compose ps --all --quiet "$1"); do
      echo "$old" | grep -qxF "$id" || docker rm --force "$id" >/dev/null
    done
    echo "error: the new container of $1 did not become healthy; the old one goes on" >&2
    return 1
  fi
  # shellcheck disable=SC2086 # one argument per container
  list_addresses $old | set_drained
  sleep "$SWITCH_SECONDS"
  # shellcheck disable=SC2086
  docker stop --time 42 $old >/dev/null && docker rm $old >/dev/null
  set_drained </dev/null
  echo "rolled $1"
}

[ $# -gt 0 ] || { echo "usage: deploy/compose/roll.sh SERVICE..." >&2; exit 2; }
for service; do roll "$service"; done
