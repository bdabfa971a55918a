#!/usr/bin/env bash
# Deploy a stage, ask every function whether it is well, and go back to the last good version when one is not.
#
#   STAGE=staging VERSION=2f1c9ab IMAGE=HOST/PATH/NAME@sha256:… deploy/ci/release.sh
#
# IMAGE is read from DIGEST_FILE, which deploy/ci/image.sh wrote, when it is not given. URL is the stage's own address.
# BUILD_ID is the Cloud Build that releases: it waits for the older ones of its stage.
# Exits 0 only when the new version serves; migrations are not taken back, they keep to what the version before can read.
set -euo pipefail
cd "$(dirname "$0")/../.."
: "${STAGE:?staging or prod}" "${VERSION:?what answers call themselves}"
PYTHON=${BIN:-.venv/bin}/python
IMAGE=${IMAGE:-$(cat "${DIGEST_FILE:-.local/image}")}
URL=${URL:-$("$PYTHON" -m deploy.stages url --stage "$STAGE")}
WITHIN_SECONDS=${WITHIN_SECONDS:-300}
unchanged=3 # exit code of deploy.stages when it has changed nothing

stages() { "$PYTHON" -m deploy.stages "$1" --stage "$STAGE" "${@:2}"; }

smoke() { "$PYTHON" -m deploy.smoke "$URL" --as-stage "$STAGE" --within "$WITHIN_SECONDS" "$@"; }

stages wait ${BUILD_ID:+--build "$BUILD_ID"}
applied=0
stages apply --image "$IMAGE" --version "$VERSION" --yes || applied=$?
if [ "$applied" = "$unchanged" ]; then
  echo "release: nothing was changed; $STAGE serves what it did" >&2
  exit 1
fi
if [ "$applied" = 0 ] && smoke --version "$VERSION"; then
  echo "release: $STAGE serves $VERSION"
  stages accept --version "$VERSION" && exit 0
  echo "release: $VERSION stays, but is not marked as good: run 'deploy.stages accept' again" >&2
  exit 1
fi
echo "release: $VERSION is not well; going back" >&2
back=0
stages rollback --from "$VERSION" --yes || back=$?
case $back in
0)
  smoke && echo "release: $STAGE serves the version before" >&2
  ;;
"$unchanged") echo "release: there was nothing to take back: no function had come to $VERSION" >&2 ;;
*) echo "release: NOT everything could be taken back: see above for what is still on $VERSION" >&2 ;;
esac
exit 1
