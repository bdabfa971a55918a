#!/usr/bin/env bash
# Bring the compose project up for real, take the README's tour through it, replace functions under traffic, take it
# down. Without a Docker engine, or with one that does not start, it says which of the two and exits 0; with one, anything
# that fails fails it.
#
# LIMIT_SECONDS (default 900) bounds all of it; KEEP=1 leaves the project running. PORT_NGINX and PORT_OIDC as in
# docker-compose.yml, here 9480 and 9481 by default, so that a stack of `make up` can run beside it. ENGINE names a
# program that starts an engine (`up`), prints how to use it (`env`) and stops it (`down`).
set -euo pipefail
cd "$(dirname "$0")/../.."
ENGINE=${ENGINE:-../shared/docker/engine}
export PORT_NGINX=${PORT_NGINX:-9480} PORT_OIDC=${PORT_OIDC:-9481} COMPOSE_PROJECT_NAME=${COMPOSE_PROJECT_NAME:-almanac-ci}
export BUILDKIT_PROGRESS=plain COMPOSE_ANSI=never
PYTHON=${BIN:-.venv/bin}/python
started_engine=

# Once more under a clock: what hangs is told to stop, and the project is taken down all the same.
if [ -z "${UNDER_CLOCK:-}" ]; then
  UNDER_CLOCK=1 exec timeout --kill-after=90 "${LIMIT_SECONDS:-900}" bash "deploy/ci/$(basename "$0")"
fi

say() { echo "compose: [${SECONDS} s] $*"; }

has_engine() { docker info >/dev/null 2>&1; }

# The engine of ENGINE, started when it does not run; else whatever `docker` talks to.
find_engine() {
  local own
  if [ -x "$ENGINE" ] && own=$("$ENGINE" env); then
    if (eval "$own" && has_engine); then
      eval "$own"
      return 0
    fi
    say "starting an engine"
    if "$ENGINE" up && eval "$own" && has_engine; then
      started_engine=1
      return 0
    fi
    has_engine && return 0
    say "NOT RUN, $ENGINE is there and FAILED to start an engine; what it said is above"
    exit 0
  fi
  has_engine
}

show_failure() {
  docker compose ps --all || true
  docker compose logs --no-color --tail 30 || true
}

leave() {
  status=$?
  trap '' HUP INT TERM
  [ "$status" = 0 ] || show_failure >&2
  if [ -z "${KEEP:-}" ]; then
    say "taking it down"
    docker compose down --volumes --remove-orphans --timeout 10 >/dev/null 2>&1 || say "'docker compose down' failed"
    [ -z "$started_engine" ] || "$ENGINE" down
  fi
  exit "$status"
}

if ! find_engine; then
  say "NOT RUN, there is no Docker engine here (neither 'docker info' nor $ENGINE works)"
  exit 0
fi
trap leave EXIT
trap 'exit 143' HUP INT TERM
docker compose down --volumes --remove-orphans --timeout 10 >/dev/null 2>&1 # what an interrupted run left
say "building"
docker compose build --quiet
[ -x "$PYTHON" ] || make install
say "starting"
docker compose up --no-build --wait --wait-timeout 600
SMOKE_TOKEN=$(docker compose exec -T scheduler python -m deploy.local.containers token) \
  "$PYTHON" -m deploy.smoke "http://localhost:$PORT_NGINX" --version compose
say "taking the tour"
COMPOSE_URL=http://localhost:$PORT_NGINX "$PYTHON" -m pytest tests/deploy_cloud/test_compose.py \
  -p no:cacheprovider --color=no
say "the tour and the replacement under traffic passed"
