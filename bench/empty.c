// SPDX-License-Identifier: GPL-2.0-or-later
// The least that a dynamic program can be: what its start takes is what starting takes.
int main(void) {
    return 0;
}
