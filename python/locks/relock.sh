#!/bin/sh
# Rewrites every lock file here from its .in file. Needs uv (pip install uv).
set -eu
cd "$(dirname "$0")"
lock() {
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --upgrade \
        --custom-compile-command "python/locks/relock.sh" "$@"
}
lock check.in check-extension.in build.in --excludes check-excludes.txt \
    --no-emit-package sagemaker-studio-analytics-extension --output-file check.txt
lock build.in --constraints check.txt --output-file build.txt
lock session.in --constraints build.txt --excludes session-excludes.txt --output-file session.txt
lock check-extension.in --no-deps --output-file check-extension.txt
lock peers.in --constraints build.txt --output-file peers.txt
lock spark.in --constraints build.txt --output-file spark.txt
