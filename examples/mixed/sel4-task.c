/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A root task for seL4 on x86_64 (MCS), without any library: it makes a notification, measures what a signal costs, and
 * prints the result as seL4's benchmarks do: `./x run --root-task sel4-task.elf --icount --collect 'JSON OUTPUT'` picks it up. Then
 * it halts its kernel. Nothing in it is special to Skerry.
 */
#include <stdint.h>

/* System calls, labels, types and slots of seL4's interface (x86_64, MCS). */
enum { SYS_CALL = -1, SYS_SEND = -5, SYS_WAIT = -9, SYS_DEBUG_PUT_CHAR = -12, SYS_DEBUG_HALT = -14 };
enum { LABEL_UNTYPED_RETYPE = 1, TYPE_NOTIFICATION = 3, CNODE = 2 };

struct slots {
    uint64_t start, end;
};

struct untyped {
    uint64_t paddr;
    uint8_t size_bits, is_device, padding[6];
};

struct bootinfo {
    uint64_t extra_len, node_id, num_nodes, num_io_pt_levels, ipc_buffer;
    struct slots empty, shared_frames, user_image_frames, user_image_paging, io_space_caps, extra_pages;
    uint64_t init_cnode_bits, init_domain;
    struct slots sched_control, untyped;
    struct untyped untypeds[230];
};

struct words {
    uint64_t mr[4];
};

static uint64_t *buffer;

/* Returns the badge or argument register; the message info goes in and out through `info`. */
static uint64_t syscall4(long number, uint64_t dest, uint64_t *info, struct words *words)
{
    register uint64_t r10 __asm__("r10") = words->mr[0], r8 __asm__("r8") = words->mr[1];
    register uint64_t r9 __asm__("r9") = words->mr[2], r15 __asm__("r15") = words->mr[3];
    __asm__ volatile("movq %%rsp, %%rbx\n syscall\n movq %%rbx, %%rsp"
                     : "+D"(dest), "+S"(*info), "+r"(r10), "+r"(r8), "+r"(r9), "+r"(r15)
                     : "d"(number)
                     : "rcx", "r11", "rbx", "memory");
    *words = (struct words){{r10, r8, r9, r15}};
    return dest;
}

static uint64_t syscall0(long number, uint64_t argument)
{
    struct words none = {{0}};
    uint64_t info = 0;
    return syscall4(number, argument, &info, &none);
}

static void print(const char *text)
{
    while (*text != '\0') {
        syscall0(SYS_DEBUG_PUT_CHAR, (unsigned char)*text++);
    }
}

static void print_number(uint64_t number)
{
    char digits[21], *first = digits + sizeof digits - 1;
    *first = '\0';
    do {
        *--first = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    print(first);
}

static uint64_t ticks(void)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

/* The largest untyped of ordinary memory, or 0. */
static uint64_t largest_untyped(const struct bootinfo *info)
{
    uint64_t found = 0;
    uint8_t best = 0;
    for (uint64_t i = 0; i < info->untyped.end - info->untyped.start; i++) {
        if (!info->untypeds[i].is_device && info->untypeds[i].size_bits > best) {
            best = info->untypeds[i].size_bits;
            found = info->untyped.start + i;
        }
    }
    return found;
}

/* Makes a notification in `slot`; returns the error code. */
static uint64_t make_notification(uint64_t untyped, uint64_t slot)
{
    struct words words = {{TYPE_NOTIFICATION, 0, 0, 0}};
    uint64_t info = (uint64_t)LABEL_UNTYPED_RETYPE << 12 | 1u << 7 | 6u;
    buffer[1 + 4] = slot; /* where in the CNode */
    buffer[1 + 5] = 1;    /* how many */
    buffer[122] = CNODE;  /* the capability that goes with the message: the destination */
    syscall4(SYS_CALL, untyped, &info, &words);
    return info >> 12;
}

/* Measures a signal that wakes nobody; the least of a thousand times, stamps included. */
static void report(uint64_t notification)
{
    uint64_t least = UINT64_MAX;
    for (int round = 0; round < 1000; round++) {
        uint64_t start = ticks();
        syscall0(SYS_SEND, notification);
        uint64_t elapsed = ticks() - start;
        least = elapsed < least ? elapsed : least;
    }
    print("JSON OUTPUT\n[{\"Benchmark\": \"Signal, nobody waits\", \"Min\": ");
    print_number(least);
    print("}]\nEND JSON OUTPUT\n");
}

__attribute__((used)) static void run(const struct bootinfo *info)
{
    buffer = (uint64_t *)info->ipc_buffer;
    print("a plain seL4 root task");
    print(info->num_nodes == 1 ? ", one core\n" : ", several cores\n");
    uint64_t notification = info->empty.start;
    if (make_notification(largest_untyped(info), notification) != 0) {
        print("no notification\n");
    } else {
        syscall0(SYS_SEND, notification);
        syscall0(SYS_WAIT, notification);
        print("a notification was signalled and waited for\n");
        report(notification);
    }
    syscall0(SYS_DEBUG_HALT, 0);
    for (;;) {
    }
}

static __attribute__((used, aligned(16))) char stack[4096];

/* RDI holds the bootinfo; there is no stack yet. */
__asm__(".globl _start\n_start:\n leaq stack+4096(%rip), %rsp\n call run\n ud2");
