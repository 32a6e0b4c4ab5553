#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The part of states_guest.sh that runs in the guest, as root.
# shellcheck source=selftests/ctl/guest/guest.sh
. /test/lib/guest.sh

mkdir -p /etc /dev/shm /var/cache /small
mount -t tmpfs -o mode=755 run /run
mount -t tmpfs -o mode=1777 shm /dev/shm
chmod 755 / /var /var/cache
first=(dyldctl)
second=(dyldctl --state /var/cache/second)
said() { grep -a '^dyld: ' | tail -n 1 | sed -E 's/^dyld: //; s/[0-9a-f]{32}/UUID/'; }
decision() { DYLD_PRINT_LOADERS=1 "$@" run cat /dev/null 2>&1 | said; }
backend() { "$@" status | sed -n 's/^backend *//p'; }
region() { dyldctl --json region query | sed -n 's/^ *"uuid": "\([0-9a-f]*\)".*/\1/p' | head -n 1; }

# --- one region, two states
comment "${first[@]}" build /usr/bin/cat
is "$(decision "${first[@]}") $(backend "${first[@]}")" "prebuilt UUID kernel kernel" "the first state's activation has the region"
uuid=$(region)
like "$("${second[@]}" build /usr/bin/cat 2>&1)" "no region in the kernel: it has that of /var/cache/shared-region" \
    "another state's build leaves it alone and says so"
is "$(region) $(decision "${first[@]}")" "$uuid prebuilt UUID kernel" "the first one's programs keep it"
is "$(decision "${second[@]}") $(backend "${second[@]}")" "prebuilt UUID file" "the second one's map files"
comment "${second[@]}" region configure
is "$(decision "${second[@]}") $(decision "${first[@]}")" "prebuilt UUID kernel prebuilt UUID" "region configure takes its place"
like "$(backend "${first[@]}")" "^file: the kernel's region is another activation's" "the first one's status knows"
like "$("${first[@]}" --json status)" '"in_kernel": false' "also as JSON"
is "$("${first[@]}" build /usr/bin/cat | cut -d: -f1)" "nothing changed" "its build changes nothing as long as the other one is there"
comment "${second[@]}" clean
is "$(region) $(backend "${first[@]}")" " file: the kernel's region is gone" "without the second state there is no region, and status says so"
comment "${first[@]}" build /usr/bin/cat
is "$(decision "${first[@]}") $(backend "${first[@]}")" "prebuilt UUID kernel kernel" "the next build brings the first one's back"

comment "${second[@]}" build --tmpfs /dev/shm /usr/bin/cat
comment "${second[@]}" region configure --tmpfs /dev/shm
rm -rf /var/cache/second /dev/shm/shared-region-0
like "$("${first[@]}" activate 2>&1)" "of no activation in /run/shared-region, was replaced" "a region that nobody knows is replaced, and that is said"
is "$(decision "${first[@]}")" "prebuilt UUID kernel" "and the first one has its own again"

# --- activations that fail
uuid=$(region)
mount -t tmpfs -o size=64k,mode=755 small /small
like "$("${first[@]}" activate --tmpfs /small 2>&1)" "No space left on device" "an activation for which there is no memory fails"
is "$(region) $(decision "${first[@]}") $(backend "${first[@]}")" "$uuid prebuilt UUID kernel kernel" "and the one in use keeps its region"
is "$(find /small/shared-region-0 -mindepth 2)" "" "nothing of it is left"

# No room in the state directory either: what is switched there last is made first.
mkdir /full
mount -t tmpfs -o size=100m,nr_inodes=60,mode=755 full /full
comment dyldctl --state /full/state build /usr/bin/cat
comment dyldctl --state /full/state region configure
uuid=$(region)
n=0
while touch "/full/$((n += 1))" 2>/dev/null; do :; done
like "$(dyldctl --state /full/state activate 2>&1)" "No space left on device" "an activation for which the state directory has no room fails"
is "$(region) $(backend dyldctl --state /full/state)" "$uuid kernel" "and the one in use keeps its region, too"
rm /full/[0-9]*
comment dyldctl --state /full/state clean
comment "${first[@]}" build /usr/bin/cat

# As if it had been killed between its two steps: the region is there, its directory too, `active` is still the old one.
comment "${first[@]}" activate
active=$(readlink /var/cache/shared-region/active) old=${active%/*}/0123456789abcdef
cp -r "$active" "$old"
ln -sfn "$old" /var/cache/shared-region/active
printf '\1' | dd of="$old/region" bs=1 seek=24 conv=notrunc 2>/dev/null # another UUID
is "$(decision "${first[@]}")" "prebuilt UUID" "an activation that was killed half-way: programs map files"
is "$("${first[@]}" build /usr/bin/cat 2>&1 >/dev/null)" "" "the next build takes that region for its own"
is "$(decision "${first[@]}") $(backend "${first[@]}")" "prebuilt UUID kernel kernel" "and replaces it"

# --- one substitution, two states
comment "${first[@]}" build /usr/bin/{env,bash,sed,dash,cat,grep,cut}
comment "${first[@]}" interpreter set
like "$(dyldctl interpreter query)" "in force, .* by /var/cache/shared-region/ld-dyld.so$" "query tells by which file programs start"
chmod 755 /var/cache/shared-region/ld-dyld.so # another ctime
like "$(dyldctl interpreter query)" "out of force" "(the pair is out of force)"
comment "${second[@]}" build /usr/bin/cat
like "$(dyldctl interpreter query)" "out of force: .* by /var/cache/shared-region/ld-dyld.so$" "another state's build does not make itself the loader of the system"
comment "${first[@]}" build --force /usr/bin/cat
like "$(dyldctl interpreter query)" "^in force, .* by /var/cache/shared-region/ld-dyld.so$" "this state's build renews it"
comment dyldctl interpreter clear
comment "${second[@]}" clean
comment "${first[@]}" clean
tap_done
