/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What Skerry adds to seL4's interface, and what programs under its init find, for C.
 *
 * Three parts, each usable without the others:
 *
 *   1. for root tasks, beside libsel4: the invocations that upstream does not have, and the bootinfo chunk 0x5352
 *   2. for programs: the start info (docs/abi/start.md) and how to find things in it by name
 *   3. for programs without any library: SKERRY_PROGRAM, printing, waiting, signalling, timeouts; skerry-ports.h has IO ports
 *
 * Names and numbers are those of the Rust crate `abi`; a test compares the two. Needs a compiler for x86-64 or 32-bit
 * Arm that knows GNU inline assembly, and no library.
 */
#ifndef SKERRY_H
#define SKERRY_H

#include <stddef.h>
#include <stdint.h>

#define SKERRY_NAME_SIZE 32

/* A word of the machine: a register, a capability address, a badge. Structures have the same fields everywhere. */
typedef uintptr_t skerry_word;

/* 1. Root tasks. */

/* Labels of the invocations that upstream does not have. */
#define SKERRY_LABEL_ISSUE_LINE_SIGNAL 0x1000u
#define SKERRY_LABEL_GET_LINE 0x1001u
#define SKERRY_LABEL_INSTANCE_STOP 0x1002u
#define SKERRY_LABEL_INSTANCE_START 0x1003u
#define SKERRY_LABEL_TCB_FORBID_DEBUG 0x1004u

/* The bootinfo chunk; it may start at any address, so everything in it is packed. */
#define SKERRY_CHUNK_ID 0x5352u
#define SKERRY_CHUNK_VERSION 1u

enum skerry_direction { SKERRY_RECEIVE = 0, SKERRY_SEND = 1 };
enum skerry_device_kind { SKERRY_MMIO = 0, SKERRY_IO_PORTS = 1, SKERRY_IO_APIC = 2 };

#define SKERRY_CHANNEL_ACK 1u /* a delivery masks the line until it is acknowledged */
#define SKERRY_RIGHT_WRITE 1u
#define SKERRY_RIGHT_READ 2u

/* Where a table or text is: its offset from the start of the structure, and entries, or bytes of text. */
struct __attribute__((packed)) skerry_table {
    uint32_t offset;
    uint32_t count;
};

struct __attribute__((packed)) skerry_chunk {
    uint64_t id;
    uint64_t len;
    uint32_t version;
    uint32_t instance;
    char name[SKERRY_NAME_SIZE];
    uint64_t own_status_slot;
    struct skerry_table arguments, peers, channels, regions, devices;
};

struct __attribute__((packed)) skerry_chunk_peer {
    uint32_t instance;
    uint32_t apic_id;
    char name[SKERRY_NAME_SIZE];
    int64_t tsc_offset;
    uint64_t tsc_uncertainty;
    uint64_t status_slot;
    uint64_t control_slot;
};

struct __attribute__((packed)) skerry_chunk_channel {
    uint32_t peer;
    uint32_t direction;
    uint32_t lines;
    uint32_t flags;
    char name[SKERRY_NAME_SIZE];
};

struct __attribute__((packed)) skerry_chunk_region {
    char name[SKERRY_NAME_SIZE];
    uint64_t size;
    uint64_t first_slot;
    uint32_t slot_count;
    uint32_t page_bits;
    uint32_t rights;
    uint32_t reserved;
};

struct __attribute__((packed)) skerry_chunk_device {
    uint32_t kind;
    uint32_t reserved;
    uint64_t base;
    uint64_t size;
    char name[SKERRY_NAME_SIZE];
};

/* System calls, as far as this header needs them. */
#define SKERRY_CALL (-1)
#define SKERRY_SEND_CALL (-5)
#define SKERRY_RECV_CALL (-7)
#define SKERRY_WAIT_CALL (-9)
#define SKERRY_NB_WAIT_CALL (-10)
#define SKERRY_YIELD_CALL (-11)

/* Words of the IPC buffer: message registers from 4 on, capabilities sent along. */
#define SKERRY_BUFFER_MESSAGE 1
#define SKERRY_BUFFER_CAPS 122
#define SKERRY_MAX_LENGTH 120

