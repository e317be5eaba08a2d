#!/bin/sh
# Makes the secret that signs URLs and an API key once, where none are given, and becomes bond.
# SECRETS is where they are kept.
set -eu
umask 077
dir=${SECRETS:-/secrets}
make_once() {
  # Linked whole: of two containers that start at once, one makes it and both use it.
  [ -s "$dir/$1" ] && return
  od -An -N32 -tx1 /dev/urandom | tr -d ' \n' >"$dir/.$1.$$"
  ln "$dir/.$1.$$" "$dir/$1" 2>/dev/null || [ -s "$dir/$1" ]
  rm -f "$dir/.$1.$$"
}
make_once api-key
if [ -z "${BOND_SECRET:-}" ] && [ -z "${BOND_SECRET_FILE:-}" ]; then
  make_once secret
  export BOND_SECRET_FILE="$dir/secret"
fi
exec bond "$@"
