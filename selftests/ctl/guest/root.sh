#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The part of root_guest.sh that runs in the guest, as root.
# shellcheck source=selftests/ctl/guest/guest.sh
. /test/lib/guest.sh

R=/srv/root
mkdir -p /var/cache /tmp "$R"/{proc,dev,run,opt,etc,var/cache}
chmod 666 /dev/shared_region
for file in /lib64/ld-linux-x86-64.so.2 /lib/x86_64-linux-gnu/libc.so.6 /opt/uses_lib /opt/hello /usr/bin/env; do
    mkdir -p "$R${file%/*}" && cp "$file" "$R$file"
done
mkdir -p "$R/bin" /bin && cp /usr/bin/true "$R/bin/" # what `interpreter set` tries
cp /opt/other/libfixture.so "$R/opt/"
mount -t proc proc "$R/proc"

there() { dyldctl --root "$R" "$@"; }
said() { grep -a '^dyld: ' | tail -n 1 | sed -E 's/^dyld: //'; }
run() { DYLD_PRINT_LOADERS=1 "$@" 2>&1 >/dev/null </dev/null | said; }
answer() { "$@" 2>/dev/null | grep -o 'answer [0-9]*'; }

comment dyldctl build /opt/uses_lib /opt/hello /usr/bin/env
comment dyldctl region configure
here_uuid=$(dyldctl --json status | jq -r .generation.uuid)
comment there build /opt/uses_lib /opt/hello /usr/bin/env
is "$(run dyldctl --root "$R" run /opt/hello | cut -d' ' -f1,3)" prebuilt "a root directory without the device: its build uses the file backend"
said=$(there region configure 2>&1)
is "$(grep -c 'no /dev/shared_region' <<<"$said")" 1 "its region can be configured; a note says what is missing"
is "$(run dyldctl --root "$R" run /opt/hello | cut -d' ' -f1,3)" prebuilt "and programs there start by the file backend"
mount --bind /dev "$R/dev"
there_uuid=$(there --json status | jq -r .generation.uuid)
is "$([[ $here_uuid != "$there_uuid" ]] && echo other)" other "two caches"
is "$(run dyldctl run /opt/uses_lib)" "prebuilt $here_uuid kernel" "here a program starts from this root directory's region"
is "$(run dyldctl --root "$R" run /opt/uses_lib)" "prebuilt $there_uuid kernel" "there from that one's"
is "$(answer dyldctl run /opt/uses_lib)" "answer 42" "with the library here"
is "$(answer dyldctl --root "$R" run /opt/uses_lib)" "answer 43" "and the one there"
is "$(dyldctl --json status | jq -r .kernel.region.uuid)" "$(dyldctl --json status | jq -r .activation.uuid)" "query: the region here"
is "$(there --json region query | jq -r .region.uuid)" "$(there --json status | jq -r .activation.uuid)" "query: the region there"

# Interpreter pairs
comment dyldctl interpreter set
comment there interpreter set
is "$(run /opt/uses_lib)" "prebuilt $here_uuid kernel" "substituted here"
is "$(run chroot "$R" /opt/uses_lib)" "prebuilt $there_uuid kernel" "substituted there: by chroot alone"
is "$(answer chroot "$R" /opt/uses_lib)" "answer 43" "with the library there"
is "$(/opt/program32) $?" "32 bits 7" "a 32-bit program starts by its own ld.so"
comment there build --force /opt/uses_lib
is "$(run chroot "$R" /opt/uses_lib)" "prebuilt $there_uuid kernel" "a build there captures with the genuine ld.so, and is in force at once"
comment there interpreter clear
is "$(run chroot "$R" /opt/uses_lib)" "jit no-set" "cleared there: only chroot itself, started here, says something"
is "$(run /opt/uses_lib)" "prebuilt $here_uuid kernel" "still substituted here"
comment there interpreter set
comment dyldctl interpreter clear
is "$(run chroot "$R" /opt/uses_lib)" "prebuilt $there_uuid kernel" "and the other way round"
comment there interpreter clear

# A container has the region of its root directory, by whatever mount it has that.
container() { # COMMAND...
    unshare -m bash -c 'S=$1/var/cache/shared-region L=$1/lib64/ld-linux-x86-64.so.2 && mount --bind "$L" "$S/genuine/ld-linux-x86-64.so.2" &&
        mount --bind "$S/ld-dyld.so" "$L" && exec chroot "$@"' bash "$R" "$@"
}
is "$(run container /opt/uses_lib)" "prebuilt $there_uuid kernel" "a container has its root directory's region"

comment there region detach
is "$(run dyldctl --root "$R" run /opt/uses_lib)" "prebuilt $there_uuid" "detached there: from files"
is "$(run dyldctl run /opt/uses_lib)" "prebuilt $here_uuid kernel" "the region here stays"
comment there region configure
comment dyldctl region detach
is "$(run dyldctl run /opt/uses_lib)" "prebuilt $here_uuid" "detached here: from files"
is "$(run dyldctl --root "$R" run /opt/uses_lib)" "prebuilt $there_uuid kernel" "the region there stays"
comment there clean
is "$(there --json region query | jq -r .region)" null "clean takes the region there away"
is "$(run dyldctl run /opt/uses_lib)" "prebuilt $here_uuid" "and nothing here"
tap_done
