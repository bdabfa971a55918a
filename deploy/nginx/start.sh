#!/bin/bash
# Run nginx in a container, and follow the functions' containers: nginx asks DNS for its upstreams only when it
# reads its configuration. So the names are replaced by the addresses behind them, all replicas of a function
# included, and whenever those change nginx reads them again, without losing a request.
#
# A container that has just begun is named by DNS before it listens: it joins when it first answers /healthz. One that
# was told to stop listens on a port that says so (deploy/container/serve.py) and gets no new requests.
#
# PORT_OIDC is where the sign-in provider is published. An address listed in $DIR/drained gets no new requests.
set -eu
DIR=/tmp/router
NOWHERE=127.0.0.1:9 # refuses: the router answers 503 for a function that has no container

answers() {
  # shellcheck disable=SC2016 # for the inner shell
  timeout 2 bash -c 'exec 3<>"/dev/tcp/$0/8080" && printf "GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n" >&3 &&
    grep -q " 200 " <&3' "$1" 2>/dev/null
}

leaves() {
  # shellcheck disable=SC2016 # for the inner shell
  timeout 1 bash -c 'exec 3<>"/dev/tcp/$0/8079"' "$1" 2>/dev/null
}

is_known() {
  [ -e "$DIR/upstreams.conf" ] && grep -qF " server $1:8080 " "$DIR/upstreams.conf"
}

render() {
  while IFS= read -r line; do
    case $line in
    *" server "*:8080" "*)
      name=${line#*server } name=${name%%:*} options=${line#*:8080}
      addresses=$({ getent ahostsv4 "$name" || true; } | awk '$2 == "STREAM" { print $1 }' | sort -u)
      found=
      for address in $addresses; do
        grep -qxF "$address" "$DIR/drained" && continue
        leaves "$address" && continue
        is_known "$address" || answers "$address" || continue
        printf '    server %s:8080%s\n' "$address" "$options"
        found=yes
      done
      [ -n "$found" ] || printf '    server %s%s\n' "$NOWHERE" "$options"
      ;;
    *) printf '%s\n' "$line" ;;
    esac
  done <"$DIR/upstreams.names"
}

follow() {
  while sleep 1; do
    render >"$DIR/upstreams.new"
    if ! cmp -s "$DIR/upstreams.new" "$DIR/upstreams.conf"; then
      mv "$DIR/upstreams.new" "$DIR/upstreams.conf"
      kill -HUP 1
    fi
  done
}

mkdir -p "$DIR/temp"
: >>"$DIR/drained"
cp /etc/almanac/listen.conf "$DIR"
# Workers that were told to leave finish what they have: a refresh may take half an hour.
sed 's/^worker_shutdown_timeout .*/worker_shutdown_timeout 1800s;/' /etc/almanac/nginx.conf >"$DIR/nginx.conf"
{
  cat /etc/almanac/upstreams.conf
  sed "s/@port@/$PORT_OIDC/g" /etc/almanac/oidc.conf
} >"$DIR/upstreams.names"
render >"$DIR/upstreams.conf"
follow &
exec nginx -p "$DIR/" -c "$DIR/nginx.conf" -e stderr -g 'daemon off; pid nginx.pid;'
