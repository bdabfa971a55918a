#!/usr/bin/env bash
# Deploy a stage, ask every function whether it is well, and go back to the version before when it is not.
#
#   STAGE=staging VERSION=2f1c9ab IMAGE=HOST/PATH/NAME@sha256:… deploy/ci/release.sh
#
# IMAGE is read from DIGEST_FILE, which deploy/ci/image.sh wrote, when it is not given. URL is the stage's own address.
# Exits 0 only when the new version serves; migrations are not taken back, they keep to what the version before can read.
set -euo pipefail
cd "$(dirname "$0")/../.."
: "${STAGE:?staging or prod}" "${VERSION:?what answers call themselves}"
PYTHON=${BIN:-.venv/bin}/python
IMAGE=${IMAGE:-$(cat "${DIGEST_FILE:-.local/image}")}
URL=${URL:-$("$PYTHON" -m deploy.stages url --stage "$STAGE")}
WITHIN_SECONDS=${WITHIN_SECONDS:-300}

if "$PYTHON" -m deploy.stages apply --stage "$STAGE" --image "$IMAGE" --version "$VERSION" --yes &&
  "$PYTHON" -m deploy.smoke "$URL" --version "$VERSION" --within "$WITHIN_SECONDS"; then
  echo "release: $STAGE serves $VERSION"
  exit 0
fi
echo "release: $VERSION is not well; going back" >&2
if "$PYTHON" -m deploy.stages rollback --stage "$STAGE" --from "$VERSION" --yes; then
  "$PYTHON" -m deploy.smoke "$URL" --within "$WITHIN_SECONDS" &&
    echo "release: $STAGE serves the version before" >&2
else
  echo "release: there was nothing to take back; see above" >&2
fi
exit 1
