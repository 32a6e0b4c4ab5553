#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# In a guest with systemd: dyldctl enable and disable, for the whole system and for one service; what happens without a
# module, a device or a cache, and when they go while programs start.
# shellcheck source=selftests/lib/tap.sh
. /test/lib/tap.sh
# shellcheck source=selftests/system/guest.sh
. /test/lib/guest.sh

libc=$(dirname "$genuine")/libc.so.6
module=$(modinfo -F filename shared_region)
cp "$genuine" "$TAP_TMP/genuine"

not_ok "enable --system without a cache fails" dyldctl enable --system
like "$(dyldctl enable --system 2>&1)" '^dyldctl: [^;]*: nothing built here yet; run `dyldctl build PROGRAM...`$' "and says what to do"
begin=$SECONDS
ok "a cache for some programs of this system" dyldctl build /bin/{true,ls,cat,bash,env,perl,python3,git,sleep}
diag "dyldctl build: $((SECONDS - begin)) s"

mv "$module" "$module.off"
modprobe -r shared_region
like "$(dyldctl enable --system 2>&1)" '^dyldctl: /dev/shared_region: no such device: the kernel module is not loaded' "without the module: so"
is "$(find /etc/systemd/system -name 'shared-region*')" "" "nothing was written"
ok "disable --system where nothing is enabled is fine" dyldctl disable --system
mv "$module.off" "$module"

ok "enable --system" dyldctl enable --system
is "$(systemctl is-enabled shared-region.service) $(systemctl is-active shared-region.service)" "enabled active" "its unit is on, now and for the next boots"
is "$(decision /bin/true)" prebuilt "programs start from the cache"
is "$(decision systemd-run --quiet --pipe --setenv=DYLD_PRINT_LOADERS=1 /bin/ls /)" prebuilt "also those of systemd"
like "$(dyldctl status)" 'enabled +all programs, also after a boot: [0-9]+ programs started so' "status tells"
before=$(dyldctl --json interpreter query)
ok "enabling again is fine" dyldctl enable --system
unlike "$before" '"substituted": 0' "programs were counted"
like "$(dyldctl --json interpreter query)" '"in_force": true' "still in force"
cmp -s "$genuine" "$TAP_TMP/genuine"
is "$?" 0 "no file of the system was changed"

start_starting
ok "disable --system while programs start" dyldctl disable --system
is "$(decision /bin/true)" none "programs start by ld.so at once"
is "$(systemctl is-enabled shared-region.service 2>&1 | head -n 1) $(systemctl is-active shared-region.service)" \
    "Failed to get unit file state for shared-region.service: No such file or directory inactive" "the unit is gone"
ok "disabling again is fine" dyldctl disable --system
ok "enabled again while programs start" dyldctl enable --system
stop_starting "no start has failed while it was switched"

# The device and the module go.
rm /dev/shared_region
is "$(backend /bin/true)" file "without its device node, programs start from files"
mknod -m 666 /dev/shared_region c 10 "$(sed -n 's/ shared_region$//p' /proc/misc | tr -d ' ')"
is "$(backend /bin/true)" kernel "with it, of the kernel's region"
rm /dev/shared_region
like "$(dyldctl enable --system 2>&1)" 'the kernel module is not loaded|no such device' "enable says that it is missing"
mknod -m 666 /dev/shared_region c 10 "$(sed -n 's/ shared_region$//p' /proc/misc | tr -d ' ')"
/bin/sleep infinity &
sleeper=$!
until [[ $(readlink "/proc/$sleeper/exe") == */sleep ]]; do sleep 0.1; done
ok "the kernel's region goes" dyldctl region detach
start_starting
not_ok "the module is not unloaded while a program has the region" modprobe -r shared_region
is "$(decision /bin/true)" prebuilt "programs still start from the cache"
kill "$sleeper"
unload() {
    local i
    for ((i = 0; i < 100; i++)); do
        modprobe -r shared_region 2>/dev/null && return
        sleep 0.1 # a program that starts just now has the region
    done
    return 1
}
ok "afterwards it is, while programs start" unload
is "$(decision /bin/true)" none "without it, programs start by ld.so"
ok "and is loaded again" modprobe shared_region
is "$(stat -c %a /dev/shared_region)" 666 "udev gives everybody access to the device"
ok "the unit switches on again" systemctl restart shared-region.service
stop_starting "no start has failed meanwhile"
is "$(decision /bin/true)" prebuilt "prebuilt again"

# Other files below a running substitution
ok "a build while enabled" dyldctl build --force /bin/true
is "$(decision /bin/true)" prebuilt "leaves it in force"
mv "$STATE/ld-dyld.so" "$STATE/ld-dyld.so.away"
is "$(decision /bin/true)" none "without ld-dyld.so: by ld.so"
mv "$STATE/ld-dyld.so.away" "$STATE/ld-dyld.so"
ok "a build repairs that" dyldctl build /bin/true
is "$(decision /bin/true)" prebuilt "prebuilt again"
printf '#!/bin/sh\nexit 3\n' >"$STATE/broken" && chmod 755 "$STATE/broken"
cp -p "$STATE/ld-dyld.so" "$TAP_TMP/good"
ok "disable" dyldctl disable --system
cp "$STATE/broken" "$STATE/ld-dyld.so"
not_ok "an ld-dyld.so that starts nothing is not enabled" dyldctl enable --system
is "$(decision /bin/true)" none "and programs start"
rm -f "$STATE/broken" "$STATE/ld-dyld.so"
ok "a build makes it anew" dyldctl build --force /bin/true

# One service
cat >/etc/systemd/system/test-one.service <<UNIT
[Service]
Type=oneshot
Environment=DYLD_PRINT_LOADERS=1
ExecStart=/usr/bin/env true
StandardError=truncate:$TAP_TMP/one
UNIT
systemctl daemon-reload
of_service() { systemctl restart test-one.service && decision cat "$TAP_TMP/one" && sed -n 's/^dyld: \([a-z]*\).*/\1/p' "$TAP_TMP/one" | tail -n 1; }
is "$(of_service)" "none" "a service starts by ld.so"
like "$(dyldctl enable --unit no-such 2>&1)" 'no-such.service: systemd knows no such service' "a service that does not exist is refused"
like "$(dyldctl enable --unit ../x 2>&1)" 'is no name of a systemd service' "and what is no name"
ok "enable --unit" dyldctl enable --unit test-one
is "$(of_service)" $'none\nprebuilt' "it starts from the cache"
like "$(dyldctl status)" 'enabled +test-one.service' "status tells"
ok "again" dyldctl enable --unit test-one.service
for file in "$genuine" "$libc"; do
    cp -p "$file" "$file.old"
    upgraded "$file" "$file.new"
    mv -f "$file.new" "$file"
done
is "$(of_service)" $'none\njit' "after ld.so and libc were replaced, it starts by the new ones"
like "$(cat "$TAP_TMP/one")" 'dyld: jit (library|loader)-changed' "and says why"
for file in "$genuine" "$libc"; do
    mv -f "$file.old" "$file"
done
mv "$STATE" "$STATE.away"
is "$(of_service)" none "without the state directory it starts, too"
rm -rf "$STATE" # systemd has made the directory that it would mount on
mv "$STATE.away" "$STATE"
ok "disable --unit" dyldctl disable --unit test-one
is "$(of_service)" none "by ld.so again"
ok "disable --unit again" dyldctl disable --unit test-one
is "$(find /etc/systemd/system -name '*.d' -name 'test-one*')" "" "no file is left"
ok "dyldctl build takes in what moved" dyldctl build /bin/true
ok "enabled for what comes" dyldctl enable --system
tap_done
