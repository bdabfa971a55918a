#!/usr/bin/env bash
# Is there a known vulnerability in what the image holds, and may all of it be used?
#
#   deploy/ci/scan.sh                    both
#   deploy/ci/scan.sh vulnerabilities    needs the network: the Python Packaging Advisory Database, and npm's
#   deploy/ci/scan.sh licences           offline, from the installed packages and the pages' lock file
#   deploy/ci/scan.sh image              what the registry found in the image of DIGEST_FILE, the base image included
set -euo pipefail
cd "$(dirname "$0")/../.."
BIN=${BIN:-.venv/bin}
# Permissive licences, and MPL-2.0, which asks only that changes to its own files be published.
ALLOWED="Apache;BSD;MIT;MPL 2.0;PSF;Python Software Foundation;ISC;Unlicense;HPND"

PAGES=functions/viewer/web

scan_vulnerabilities() {
  # --strict: a package nobody could look up is no package without faults.
  "$BIN/pip-audit" --requirement requirements.lock --require-hashes --disable-pip --strict --progress-spinner off
  if command -v npm >/dev/null; then
    npm audit --prefix "$PAGES" --omit=dev --package-lock-only
  else
    echo "vulnerabilities: the pages' packages were NOT looked up, npm is not there" >&2
  fi
}

scan_licences() {
  # quickjs-ng names no licence in its metadata; it has the MIT licence in its package, as the engine in it has.
  mapfile -t packages < <(sed -nE 's/^([a-z0-9._-]+)==.*/\1/p' requirements.lock | grep -vx quickjs-ng)
  "$BIN/pip-licenses" --packages "${packages[@]}" --partial-match --allow-only="$ALLOWED" --format=csv >/dev/null
  echo "licences: ${#packages[@]} packages, all allowed"
  "$BIN/python" -m deploy.scan licences <"$PAGES/package-lock.json"
}

# Artifact Registry looks into every image that is pushed, which takes it some minutes.
scan_image() {
  local image described verdict
  image=${IMAGE:-$(cat "${DIGEST_FILE:-.local/image}")}
  for _ in $(seq "${SCAN_TRIES:-60}"); do
    described=$(gcloud artifacts docker images describe "$image" --show-package-vulnerability --format=json)
    verdict=0
    "$BIN/python" -m deploy.scan image <<<"$described" || verdict=$?
    [ "$verdict" = 3 ] || return "$verdict"
    sleep "${SCAN_SECONDS:-10}"
  done
  echo "image: the registry has not finished looking into $image" >&2
  return 1
}

case ${1:-all} in
all) scan_licences && scan_vulnerabilities ;;
vulnerabilities | licences | image) "scan_$1" ;;
*) sed -n 2,7p "$0" && exit 2 ;;
esac
