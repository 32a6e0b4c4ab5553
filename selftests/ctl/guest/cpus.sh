#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The part of cpus_guest.sh that runs in the guests, as root: `new` and `back` on one CPU, `other` on another.
# shellcheck source=selftests/ctl/guest/guest.sh
. /test/lib/guest.sh

notes=/var/tmp/cpus
generation() { basename "$(readlink /var/cache/shared-region/current)"; }
generations() { (cd /var/cache/shared-region/generations && echo *); }
why() { dyldctl why "$1" | cut -d' ' -f1; }
facts() { LD_SHOW_AUXV=1 /bin/true | grep -E 'AT_HWCAP|AT_MINSIGSTKSZ|AT_PLATFORM'; }

case $1 in
new)
    mkdir -p "$notes"
    facts >"$notes/facts"
    comment dyldctl build /usr/bin/bash /usr/bin/python3
    generation >"$notes/first"
    is "$(why /usr/bin/bash)" prebuilt "built and started on the first CPU"
    is "$(grep -cw avx2 /proc/cpuinfo | sed 's/[1-9][0-9]*/some/')" some "which has AVX2"
    ;;
other)
    is "$(facts)" "$(<"$notes/facts")" "the auxiliary vector is the same"
    is "$(grep -cw avx2 /proc/cpuinfo)" 0 "but not AVX2"
    output=$(dyldctl activate 2>&1)
    is "$?" 1 "nothing is activated"
    is "$output" 'dyldctl: /var/cache/shared-region: built for another CPU; run `dyldctl build PROGRAM...` here, too' "and the reason is told"
    is "$(dyldctl --json status | jq -r .generation.environment.reason 2>/dev/null || dyldctl status | sed -n 's/^outdated *//p' | xargs)" cpu-changed "status tells it"
    is "$(dyldctl run bash -c 'echo $((6 * 7))')" 42 "programs start"
    comment dyldctl build /usr/bin/perl
    is "$(dyldctl list | grep -c prebuilt)" 3 "a build takes the programs over"
    is "$(why /usr/bin/bash)" prebuilt "and they start from the cache here, too"
    is "$(dyldctl run python3 -c 'print("é" * 3000 == "é" * 3000)')" True "by functions that this CPU has"
    is "$(generations | grep -cw "$(<"$notes/first")")" 1 "the first CPU's generation is kept"
    comment dyldctl build --force /usr/bin/perl
    comment dyldctl build --force /usr/bin/perl
    is "$(generations | wc -w)" 3 "also by later builds, beside this and the previous one"
    is "$(generations | grep -cw "$(<"$notes/first")")" 1 "it is among them"
    generation >"$notes/second"
    ;;
back)
    is "$(generation)" "$(<"$notes/second")" "the disk comes back from the other CPU"
    comment dyldctl activate
    is "$(generation)" "$(<"$notes/first")" "activate finds what was built for this one"
    is "$(why /usr/bin/bash)" prebuilt "and programs start from the cache"
    is "$(why /usr/bin/perl)" no-set "those that it was built for"
    is "$(generations | grep -cw "$(<"$notes/second")")" 1 "the other CPU's is kept"
    comment dyldctl build /usr/bin/perl
    is "$(why /usr/bin/perl)" prebuilt "a build adds another"
    is "$(generations | grep -cw "$(<"$notes/second")")" 1 "the other CPU's is still kept"
    ;;
esac
tap_done
