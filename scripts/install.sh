#!/bin/sh
# Makes node_modules hold exactly what package-lock.json says, the pinned Node.js included; does nothing, in a few
# milliseconds, when it already does.
#
# What always holds: node_modules/.installed-lock is a copy of the lock that the finished installation was made from,
# and is written last, so that an interrupted installation is repeated. Two at once wait for each other. No install
# script of a dependency is run: none is needed. Everything is said on stderr: stdout belongs to the program.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd -P)
stamp=$root/node_modules/.installed-lock

fail() {
  echo "shoal: $1" >&2
  shift
  for hint in "$@"; do echo "       $hint" >&2; done
  exit 1
}

is_installed() {
  cmp -s "$root/package-lock.json" "$stamp" && [ -x "$root/node_modules/.bin/node" ]
}

is_installed && exit 0

[ "$(uname -s)" = Linux ] || fail "Shoal runs on Linux; this is $(uname -s)"
case $(uname -m) in
  x86_64 | aarch64) ;;
  *) fail "Shoal runs on x86_64 and aarch64; this is $(uname -m)" ;;
esac
command -v npm > /dev/null 2>&1 || fail "npm was not found" \
  "A first start installs the dependencies with it. On Debian: apt-get install npm"
command -v flock > /dev/null 2>&1 || fail "flock was not found" "On Debian: apt-get install util-linux"
npm_version=$(npm --version 2> /dev/null) || fail "npm does not run (npm --version fails)"
[ "${npm_version%%.*}" -ge 7 ] || fail "npm $npm_version is too old to read package-lock.json; 7 or newer is needed"
mkdir -p "$root/.cache" 2> /dev/null && [ -w "$root" ] || fail "cannot write to $root" \
  "The dependencies are installed into its node_modules: run this once as the owner of that directory."

exec 9> "$root/.cache/install.lock"
flock -n 9 || {
  echo "shoal: waiting for another installation in $root" >&2
  flock 9
}
is_installed && exit 0

echo "shoal: installing the locked dependencies (about 140 MB to fetch, 430 MB on the disk, once) into $root/node_modules" >&2
rm -f "$stamp"
# --include and --bin-links undo what a user's npm configuration may say: the tools and the pinned Node.js are needed.
status=0
(cd "$root" && npm ci --include=dev --include=optional --bin-links --ignore-scripts --no-audit --no-fund \
  --loglevel=error --progress >&2 9>&-) || status=$?
[ "$status" -eq 0 ] || fail "the installation failed: npm ci ended with $status, its own words are above" \
  "A first start needs the npm registry ($(npm config get registry 2> /dev/null)): without a network, copy node_modules from a machine that has one."
"$root/node_modules/.bin/node" --version > /dev/null || fail "npm brought no Node.js that runs on this $(uname -m) machine" \
  "Expected it at $root/node_modules/.bin/node; it needs glibc 2.28 or newer."
cp "$root/package-lock.json" "$stamp.new"
mv "$stamp.new" "$stamp"

# Started through sudo in somebody's clone, the modules belong to the owner of the clone, who can then renew them.
if [ "$(id -u)" -eq 0 ] && [ "$(stat -c %u "$root")" -ne 0 ]; then
  chown -R --reference="$root" "$root/node_modules" "$root/.cache"
fi
echo "shoal: the dependencies are installed" >&2
