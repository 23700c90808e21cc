#!/usr/bin/env bash
# Prints a folder that holds PostgreSQL as Debian built it and what it needs to run: the root of an image.
# For the demo and for tests only: such an image is never updated, and holds no more than they use.
# The folder's name holds a hash of the packages that apt would download: present means up to date.
set -euo pipefail
# shellcheck source=hack/apt.sh
source "$(dirname "${BASH_SOURCE[0]}")/../apt.sh"

cache=${OFFLINEPUSH_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/offlinepush}
# initdb runs its commands by a shell, and the server knows time zones by their names.
wanted=(postgresql-15 postgresql-client-15 dash tzdata)
# What of a package nobody uses here; the compiler of the JIT alone is larger than all the rest.
unused=(etc var usr/{bin,sbin} usr/lib/systemd 'usr/lib/*/gconv' usr/lib/postgresql/15/lib/{bitcode,pgxs,llvmjit.so}
  usr/share/{bug,doc,doc-base,gcc,gdb,lintian,locale,man,menu,postgresql-common} usr/share/postgresql/15/man
  usr/share/zoneinfo/{posix,right})

# closure PACKAGE...: the packages and the libraries that they need, one a line.
closure() {
  apt-cache depends --recurse --important "$@" | awk -v wanted="$*" '
    /^[^ ]/ { package = $1 }
    $1 ~ /Depends:$/ && $2 ~ /^(lib|zlib)/ && $2 !~ /^libllvm/ { needs[package] = needs[package] " " $2 }
    function take(list, names, i, n) {
      n = split(list, names)
      for (i = 1; i <= n; i++) if (!seen[names[i]]++) { print names[i]; take(needs[names[i]]) }
    }
    END { take(wanted) }' | sort
}

# uris prints what apt would download, with versions and hashes.
uris() {
  local packages
  mapfile -t packages < <(closure "${wanted[@]}")
  apt-get download --print-uris "${packages[@]}"
}

# fill_root downloads the packages and unpacks them.
fill_root() {
  local packages path
  mapfile -t packages < <(closure "${wanted[@]}")
  mkdir "$1/root" "$1/packages"
  (cd "$1/packages" && apt_get download -o APT::Sandbox::User=root "${packages[@]}" && for path in *.deb; do dpkg-deb -x "$path" "$1/root"; done)
  # Unquoted, because there are patterns among them.
  # shellcheck disable=SC2068
  (cd "$1/root" && rm -rf ${unused[@]})
}

command -v apt-get dpkg-deb >/dev/null || { echo "the image of PostgreSQL is made of Debian's packages: it needs apt-get and dpkg-deb" >&2 && exit 1; }
found=$(uris 2>/dev/null) || { apt_update && found=$(uris); }
dir=$cache/postgres/$(sha256sum <<<"$found $(<"${BASH_SOURCE[0]}")" | cut -c1-16)
if [[ ! -d $dir ]]; then
  echo "Unpacking PostgreSQL of Debian's packages" >&2
  mkdir -p "$cache/postgres"
  new=$(mktemp -d "$dir.XXXXXX")
  trap 'rm -rf "$new"' EXIT
  chmod 0755 "$new"
  fill_root "$new" >&2
  mv -T "$new/root" "$dir" 2>/dev/null || [[ -d $dir ]]
fi
echo "$dir"
