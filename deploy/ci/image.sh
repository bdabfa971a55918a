#!/usr/bin/env bash
# Build the image, with the last one as cache, and write its name by digest to DIGEST_FILE.
#
#   IMAGE_REPOSITORY=europe-west1-docker.pkg.dev/PROJECT/almanac/almanac VERSION=2f1c9ab deploy/ci/image.sh
#
# PUSH= (empty) builds without a registry; the file then holds the image's own id, which nothing can be deployed from.
set -euo pipefail
cd "$(dirname "$0")/../.."
: "${IMAGE_REPOSITORY:?the image without its tag}" "${VERSION:?the tag}"
PUSH=${PUSH-yes}
DIGEST_FILE=${DIGEST_FILE:-.local/image}
export DOCKER_BUILDKIT=1

mkdir -p "$(dirname "$DIGEST_FILE")"
cache=()
if [ -n "$PUSH" ] && docker pull --quiet --platform linux/amd64 "$IMAGE_REPOSITORY:cache" >/dev/null 2>&1; then
  cache=(--cache-from "$IMAGE_REPOSITORY:cache")
else
  echo "image: no cache to start from"
fi
# Cloud Run takes this one alone; an engine on an ARM machine would build its own.
docker build --platform linux/amd64 --file deploy/Dockerfile --build-arg BUILDKIT_INLINE_CACHE=1 "${cache[@]}" \
  --tag "$IMAGE_REPOSITORY:$VERSION" --tag "$IMAGE_REPOSITORY:cache" .
if [ -n "$PUSH" ]; then
  docker push --quiet "$IMAGE_REPOSITORY:$VERSION"
  docker push --quiet "$IMAGE_REPOSITORY:cache"
  docker image inspect --format '{{index .RepoDigests 0}}' "$IMAGE_REPOSITORY:$VERSION" >"$DIGEST_FILE"
else
  docker image inspect --format '{{.Id}}' "$IMAGE_REPOSITORY:$VERSION" >"$DIGEST_FILE"
fi
echo "image: $(cat "$DIGEST_FILE")"
