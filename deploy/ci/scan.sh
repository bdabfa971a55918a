#!/usr/bin/env bash
# Is there a known vulnerability in what the image holds, and may all of it be used?
#
#   deploy/ci/scan.sh                    both
#   deploy/ci/scan.sh vulnerabilities    needs the network: the Python Packaging Advisory Database
#   deploy/ci/scan.sh licences           offline, from the installed packages
set -euo pipefail
cd "$(dirname "$0")/../.."
BIN=${BIN:-.venv/bin}
# Permissive licences, and MPL-2.0, which asks only that changes to its own files be published.
ALLOWED="Apache;BSD;MIT;MPL 2.0;PSF;Python Software Foundation;ISC;Unlicense;HPND"

scan_vulnerabilities() {
  # --strict: a package nobody could look up is no package without faults.
  "$BIN/pip-audit" --requirement requirements.lock --require-hashes --disable-pip --strict --progress-spinner off
}

scan_licences() {
  mapfile -t packages < <(sed -nE 's/^([a-z0-9._-]+)==.*/\1/p' requirements.lock)
  "$BIN/pip-licenses" --packages "${packages[@]}" --partial-match --allow-only="$ALLOWED" --format=csv >/dev/null
  echo "licences: ${#packages[@]} packages, all allowed"
}

case ${1:-all} in
all) scan_licences && scan_vulnerabilities ;;
vulnerabilities | licences) "scan_$1" ;;
*) sed -n 2,6p "$0" && exit 2 ;;
esac
