#!/bin/sh
# Prints the path of a versitygw (an S3 gateway with Object Lock) built from the Go module proxy; builds it if the
# cache has none. Only the path goes to standard output. Needs go; used by the compatibility stage alone.
set -eu
version=v1.8.0
cache="${XDG_CACHE_HOME:-$HOME/.cache}/assay"
binary="$cache/versitygw-$version"
if [ ! -x "$binary" ]; then
  command -v go >/dev/null || { echo 'versitygw: expected go, to build it, found none' >&2; exit 1; }
  mkdir -p "$cache"
  build=$(mktemp -d)
  trap 'rm -rf "$build"' EXIT
  cd "$build"
  {
    go mod init throwaway
    go get "github.com/versity/versitygw/cmd/versitygw@$version"
    CGO_ENABLED=0 go build -o versitygw github.com/versity/versitygw/cmd/versitygw
  } >&2
  # A name of its own first: another build may be doing the same, and the cache may be on another file system.
  cp versitygw "$binary.$$"
  mv "$binary.$$" "$binary"
fi
echo "$binary"
