#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# An installed copy works: the commands find their helpers from where they lie.
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/both_ways.sh

root=$TAP_TMP/root
ok "make install into DESTDIR" make -s install DESTDIR="$root" PREFIX=/usr
DYLDCTL=$root/usr/bin/dyldctl
private_state "$FIX/hello"
both prebuilt "an installed dyldctl builds a cache and starts a program" "$FIX/hello" 5
ok "the helpers are not beside the commands" test ! -e "$root/usr/bin/make-ld-dyld"
ok "a manual page is installed" test -s "$root/usr/share/man/man1/dyldctl.1"
words=$(bash -c '. "$0"; COMP_WORDS=(dyldctl b); COMP_CWORD=1; _dyldctl; echo "${COMPREPLY[@]}"' \
    "$root/usr/share/bash-completion/completions/dyldctl")
is "$words" "build build-set bench" "completion offers the subcommands"
"$DYLDCTL" --state "$STATE" clean >/dev/null 2>&1
ok "make uninstall" make -s uninstall DESTDIR="$root" PREFIX=/usr
is "$(find "$root" -type f)" "" "uninstall leaves no file"
tap_done
