#!/bin/sh
# Builds wheels of the packages that are named, or of all, and of what they depend on, into WHEELS.
# Packages of this repository are built from its folders and never taken from an index.
set -eu
wheels=${WHEELS:-/wheels}
own=$(mktemp -d)
# An image that shows the page has built it in a stage of its own; one that does not needs no Node.
export BOND_WITHOUT_PAGE=1
packages=.
for project in ./plugins/*/pyproject.toml; do
  packages="$packages ${project%pyproject.toml}"
done
# shellcheck disable=SC2086 # They are words.
pip wheel --no-cache-dir --no-deps --wheel-dir "$own" $packages
for wheel in "$own"/*.whl; do
  name=${wheel##*/}
  echo "${name%%-*} @ file://$wheel"
done >"$own/constraints.txt"
[ $# -gt 0 ] || set -- "$own"/*.whl
pip wheel --no-cache-dir --wheel-dir "$wheels" \
  --constraint constraints.txt --constraint "$own/constraints.txt" "$@"
