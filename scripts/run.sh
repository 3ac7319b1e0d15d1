#!/bin/sh
# scripts/run.sh FILE [ARGUMENT...]: runs a TypeScript file of this clone on the pinned Node.js, after making sure that
# the locked dependencies are installed. The working directory stays the caller's.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd -P)
sh "$root/scripts/install.sh"
exec "$root/node_modules/.bin/node" --disable-warning=ExperimentalWarning "$@"
