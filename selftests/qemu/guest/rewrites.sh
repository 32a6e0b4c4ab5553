#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A guest program that rewrites kernel code while the other processor runs it: a probe comes and goes for 10 seconds.
echo "1..1"
tracing=/sys/kernel/tracing
probe=$tracing/events/kprobes/rewritten
mount -t tracefs tracefs $tracing 2>/dev/null
echo 'p:rewritten do_sys_openat2' >$tracing/kprobe_events
while :; do : </dev/null; done &
opener=$!
times=0
end=$(($(date +%s) + 10))
while [ "$(date +%s)" -lt $end ]; do
    echo 1 >$probe/enable || break
    echo 0 >$probe/enable || break
    times=$((times + 1))
done
kill $opener
echo >$tracing/kprobe_events
echo "# on and off $times times"
[ $times -ge 3 ] || printf 'not '
echo "ok 1 - the kernel survives"
