#!/usr/bin/env bash
# Terraform for one stage, with that stage's state: both follow from one name, so that neither can be the other's.
#
#   deploy/terraform/run.sh staging plan|apply|output|… [-var alert_email=you@example.com …]
#
# The state lies in the bucket PROJECT-terraform of the stage's project; what Terraform keeps here between calls, in a
# folder of the stage's own.
set -euo pipefail
cd "$(dirname "$0")"
stage=${1:?staging or prod} command=${2:?a command of terraform}
shift 2
project=$(sed -nE 's/^project: *([a-z0-9-]+).*/\1/p' "../stages/$stage.yaml")
: "${project:?"../stages/$stage.yaml names no project"}"
variables=()
case $command in
plan | apply | destroy | import | refresh | console) variables=(-var "stage=$stage") ;;
esac
export TF_DATA_DIR=".terraform/$stage"
terraform init -input=false -reconfigure -backend-config="bucket=$project-terraform" >&2
exec terraform "$command" "${variables[@]}" "$@"