/* Words of a time in a message, the low one first. */
#define SKERRY_TIME_WORDS (sizeof(uint64_t) / sizeof(skerry_word))

/* What a call that receives returns. */
struct skerry_received {
    skerry_word badge;
    skerry_word info;
    skerry_word words[4];
};

static inline skerry_word skerry_message_info(skerry_word label, skerry_word extra_caps, skerry_word length)
{
    return label << 12 | (extra_caps & 3) << 7 | (length & 0x7f);
}

#if defined(__x86_64__)

/* A call with a reply object. The stack pointer is undefined after the instruction, hence R14. */
static inline struct skerry_received skerry_syscall_with_reply(
    intptr_t number, skerry_word dest, skerry_word info, const skerry_word words[4], skerry_word reply_object)
{
    register skerry_word mr0 __asm__("r10") = words[0];
    register skerry_word mr1 __asm__("r8") = words[1];
    register skerry_word mr2 __asm__("r9") = words[2];
    register skerry_word mr3 __asm__("r15") = words[3];
    register skerry_word reply __asm__("r12") = reply_object;
    __asm__ volatile("movq %%rsp, %%r14\n\tsyscall\n\tmovq %%r14, %%rsp"
                     : "+D"(dest), "+S"(info), "+r"(mr0), "+r"(mr1), "+r"(mr2), "+r"(mr3)
                     : "d"(number), "r"(reply)
                     : "rcx", "r11", "r14", "memory");
    return (struct skerry_received){dest, info, {mr0, mr1, mr2, mr3}};
}

#elif defined(__arm__)

/* A call with a reply object. */
static inline struct skerry_received skerry_syscall_with_reply(
    intptr_t number, skerry_word dest, skerry_word info, const skerry_word words[4], skerry_word reply_object)
{
    register skerry_word r0 __asm__("r0") = dest;
    register skerry_word r1 __asm__("r1") = info;
    register skerry_word mr0 __asm__("r2") = words[0];
    register skerry_word mr1 __asm__("r3") = words[1];
    register skerry_word mr2 __asm__("r4") = words[2];
    register skerry_word mr3 __asm__("r5") = words[3];
    register skerry_word reply __asm__("r6") = reply_object;
    register intptr_t r7 __asm__("r7") = number;
    __asm__ volatile("svc #0"
                     : "+r"(r0), "+r"(r1), "+r"(mr0), "+r"(mr1), "+r"(mr2), "+r"(mr3)
                     : "r"(r7), "r"(reply)
                     : "memory");
    return (struct skerry_received){r0, r1, {mr0, mr1, mr2, mr3}};
}

#else
#error "skerry.h is for x86-64 and 32-bit Arm"
#endif

static inline struct skerry_received skerry_syscall(
    intptr_t number, skerry_word dest, skerry_word info, const skerry_word words[4])
{
    return skerry_syscall_with_reply(number, dest, info, words, 0);
}

/* Invokes `service` with four words and one capability; 0, or the label of the error. */
static inline skerry_word skerry_invoke_with_cap(
    volatile skerry_word *ipc_buffer, skerry_word service, skerry_word label, const skerry_word words[4], skerry_word cap)
{
    ipc_buffer[SKERRY_BUFFER_CAPS] = cap;
    return skerry_syscall(SKERRY_CALL, service, skerry_message_info(label, 1, 4), words).info >> 12;
}

/* Puts the right to signal a line to another instance into a slot; 0, or the label of the error. */
static inline skerry_word skerry_issue_line_signal(
    volatile skerry_word *ipc_buffer, skerry_word irq_control, skerry_word line, skerry_word to, skerry_word root,
    skerry_word index, skerry_word depth)
{
    const skerry_word words[4] = {line, to, index, depth};
    return skerry_invoke_with_cap(ipc_buffer, irq_control, SKERRY_LABEL_ISSUE_LINE_SIGNAL, words, root);
}

/* Puts the handler of a line from another instance into a slot; 0, or the label of the error. */
static inline skerry_word skerry_get_line(
    volatile skerry_word *ipc_buffer, skerry_word irq_control, skerry_word line, skerry_word from, skerry_word root,
    skerry_word index, skerry_word depth)
{
    const skerry_word words[4] = {line, from, index, depth};
    return skerry_invoke_with_cap(ipc_buffer, irq_control, SKERRY_LABEL_GET_LINE, words, root);
}

