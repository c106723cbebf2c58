#!/bin/sh
# go-program.sh <package> <version>: prints the path of a program built, as it is, from the Go module proxy; builds it
# if the cache has none. Only the path goes to standard output. Needs go; used by the compatibility stage alone.
set -eu
package=$1
version=$2
name=$(basename "$package")
cache="${XDG_CACHE_HOME:-$HOME/.cache}/assay"
binary="$cache/$name-$version"
if [ ! -x "$binary" ]; then
  PATH="$PATH:/usr/local/go/bin"
  command -v go >/dev/null || { echo "$name: expected go, to build it, found none" >&2; exit 1; }
  mkdir -p "$cache"
  build=$(mktemp -d)
  trap 'rm -rf "$build"' EXIT
  cd "$build"
  {
    go mod init throwaway
    go get "$package@$version"
    CGO_ENABLED=0 go build -o program "$package"
  } >&2
  # A name of its own first: another build may be doing the same, and the cache may be on another file system.
  cp program "$binary.$$"
  mv "$binary.$$" "$binary"
fi
echo "$binary"
