#!/usr/bin/env bash
# Remakes requirements.lock from pyproject.toml for every platform and Python. Needs uv and a network.
# torch names the exact CUDA packages that it wants where it wants them, so they stay out of the lock.
set -euo pipefail
cd "$(dirname "$0")/.."
uv pip compile --quiet --universal --python-version 3.11 --extra lab --extra test \
  --no-header --no-annotate pyproject.toml | grep -v -E '^(nvidia-|cuda-|triton==)' >requirements.lock.new
mv requirements.lock.new requirements.lock