/* Stops another instance, named by its control capability (`control_slot`); 0, or the label of the error. */
static inline skerry_word skerry_instance_stop(skerry_word control)
{
    const skerry_word words[4] = {0, 0, 0, 0};
    return skerry_syscall(SKERRY_CALL, control, skerry_message_info(SKERRY_LABEL_INSTANCE_STOP, 0, 0), words).info >> 12;
}

/* Starts a stopped instance anew; 0, or the label of the error. */
static inline skerry_word skerry_instance_start(skerry_word control)
{
    const skerry_word words[4] = {0, 0, 0, 0};
    return skerry_syscall(SKERRY_CALL, control, skerry_message_info(SKERRY_LABEL_INSTANCE_START, 0, 0), words).info >> 12;
}

/* Takes the debug and benchmark calls away from a thread, for good; 0, or the label of the error. */
static inline skerry_word skerry_tcb_forbid_debug(skerry_word tcb)
{
    const skerry_word words[4] = {0, 0, 0, 0};
    return skerry_syscall(SKERRY_CALL, tcb, skerry_message_info(SKERRY_LABEL_TCB_FORBID_DEBUG, 0, 0), words).info >> 12;
}

/* 2. Start info. */

#if defined(__x86_64__)
#define SKERRY_INFO_ADDRESS 0x7f0000000000u
#else
#define SKERRY_INFO_ADDRESS 0x60000000u
#endif
#define SKERRY_INFO_MAGIC 0x0054524154535253u
#define SKERRY_INFO_VERSION 1u

struct __attribute__((packed)) skerry_info {
    uint64_t buffer;
    uint64_t tcb; /* 0: a program has no capability for its own thread */
    uint64_t magic;
    uint32_t version;
    uint32_t len;
    char name[SKERRY_NAME_SIZE];
    char instance[SKERRY_NAME_SIZE];
    uint64_t service;
    uint64_t events;
    uint32_t starts;
    uint32_t tsc_mhz;
    uint64_t budget_us;
    uint64_t period_us;
    struct skerry_table arguments, regions, channels, interrupts, ports, registers, timeouts;
    uint64_t timeout_endpoint;
    uint64_t timeout_reply;
};

struct __attribute__((packed)) skerry_region {
    char name[SKERRY_NAME_SIZE];
    uint64_t address;
    uint64_t size;
    uint32_t rights;
    uint32_t reserved;
};

struct __attribute__((packed)) skerry_channel {
    char name[SKERRY_NAME_SIZE];
    uint32_t direction;
    uint32_t lines;
    uint32_t flags;
    uint32_t peer;
    uint64_t first_slot;
    uint32_t first_event;
    uint32_t reserved;
    uint64_t status;
};

struct __attribute__((packed)) skerry_interrupt {
    char name[SKERRY_NAME_SIZE];
    uint64_t slot;
    uint32_t event;
    uint32_t message_data;    /* what the device has to write, when the interrupt is a message */
    uint64_t message_address; /* where to; 0 when the interrupt is no message */
};

struct __attribute__((packed)) skerry_ports {
    char name[SKERRY_NAME_SIZE];
    uint32_t first;
    uint32_t last;
    uint64_t slot;
};

struct __attribute__((packed)) skerry_registers {
    char name[SKERRY_NAME_SIZE];
    uint64_t address;
    uint64_t size;
};

/* A program whose timeouts this one handles. */
struct __attribute__((packed)) skerry_timeout {
    char name[SKERRY_NAME_SIZE];
    uint64_t number;
};

/* The start info of this program. */
static inline const struct skerry_info *skerry_info(void)
{
    return (const struct skerry_info *)SKERRY_INFO_ADDRESS;
}

/* Whether a name, filled up with zeros, is this text. */
static inline int skerry_is_named(const char name[SKERRY_NAME_SIZE], const char *text)
{
    const char *end = name + SKERRY_NAME_SIZE;
    for (; name != end && *name == *text; name++, text++) {
        if (*text == 0) {
            return 1;
        }
    }
    return name == end && *text == 0;
}

