#!/bin/sh
# Prints the path of a versitygw, an S3 gateway with Object Lock.
version=v1.8.0
exec "$(dirname "$0")/go-program.sh" github.com/versity/versitygw/cmd/versitygw "$version"
