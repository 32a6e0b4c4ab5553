#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Installs the Debian packages that building, testing and the demo need. Idempotent; when all is there
# it asks dpkg only and takes a few milliseconds.
set -euo pipefail

packages=(
    # build
    make g++ gcc libc6-dev binutils
    libelf-dev           # builder: reads ELF files
    libtbb-dev           # builder: image passes in parallel
    libssl-dev           # SHA-256 tree
    libcli11-dev         # command lines of dyldctl and shared-cache
    nlohmann-json3-dev   # --json
    # tests
    libgtest-dev         # unit tests
    libbenchmark-dev     # bench/
    clang libclang-rt-14-dev # fuzz targets (libFuzzer), a large program for the demo
    clang-format clang-tidy shellcheck # make lint
    strace gdb valgrind linux-perf # programs that look at other programs
    libcap2-bin          # setcap: a program with file capabilities
    jq                   # reads --json in test scripts
    util-linux mount     # setpriv, unshare, setarch; tmpfs, overlay and bind mounts
    # the kernel module and its tests in QEMU
    bc flex bison gcc-12 # builds modules and debug kernels
    busybox-static cpio kmod dkms xz-utils zstd # packs guests, takes kernel packages apart
    mmdebstrap e2fsprogs qemu-utils # the Debian root file system of the system tests
    sparse               # make lint
    qemu-system-x86
    # the demo's programs and charts
    bash coreutils git perl python3 curl openssh-client
    gnuplot-nox
)

missing=()
installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p' | sort -u)
for package in "${packages[@]}"; do
    grep -qxF -- "$package" <<<"$installed" || missing+=("$package")
done
if ((${#missing[@]} == 0)); then
    exit 0
fi

sudo=()
if ((EUID != 0)); then
    command -v sudo >/dev/null || { echo "install-deps: run as root to install: ${missing[*]}" >&2; exit 1; }
    sudo=(sudo)
fi
echo "install-deps: installing ${missing[*]}"
"${sudo[@]}" apt-get -qq update
"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends "${missing[@]}"