/* The entry with this name, whose name comes first; NULL if the description does not give it to this program. */
static inline const void *skerry_find(struct skerry_table table, size_t size, const char *name)
{
    const char *entry = (const char *)skerry_info() + table.offset;
    for (uint32_t i = 0; i < table.count; i++, entry += size) {
        if (skerry_is_named(entry, name)) {
            return entry;
        }
    }
    return NULL;
}

static inline const struct skerry_region *skerry_region(const char *name)
{
    return skerry_find(skerry_info()->regions, sizeof(struct skerry_region), name);
}

static inline const struct skerry_channel *skerry_channel(const char *name)
{
    return skerry_find(skerry_info()->channels, sizeof(struct skerry_channel), name);
}

static inline const struct skerry_interrupt *skerry_interrupt(const char *name)
{
    return skerry_find(skerry_info()->interrupts, sizeof(struct skerry_interrupt), name);
}

static inline const struct skerry_ports *skerry_ports(const char *name)
{
    return skerry_find(skerry_info()->ports, sizeof(struct skerry_ports), name);
}

static inline const struct skerry_registers *skerry_registers(const char *name)
{
    return skerry_find(skerry_info()->registers, sizeof(struct skerry_registers), name);
}

static inline const struct skerry_timeout *skerry_timeout(const char *program)
{
    return skerry_find(skerry_info()->timeouts, sizeof(struct skerry_timeout), program);
}

/* 3. Programs without a library. */

#define SKERRY_REQUEST_PRINT 0x100u
#define SKERRY_REQUEST_ROW 0x101u
#define SKERRY_REQUEST_EXIT 0x102u
#define SKERRY_REQUEST_GIVE_UP 0x103u
#define SKERRY_REQUEST_SET_PRIORITY 0x104u
#define SKERRY_FAULT_TIMEOUT 5u
#define SKERRY_MAX_LINE ((SKERRY_MAX_LENGTH - 1) * sizeof(skerry_word))
#define SKERRY_LABEL_ACK 27u

static inline struct skerry_received skerry_short_call(
    intptr_t number, skerry_word dest, skerry_word label, skerry_word word)
{
    const skerry_word words[4] = {word, 0, 0, 0};
    return skerry_syscall(number, dest, skerry_message_info(label, 0, 1), words);
}

/* Sends a text to init, as a line or as a row of the results. What exceeds SKERRY_MAX_LINE is cut off. */
static inline void skerry_tell(skerry_word request, const char *text)
{
    volatile skerry_word *buffer = (volatile skerry_word *)(uintptr_t)skerry_info()->buffer;
    const size_t size = sizeof(skerry_word);
    skerry_word words[4] = {0, 0, 0, 0};
    skerry_word length = 0, word = 0;
    while (text[length] != 0 && length < SKERRY_MAX_LINE) {
        word |= (skerry_word)(unsigned char)text[length] << (length % size * 8);
        skerry_word place = 1 + length / size;
        if (place < 4) {
            words[place] = word;
        } else {
            buffer[SKERRY_BUFFER_MESSAGE + place] = word;
        }
        length++;
        word = length % size == 0 ? 0 : word;
    }
    words[0] = length;
    const skerry_word info = skerry_message_info(request, 0, 1 + (length + size - 1) / size);
    skerry_syscall(SKERRY_CALL, skerry_info()->service, info, words);
}

/* Prints a line, whose end is not part of the text. */
static inline void skerry_print(const char *line)
{
    skerry_tell(SKERRY_REQUEST_PRINT, line);
}

/* Changes the priority of the program, up to `mcp` of its description; 0, or the label of the error. */
static inline skerry_word skerry_set_priority(skerry_word priority)
{
    return skerry_short_call(SKERRY_CALL, skerry_info()->service, SKERRY_REQUEST_SET_PRIORITY, priority).info >> 12;
}

/* Ends the program. */
static inline _Noreturn void skerry_exit(int code)
{
    for (;;) {
        skerry_short_call(SKERRY_CALL, skerry_info()->service, SKERRY_REQUEST_EXIT, (skerry_word)code);
    }
}

