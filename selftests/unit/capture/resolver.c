// SPDX-License-Identifier: GPL-2.0-or-later
// Programs whose IFUNC resolver does, before the first constructor, what capture must not accept:
// -DACTION_x chooses what. Resolvers run while the program is relocated, so all is done by hand.
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define CREATED_FILE "/tmp/shared-region-capture-made-this"

static inline long call(long number, long a, long b, long c, long d, long e, long f) {
    long result;
    register long r10 asm("r10") = d;
    register long r8 asm("r8") = e;
    register long r9 asm("r9") = f;
    asm volatile("syscall"
                 : "=a"(result)
                 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                 : "rcx", "r11", "memory");
    return result;
}

volatile uint64_t kept[64]; // what a resolver leaves behind

static int implementation(void) {
    return kept[0] != 0;
}

__attribute__((used)) static int (*choose(void))(void) {
#if defined(ACTION_DIRECTORY)
    call(SYS_mkdir, (long)"/proc/none", 0700, 0, 0, 0, 0);
#elif defined(ACTION_CREATE)
    call(SYS_openat, AT_FDCWD, (long)CREATED_FILE, O_CREAT | O_WRONLY, 0600, 0, 0);
#elif defined(ACTION_OLD_CREATE)
    call(SYS_open, (long)CREATED_FILE, O_CREAT | O_RDONLY, 0600, 0, 0, 0);
#elif defined(ACTION_FORK)
    // The child would outlive a capture that only kills the program.
    if (call(SYS_fork, 0, 0, 0, 0, 0, 0) == 0)
        for (;;)
            asm volatile("pause");
#elif defined(ACTION_SIGNAL)
    asm volatile("ud2");
#elif defined(ACTION_EXIT)
    call(SYS_exit_group, 3, 0, 0, 0, 0, 0);
#elif defined(ACTION_SPIN)
    for (;;)
        asm volatile("pause");
#elif defined(ACTION_CYCLES)
    asm volatile("rdtsc" : "=a"(kept[0]) : : "rdx");
#elif defined(ACTION_RANDOM)
    call(SYS_getrandom, (long)&kept[1], 16, 0, 0, 0, 0);
#elif defined(ACTION_THIRD_RUN)
    // The stack limit falls from run to run; only the third one's is below this.
    uint64_t limit[2];
    call(SYS_prlimit64, 0, 3, 0, (long)limit, 0, 0);
    kept[0] = limit[0] < (8 << 20) - 20000;
#elif defined(ACTION_MAP)
    call(SYS_mmap, 0x10000000, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
#elif defined(ACTION_SHARED_MAP)
    call(SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
#elif defined(ACTION_INT80)
    int result;
    asm volatile("int $0x80" : "=a"(result) : "a"(20) : "memory", "r8", "r9", "r10", "r11");
#elif defined(ACTION_STACK_LIMIT)
    // As libc does: a word of class StackLimit.
    uint64_t limit[2];
    call(SYS_prlimit64, 0, 3, 0, (long)limit, 0, 0);
    kept[5] = (limit[0] + 4095) & ~4095UL;
#endif
    return implementation;
}

int chosen(void) __attribute__((ifunc("choose")));

int main(void) {
    return chosen();
}
