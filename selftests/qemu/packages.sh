# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Debian packages taken apart below $KERNELS, for fetch-kernel and fetch-source: source it in the tree's root.
#
# First apt's own sources and lists are asked. Only if they do not have a package, lists of the same sources,
# plus the backports of the same mirror, are read into $KERNELS/apt; the machine's configuration is not changed.

KERNELS=${KERNELS:-out/kernels}
mkdir -p "$KERNELS"
KERNELS=$(realpath "$KERNELS")
APT_OPTIONS=()

die() { echo "$(basename "$0"): $*" >&2; exit 1; }

apt_cache() { apt-cache "${APT_OPTIONS[@]}" "$@"; }

# download DIRECTORY PACKAGE...: apt checks signatures and sizes.
download() {
    local directory=$1
    shift
    mkdir -p "$directory"
    (cd "$directory" && apt-get "${APT_OPTIONS[@]}" -q download "$@") >>"$KERNELS/apt.log" 2>&1
}

unpack() { # DIRECTORY-WITH-PACKAGES ROOT
    local package
    mkdir -p "$2"
    for package in "$1"/*.deb; do
        dpkg-deb -x "$package" "$2" || return 1
    done
}

# The mirror that the machine's own sources name for the release, in whichever form and file.
debian_mirror() { # CODENAME
    apt-get --print-uris update 2>/dev/null | sed -nE "s#^'(.*)/dists/$1/(In)?Release'.*#\\1#p" | sort -u | head -n 1
}

use_private_lists() {
    local apt=$KERNELS/apt mirror codename
    codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
    mirror=$(debian_mirror "$codename")
    [[ $mirror ]] || return 1
    mkdir -p "$apt/lists/partial" "$apt/sources.list.d"
    cp /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list "$apt/sources.list.d/" 2>/dev/null || true
    cat /etc/apt/sources.list >"$apt/sources.list" 2>/dev/null || true
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $codename-backports main" >>"$apt/sources.list"
    APT_OPTIONS=(-o "Dir::Etc::SourceList=$apt/sources.list" -o "Dir::Etc::SourceParts=$apt/sources.list.d"
        -o "Dir::State::Lists=$apt/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=)
    apt-get "${APT_OPTIONS[@]}" -q update >>"$KERNELS/apt.log" 2>&1
}

# once NAME FUNCTION: FUNCTION fills a directory, which becomes $KERNELS/NAME when it has succeeded. So that an
# interrupted run is never taken for a complete one, and two at a time do the work once.
once() {
    local name=$1 function=$2 partial=$KERNELS/$1.partial
    (
        flock 9
        [[ -e $KERNELS/$name/complete ]] && exit 0
        rm -rf "$partial" "${KERNELS:?}/$name"
        mkdir -p "$partial"
        if ! "$function" "$partial"; then
            flock 8 # the private lists are one set for all names
            use_private_lists
            rm -rf "$partial"
            mkdir -p "$partial"
            "$function" "$partial" || exit 1
        fi
        date -u +%FT%TZ >"$partial/complete"
        mv "$partial" "$KERNELS/$name"
    ) 8>"$KERNELS/apt.lock" 9>"$KERNELS/$name.lock"
}
