#!/usr/bin/env bash
# Bring the compose project up for real, take the README's tour through it, replace functions under traffic, take it
# down. Without a Docker engine it says so and exits 0; with one, anything that fails fails it.
#
# KEEP=1 leaves the project running. PORT_NGINX and PORT_OIDC as in docker-compose.yml, here 9480 and 9481 by default,
# so that a stack of `make up` can run beside it.
set -euo pipefail
cd "$(dirname "$0")/../.."
ENGINE=${ENGINE:-../shared/docker/engine}
export PORT_NGINX=${PORT_NGINX:-9480} PORT_OIDC=${PORT_OIDC:-9481} COMPOSE_PROJECT_NAME=${COMPOSE_PROJECT_NAME:-almanac-ci}
started_engine=

find_engine() {
  docker info >/dev/null 2>&1 && return 0
  [ -x "$ENGINE" ] || return 1
  eval "$("$ENGINE" env)"
  docker info >/dev/null 2>&1 && return 0
  "$ENGINE" up && started_engine=1
}

leave() {
  status=$?
  [ -z "${KEEP:-}" ] || exit "$status"
  if [ "$status" != 0 ]; then
    docker compose ps --all || true
    docker compose logs --no-color --tail 30 || true
  fi
  docker compose down --volumes --timeout 10 >/dev/null 2>&1 || true
  [ -z "$started_engine" ] || "$ENGINE" down
  exit "$status"
}

if ! find_engine; then
  echo "compose: NOT RUN, there is no Docker engine here (neither 'docker info' nor $ENGINE works)"
  exit 0
fi
trap leave EXIT
trap 'exit 143' HUP INT TERM
docker compose down --volumes --timeout 10 >/dev/null 2>&1 # what an interrupted run left
docker compose up --build --wait --wait-timeout 900
COMPOSE_URL=http://localhost:$PORT_NGINX "${PYTHON:-.venv/bin/python}" -m pytest tests/deploy_cloud/test_compose.py -p no:cacheprovider
echo "compose: the tour and the replacement under traffic passed"
