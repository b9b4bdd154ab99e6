#!/usr/bin/env bash
# Makes .venv: the versions of requirements.lock and this checkout, editable. Run through `make lab` or `make test`.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=.venv
python=$venv/bin/python

say() { printf 'set-up: %s\n' "$*"; }
new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

# 1 · an environment. One that does not start (moved folder, removed Python) is made anew.
if [ -e $venv ] && ! new_enough $python; then
  say "$venv does not start or has a Python older than 3.11; making it anew"
  rm -rf $venv
fi
if [ ! -e $venv ]; then
  if command -v uv >/dev/null; then
    uv venv --quiet --python '>=3.11,<3.15' $venv
  else
    for name in python3.13 python3.12 python3.11 python3.14 python3 python; do
      if new_enough "$name"; then break; fi
      name=
    done
    if [ -z "$name" ]; then
      say "no Python 3.11 or newer found. Install one, or install uv, which brings its own." >&2
      exit 1
    fi
    if ! "$name" -m venv $venv; then
      rm -rf $venv
      say "$name cannot make an environment. On Debian and Ubuntu: apt-get install python3-venv" >&2
      exit 1
    fi
  fi
fi

# 2 · an installer: uv from PATH, else uv inside the environment, else pip.
if command -v uv >/dev/null; then
  uv=uv
elif $python -m uv --version >/dev/null 2>&1 ||
  { $python -m ensurepip >/dev/null 2>&1 && $python -m pip install --quiet uv; } then
  uv="$python -m uv"
else
  uv=
fi

# 3 · the packages.
if [ -n "$uv" ]; then
  # torch for this machine (CPU, CUDA or ROCm) comes from torch's own index, when that answers.
  # torch and torchvision must come from the same place: one asks for both, then installs both.
  backend=(--torch-backend=auto)
  torch=$(grep -E '^(torch|torchvision)==' requirements.lock)
  if ! UV_HTTP_TIMEOUT=15 UV_HTTP_CONNECT_TIMEOUT=5 UV_HTTP_RETRIES=0 \
    $uv pip install --quiet --dry-run --no-deps --reinstall --python $python "${backend[@]}" $torch >/dev/null 2>&1; then
    say "torch's own package index does not answer; taking the ordinary build (on Linux larger by 4 GB, works everywhere)"
    backend=()
  fi
  say "installing with uv"
  $uv pip install --quiet --python $python ${backend[@]+"${backend[@]}"} -r requirements.lock -e .
else
  say "uv cannot be had; installing with pip, which is slower and takes the ordinary torch build"
  $python -m pip install --quiet -r requirements.lock -e .
fi

touch $venv/sslwb-ready # after all else: an interrupted set-up is taken up again
