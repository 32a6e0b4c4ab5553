// SPDX-License-Identifier: GPL-2.0-or-later
// A guest program that passes, in the form of kselftest, with one test skipped.
#include <stdio.h>
#include <unistd.h>

int main(void) {
    printf("TAP version 13\n1..2\n");
    printf("%s 1 global.runs_as_child_of_pid_1\n", getppid() == 1 ? "ok" : "not ok");
    printf("ok 2 # SKIP nothing to see\n");
    return getppid() != 1;
}