/* Waits for lines and interrupts; all that have come, as bits from `first_event` and `event` on. */
static inline skerry_word skerry_wait(void)
{
    return skerry_short_call(SKERRY_WAIT_CALL, skerry_info()->events, 0, 0).badge;
}

/* The lines and interrupts that have come, if any. */
static inline skerry_word skerry_poll(void)
{
    return skerry_short_call(SKERRY_NB_WAIT_CALL, skerry_info()->events, 0, 0).badge;
}

/* Signals a line of a channel that this program signals. */
static inline void skerry_signal(const struct skerry_channel *channel, uint32_t line)
{
    if (line < channel->lines) {
        skerry_short_call(SKERRY_SEND_CALL, channel->first_slot + line, 0, 0);
    }
}

/* Lets a line of a channel that this program receives come again; not needed, and without effect, where it always can. */
static inline void skerry_ack(const struct skerry_channel *channel, uint32_t line)
{
    if (line < channel->lines && (channel->flags & SKERRY_CHANNEL_ACK) != 0) {
        skerry_short_call(SKERRY_CALL, channel->first_slot + line, SKERRY_LABEL_ACK, 0);
    }
}

/* Lets an interrupt come again. */
static inline void skerry_ack_interrupt(const struct skerry_interrupt *interrupt)
{
    skerry_short_call(SKERRY_CALL, interrupt->slot, SKERRY_LABEL_ACK, 0);
}

/* What a program that handles timeouts was woken by: `number` is that of a program, or 0 for lines and interrupts. */
struct skerry_woken {
    skerry_word number;
    uint64_t consumed_us;
    skerry_word events;
};

/* Waits until a program whose timeouts this one handles uses up its budget, or for lines and interrupts. The program waits
 * for skerry_resume or skerry_give_up, which come before the next call of this. */
static inline struct skerry_woken skerry_wait_timeout(void)
{
    const struct skerry_info *info = skerry_info();
    const skerry_word none[4] = {0, 0, 0, 0};
    struct skerry_received received =
        skerry_syscall_with_reply(SKERRY_RECV_CALL, info->timeout_endpoint, 0, none, info->timeout_reply);
    if (received.info >> 12 == SKERRY_FAULT_TIMEOUT) {
        uint64_t high = SKERRY_TIME_WORDS == 1 ? 0 : received.words[2];
        return (struct skerry_woken){received.badge, high << 32 | received.words[1], 0};
    }
    return (struct skerry_woken){0, 0, received.badge};
}

/* Lets the program whose timeout came last go on when its next period begins. */
static inline void skerry_resume(void)
{
    const skerry_word none[4] = {0, 0, 0, 0};
    skerry_syscall(SKERRY_SEND_CALL, skerry_info()->timeout_reply, 0, none);
}

/* Treats the program whose timeout this is like one that faults: init restarts or stops it. */
static inline void skerry_give_up(const struct skerry_woken *timeout)
{
    const uint64_t consumed = timeout->consumed_us;
    const skerry_word words[4] = {timeout->number, (skerry_word)consumed, (skerry_word)(consumed >> 32), 0};
    const skerry_word info = skerry_message_info(SKERRY_REQUEST_GIVE_UP, 0, 1 + SKERRY_TIME_WORDS);
    skerry_syscall(SKERRY_CALL, skerry_info()->service, info, words);
}

static inline void skerry_yield(void)
{
    skerry_short_call(SKERRY_YIELD_CALL, 0, 0, 0);
}

#if defined(__x86_64__)
#define SKERRY_START "xorl %ebp, %ebp\n\tcall skerry_begin\n\tud2"
#else
#define SKERRY_START "mov r11, #0\n\tbl skerry_begin\n\tudf #0"
#endif

/* Begins a program with `int function(void)`; its result is the exit code. To be used once. */
#define SKERRY_PROGRAM(function)                                                                                       \
    __attribute__((used)) static _Noreturn void skerry_begin(void)                                                     \
    {                                                                                                                  \
        skerry_exit(function());                                                                                       \
    }                                                                                                                  \
    __asm__(".pushsection .text\n.balign 4\n.global _start\n_start:\n\t" SKERRY_START "\n.popsection")

#endif
