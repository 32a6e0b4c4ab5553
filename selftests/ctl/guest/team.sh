#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The part of team_guest.sh that runs in the guest, as root.
# shellcheck source=selftests/ctl/guest/guest.sh
. /test/lib/guest.sh

mkdir -p /var/cache /srv
mount -t tmpfs -o mode=755 srv /srv # a file system with attributes
chmod 666 /dev/shared_region
run() { DYLD_PRINT_LOADERS=1 "$@" 2>&1 >/dev/null </dev/null | grep -a '^dyld: ' | tail -n 1 | sed -E 's/^dyld: //; s/[0-9a-f]{32}/UUID/'; }
cp /opt/none /opt/red /opt/red2 /opt/blue /srv/ # (each with a build-id of its own)
set_team /srv/red red && set_team /srv/red2 red && set_team /srv/blue blue || echo "not ok - no teams"

comment dyldctl build /srv/none /srv/red /srv/red2 /srv/blue
is "$(run dyldctl run /srv/none)" "prebuilt UUID kernel" "a program without a team has the region"
is "$(run dyldctl run /srv/red)" "prebuilt UUID" "one of a team without a region starts from files"
is "$(run dyldctl run /srv/blue)" "prebuilt UUID" "as does one of another"
is "$(dyldctl run /srv/red 2>&1)" "$(/srv/red 2>&1)" "and works"

# A team's region has a base of its own: so it needs an activation of its own, in a state of its own.
red=(dyldctl --state /var/cache/red)
comment "${red[@]}" build --no-region /srv/red /srv/red2 /srv/none
is "$(run "${red[@]}" run /srv/red)" "prebuilt UUID" "a state without a region"
comment "${red[@]}" --team red region configure
is "$(run "${red[@]}" run /srv/red)" "prebuilt UUID kernel" "configured for the team: its programs have the team's region"
is "$(run "${red[@]}" run /srv/red2)" "prebuilt UUID kernel" "all of them"
is "$(run "${red[@]}" run /srv/none)" "prebuilt UUID" "others start from that state's files"
is "$(run dyldctl run /srv/none)" "prebuilt UUID kernel" "and from the region of their own state"
is "$([[ $("${red[@]}" --json status | jq .activation.base) != "$(dyldctl --json status | jq .activation.base)" ]] && echo other)" other "another base"
is "$("${red[@]}" --team red --json region query | jq -r .region.uuid)" "$("${red[@]}" --json status | jq -r .activation.uuid)" "query as the team"
is "$("${red[@]}" --json region query | jq -r .region.uuid)" "$(dyldctl --json status | jq -r .activation.uuid)" "query as nobody's"
is "$(dyldctl status | grep -c 'team red: region')" 1 "status names the team's region"
# Commands of nobody's take a team's region away with the activation that it belongs to.
team_region() { dyldctl --team "$1" --json region query | jq -r '.region.uuid // "none"'; }
comment "${red[@]}" deactivate
is "$(team_region red)" none "deactivate takes a team's region away"
comment "${red[@]}" --team red region configure
comment "${red[@]}" activate --no-region
is "$(team_region red)" none "so does another activation of that state"
is "$(run "${red[@]}" run /srv/red)" "prebuilt UUID" "which is used"
comment "${red[@]}" --team red region configure
comment "${red[@]}" --team blue region configure
is "$(team_region red) $([[ $(team_region blue) != none ]] && echo blue)" "none blue" "another team's region takes its place"
comment "${red[@]}" --team red region configure
is "$(team_region blue) $([[ $(team_region red) != none ]] && echo red)" "none red" "and the other way round"
is "$("${red[@]}" region detach 2>&1)" "" "detach"
is "$(team_region red)" none "takes it away, too"
comment "${red[@]}" --team red region configure
is "$(run "${red[@]}" run /srv/red)" "prebuilt UUID kernel" "until it is configured again"
is "$(dyldctl --team red build /srv/red 2>&1)" "dyldctl: 'build' works without --team only" "no build as a team"
is "$(dyldctl --team '' region query 2>&1)" "dyldctl: '': a team ID has 1 to 64 bytes" "no empty team"
comment "${red[@]}" --team red clean
is "$(dyldctl --team red --json region query | jq -r .region)" null "clean as the team takes its region away"
is "$(run dyldctl run /srv/none)" "prebuilt UUID kernel" "the other region stays"
comment "${red[@]}" build --no-region /srv/red
comment "${red[@]}" --team red region configure
is "$([[ $(team_region red) != none ]] && echo red)" red "(there is one again)"
comment "${red[@]}" clean
is "$(team_region red)" none "clean as nobody as well"
is "$(run dyldctl run /srv/none)" "prebuilt UUID kernel" "the other region stays then, too"

comment dyldctl --team red deactivate
is "$(dyldctl --json region query | jq -r .region)" null "deactivate as a team takes a region away that is nobody's"

# The same in another root directory
R=/srv/root
mkdir -p "$R"/{proc,dev,run,tmp,etc,srv,var/cache} && cp -a /lib /lib64 "$R/" && cp /srv/red "$R/srv/" && set_team "$R/srv/red" red
there() { dyldctl --root "$R" "$@"; }
comment there build --no-region /srv/red
comment there --team red region configure
is "$(there --team red --json region query | jq -r .region.uuid)" "$(there --json status | jq -r .activation.uuid)" "a region of a team in another root directory"
comment there clean
is "$(there --team red --json region query | jq -r .region)" null "clean there takes it away"
comment dyldctl clean
tap_done
