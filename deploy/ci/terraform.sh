#!/usr/bin/env bash
# Check deploy/terraform: parsed and cross-checked always, formatted where `terraform` is installed, and validated against
# Google's provider where that can be downloaded. What could not be done is said.
set -euo pipefail
cd "$(dirname "$0")/../.."
BIN=${BIN:-.venv/bin}
"$BIN/python" -m deploy.checks.terraform_files
if ! command -v terraform >/dev/null; then
  echo "terraform fmt, validate: NOT RUN, the program is not installed"
  exit 0
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export TF_IN_AUTOMATION=1 CHECKPOINT_DISABLE=1
terraform -chdir=deploy/terraform fmt -check -diff 2>"$folder/fmt.txt" || { cat "$folder/fmt.txt" >&2; exit 1; }
cp -R deploy "$folder/deploy"
run=(terraform "-chdir=$folder/deploy/terraform")
if ! "${run[@]}" init -backend=false -input=false -no-color >"$folder/init.txt" 2>&1; then
  if ! grep -q "could not connect to" "$folder/init.txt"; then
    cat "$folder/init.txt" >&2
    exit 1
  fi
  echo "terraform validate: NOT RUN, the registry of providers cannot be reached"
  exit 0
fi
"${run[@]}" validate -no-color
