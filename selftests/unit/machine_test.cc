// SPDX-License-Identifier: GPL-2.0-or-later
// Which answers of cpuid make another CPU: features do, what differs between the processors of one machine
// does not.
#include "sharedregion/machine.h"

#include <gtest/gtest.h>
#include <map>

using namespace sharedregion;

namespace {

using Leaves = std::map<std::pair<unsigned, unsigned>, CpuidRegisters>;

// A processor with something in every register of every leaf.
Leaves processor() {
    Leaves leaves;
    for (unsigned leaf = 0; leaf < 0x30; leaf++)
        for (unsigned subleaf = 0; subleaf < 3; subleaf++)
            leaves[{leaf, subleaf}] = {leaf * 3 + subleaf, leaf + 5, leaf + 7, leaf + 9};
    for (unsigned leaf = 0x80000000; leaf < 0x80000020; leaf++)
        leaves[{leaf, 0}] = {leaf, leaf + 5, leaf + 7, leaf + 9};
    return leaves;
}

uint64_t hash_of(Leaves leaves) {
    return hash_cpu([&](unsigned leaf, unsigned subleaf) { return leaves[{leaf, subleaf}]; });
}

TEST(cpu_hash, is_another_with_other_features) {
    for (unsigned leaf : {0U, 1U, 7U, 0x80000001U}) {
        Leaves other = processor();
        other[{leaf, 0}].ecx ^= 0x1000;
        EXPECT_NE(hash_of(other), hash_of(processor())) << leaf;
        other = processor();
        other[{leaf, 0}].edx ^= 0x1000;
        EXPECT_NE(hash_of(other), hash_of(processor())) << leaf;
    }
    Leaves other = processor();
    other[{7, 1}].eax ^= 0x10;
    EXPECT_NE(hash_of(other), hash_of(processor()));
}

TEST(cpu_hash, is_another_with_another_model_or_size_of_state) {
    Leaves model = processor(), state = processor();
    model[{1, 0}].eax += 0x10;
    state[{0xd, 0}].ebx += 64;
    EXPECT_NE(hash_of(model), hash_of(processor()));
    EXPECT_NE(hash_of(state), hash_of(processor()));
}

// Hybrid CPUs: caches, topology, performance counters, trace, native model; packages of several steppings.
TEST(cpu_hash, is_the_same_on_all_processors_of_a_machine) {
    for (unsigned leaf : {2U, 4U, 6U, 0xaU, 0xbU, 0x14U, 0x1aU, 0x1cU, 0x1fU, 0x23U, 0x80000006U, 0x80000007U,
                          0x8000001dU, 0x8000001eU}) {
        Leaves other = processor();
        for (unsigned subleaf = 0; subleaf < 3; subleaf++)
            other[{leaf, subleaf}] = {1, 2, 3, 4};
        EXPECT_EQ(hash_of(other), hash_of(processor())) << leaf;
    }
    Leaves other = processor();
    other[{0, 0}].eax++;          // highest leaf
    other[{1, 0}].eax ^= 1;       // stepping
    other[{1, 0}].ebx ^= 1 << 24; // number of the processor
    other[{0xd, 1}].ebx += 64;    // what the kernel saves besides
    EXPECT_EQ(hash_of(other), hash_of(processor()));
}

} // namespace
