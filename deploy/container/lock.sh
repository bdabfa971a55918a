#!/bin/sh
# Write requirements.lock: every package the image needs, its version and its hashes. Needs uv (pip install uv).
set -eu
cd "$(dirname "$0")/../.."
exec "${UV:-uv}" pip compile requirements.txt --generate-hashes --python-version 3.13 --python-platform linux \
  --no-emit-index-url --custom-compile-command "sh deploy/container/lock.sh" --quiet --output-file requirements.lock
