#!/bin/sh
# Installs what tests use that npm does not bring, by package name, when it is missing: the S3 servers that tests start,
# and as root the Debian packages for the tests through a real mount. Where it cannot, it says so and succeeds: the
# tests that need them are skipped and say why.
#
# SHOAL_TEST_PACKAGES=0 keeps it from installing anything. The servers go into $SHOAL_TEST_CACHE, by default
# ~/.cache/shoal-tests, where the next run finds them.
set -eu

# --- S3 servers -------------------------------------------------------------------------------------------------------

# Seconds one of them may take: a first build of versitygw needs two minutes on two cores.
server_seconds=600
cache=${SHOAL_TEST_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/shoal-tests}

# The program of a server appears last: what is there is whole.
install_versitygw() { # DIRECTORY
  GOBIN=$1/.new GOFLAGS='-trimpath -ldflags=-s' timeout "$server_seconds" \
    go install github.com/versity/versitygw/cmd/versitygw@v1.8.0 || return 1
  mv "$1/.new/versitygw" "$1/versitygw"
}
install_ministack() { # DIRECTORY
  python3 -m venv "$1" || return 1
  timeout "$server_seconds" "$1/bin/pip" install --quiet --disable-pip-version-check ministack==1.5.33
}
install_s3rver() { # DIRECTORY
  timeout "$server_seconds" npm install --prefix "$1" --ignore-scripts --no-audit --no-fund s3rver@3.7.1
}

# install_server NAME-VERSION PROGRAM TOOL: PROGRAM is what the installation ends with, TOOL what it needs.
install_server() {
  directory=$cache/$1
  [ ! -x "$directory/$2" ] || return 0
  if [ "${SHOAL_TEST_PACKAGES:-1}" = 0 ] || ! command -v "$3" > /dev/null 2>&1; then
    echo "test-dependencies: tests that need $1 are skipped: it is not installed, or $3 is missing" >&2
    return 0
  fi
  echo "test-dependencies: installing $1 into $cache" >&2
  mkdir -p "$directory"
  if ! "install_${1%%-*}" "$directory" > "$cache/$1.log" 2>&1; then
    echo "test-dependencies: tests that need $1 are skipped: its installation failed, see $cache/$1.log" >&2
    rm -rf "$directory"
  fi
}

# Two test runs at once install once.
if mkdir -p "$cache" && command -v flock > /dev/null 2>&1; then
  exec 9> "$cache/.lock"
  flock 9
fi
install_server versitygw-1.8.0 versitygw go
install_server ministack-1.5.33 bin/ministack python3
install_server s3rver-3.7.1 node_modules/.bin/s3rver npm
exec 9>&-

# --- Debian packages --------------------------------------------------------------------------------------------------

# fuse3: mounts of other users than root.  fio, attr, acl: load and attributes.  postgresql, sqlite3: databases.
# git, tar, e2fsprogs (chattr), util-linux (flock), xfsprogs (xfs_io): what people run on a filesystem.
packages="fuse3 fio attr acl git sqlite3 postgresql e2fsprogs xfsprogs util-linux"

command -v dpkg-query > /dev/null 2>&1 || {
  echo "test-dependencies: not a Debian system; tests that lack a program are skipped" >&2
  exit 0
}
missing=
for package in $packages; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2> /dev/null) || status=none
  [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ] || [ "${SHOAL_TEST_PACKAGES:-1}" = 0 ]; then
  echo "test-dependencies: tests that need these packages are skipped:$missing" >&2
  exit 0
fi

echo "test-dependencies: installing:$missing" >&2
# PostgreSQL's package would make and start a cluster; the tests make their own and want only the programs.
cluster=/etc/postgresql-common/createcluster.d/shoal-tests.conf
case $missing in
  *postgresql*)
    mkdir -p "${cluster%/*}"
    echo "create_main_cluster = false" > "$cluster"
    trap 'rm -f "$cluster"' EXIT
    ;;
esac
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # a list of names
if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing; } > /dev/null; then
  echo "test-dependencies: apt-get failed; tests that need these packages are skipped:$missing" >&2
fi
