#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What packaging/kmod/ gives to a machine: the DKMS file builds the module outside of this tree, which then says who it
# is; options of a modprobe.d file reach it. Nothing is installed or loaded here: all is below $TAP_TMP.
# shellcheck source=selftests/lib/tap.sh
source "$(dirname "$0")/../lib/tap.sh"
cd "$(dirname "$0")/../.." || exit 1
PATH=$PATH:/sbin:/usr/sbin

command -v dkms >/dev/null || skip_all "dkms is not installed"
directory=$(selftests/qemu/get-kernel 6.1)
version=$(<"$directory/version")-amd64
package=$(sed -nE 's/^PACKAGE_VERSION="(.*)"/\1/p' packaging/kmod/dkms.conf)

ok "install-module puts the source where DKMS looks" make -s install-module DESTDIR="$TAP_TMP" PREFIX=
ok "with the rule for the device" grep -qx 'KERNEL=="shared_region", SUBSYSTEM=="misc", MODE="0666"' \
    "$TAP_TMP/lib/udev/rules.d/60-shared-region.rules"
ok "and the header" cmp include/uapi/linux/shared_region.h "$TAP_TMP/include/linux/shared_region.h"
mkdir -p "$TAP_TMP/tree"
in_dkms() { dkms "$@" --sourcetree "$TAP_TMP/src" --dkmstree "$TAP_TMP/tree" -m shared_region -v "$package" -k "$version" --kernelsourcedir "$directory/build"; }
ok "dkms takes the package" in_dkms add
ok "and builds the module" in_dkms build
module=$(find "$TAP_TMP/tree" -name 'shared_region.ko*' | head -n 1)
like "$module" 'shared_region.ko' "there is a module"

info() { modinfo -F "$1" "$module"; }
is "$(info version)" "$package" "modinfo: the version is the package's"
is "$(info license)" "GPL" "modinfo: the licence"
like "$(info description)" 'region' "modinfo: a description"
like "$(info author)" 'sharedregion' "modinfo: an author"
like "$(info vermagic)" "^$version " "modinfo: built for the kernel that was asked for"
while read -r parameter; do
    like "$(info parm)" "$parameter:.{10,}" "modinfo: $parameter is described"
    like "$(<packaging/man/shared_region.4)" "$parameter" "the man page tells of $parameter"
done < <(sed -nE 's/^module_param(_cb|_named)?\(([a-z_]+),.*/\2/p' kmod/*.c)

configuration=$TAP_TMP/etc
mkdir "$configuration"
cp packaging/kmod/modprobe.conf "$configuration/shared_region.conf"
modules=$TAP_TMP/root/lib/modules/$version
mkdir -p "$modules/updates"
cp "$module" "$modules/updates/"
ok "depmod indexes it" depmod -b "$TAP_TMP/root" "$version"
like "$(modprobe -C "$configuration" -d "$TAP_TMP/root" -S "$version" -n -v shared_region)" \
    'insmod .*shared_region.ko.* destroy_delay=600' "modprobe applies the options of the example"
ok "uninstall-module" make -s uninstall-module DESTDIR="$TAP_TMP" PREFIX=
is "$(find "$TAP_TMP/src" "$TAP_TMP/include" "$TAP_TMP/lib/udev" -type f)" "" "leaves no file"
tap_done
