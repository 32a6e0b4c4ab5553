// SPDX-License-Identifier: GPL-2.0-or-later
// TLS descriptors (compiled with -mtls-dialect=gnu2): TLSDESC relocations.
__thread int described[2] = {1, 2};
static __thread int described_local;
int *address_of_described(void) {
    return &described[1];
}
int *address_of_described_local(void) {
    return &described_local;
}
