#!/bin/sh
# Installs the Debian packages that the tests through a real mount use, by name, when started as root and some are
# missing. Where it cannot, it says so and succeeds: the tests that need them are skipped and say why.
#
# SHOAL_TEST_PACKAGES=0 keeps it from installing anything.
set -eu

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
