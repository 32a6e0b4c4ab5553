# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# TAP (testanything.org, version 13) for test scripts: source it, call ok/is/like/skip, end with tap_done.
#
# Descriptions are sentences that say the behaviour. A script that ends before tap_done says "Bail out!",
# so a crash of the script is never taken for success. Temporary files go to $TAP_TMP, removed at exit.

TAP_COUNT=0
TAP_FAILED=0
TAP_FINISHED=0
TAP_TMP=$(mktemp -d "${TMPDIR:-/tmp}/shared-region-test.XXXXXX") || exit 1
chmod 755 "$TAP_TMP"
TAP_CLEANUP=()

# at_exit COMMAND ARG...: to run when the script ends, last one first.
at_exit() { TAP_CLEANUP=("$(printf '%q ' "$@")" "${TAP_CLEANUP[@]}"); }

tap_exit() {
    local status=$? command
    for command in "${TAP_CLEANUP[@]}"; do
        eval "$command"
    done
    rm -rf "$TAP_TMP"
    if ((TAP_FINISHED == 0)); then
        echo "Bail out! script ended early with status $status"
        exit 1
    fi
}
trap tap_exit EXIT

quietly() { "$@" >/dev/null 2>&1; }

diag() { printf '# %s\n' "${*//$'\n'/$'\n'# }"; }

tap_result() { # STATUS DESCRIPTION
    TAP_COUNT=$((TAP_COUNT + 1))
    if (($1 == 0)); then
        echo "ok $TAP_COUNT - $2"
    else
        TAP_FAILED=$((TAP_FAILED + 1))
        echo "not ok $TAP_COUNT - $2"
    fi
    return "$1"
}

pass() { tap_result 0 "$1"; }
fail() { tap_result 1 "$1" || { [[ -z ${2-} ]] || diag "$2"; }; }

# ok DESCRIPTION COMMAND ARG...: the command succeeds. Its output is shown only when it fails.
ok() {
    local description=$1 output status=0
    shift
    output=$("$@" 2>&1) || status=$?
    if ((status == 0)); then
        pass "$description"
    else
        fail "$description" "$* -> status $status"$'\n'"$output"
    fi
}

# not_ok DESCRIPTION COMMAND ARG...: the command fails, and not by a signal.
not_ok() {
    local description=$1 output status=0
    shift
    output=$("$@" 2>&1) || status=$?
    if ((status != 0 && status < 128)); then
        pass "$description"
    else
        fail "$description" "$* -> status $status"$'\n'"$output"
    fi
}

# is GOT WANTED DESCRIPTION
is() {
    if [[ $1 == "$2" ]]; then pass "$3"; else fail "$3" "got:    $1"$'\n'"wanted: $2"; fi
}

# like TEXT EXTENDED_REGEX DESCRIPTION
like() {
    if [[ $1 =~ $2 ]]; then pass "$3"; else fail "$3" "text:      $1"$'\n'"not like:  $2"; fi
}

# unlike TEXT EXTENDED_REGEX DESCRIPTION
unlike() {
    if [[ ! $1 =~ $2 ]]; then pass "$3"; else fail "$3" "text:  $1"$'\n'"like:  $2"; fi
}

# skip DESCRIPTION REASON
skip() {
    TAP_COUNT=$((TAP_COUNT + 1))
    echo "ok $TAP_COUNT - $1 # SKIP $2"
}

# skip_all REASON: the whole script cannot run here.
skip_all() {
    TAP_FINISHED=1
    echo "1..0 # SKIP $1"
    exit 0
}

tap_done() {
    TAP_FINISHED=1
    echo "1..$TAP_COUNT"
    exit $((TAP_FAILED != 0))
}
