/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * IO ports of programs under Skerry's init, for C: reads and writes, counted from the first port of a device.
 *
 *     const struct skerry_ports *uart = skerry_ports("com1");
 *     skerry_out8(uart, 7, 0x5a);
 *
 * x86-64 only: 32-bit Arm has no ports.
 */
#ifndef SKERRY_PORTS_H
#define SKERRY_PORTS_H

#include <skerry.h>

#define SKERRY_LABEL_IN8 51u
#define SKERRY_LABEL_IN16 52u
#define SKERRY_LABEL_IN32 53u
#define SKERRY_LABEL_OUT8 54u
#define SKERRY_LABEL_OUT16 55u
#define SKERRY_LABEL_OUT32 56u

/* Reads an IO port; all ones for a port that the device does not have. */
static inline uint32_t skerry_in(const struct skerry_ports *ports, skerry_word label, uint32_t offset)
{
    struct skerry_received reply = skerry_short_call(SKERRY_CALL, ports->slot, label, ports->first + offset);
    return reply.info >> 12 == 0 ? (uint32_t)reply.words[0] : UINT32_MAX;
}

/* Writes one; without effect on a port that the device does not have. */
static inline void skerry_out(const struct skerry_ports *ports, skerry_word label, uint32_t offset, uint32_t value)
{
    const skerry_word words[4] = {ports->first + offset, value, 0, 0};
    skerry_syscall(SKERRY_CALL, ports->slot, skerry_message_info(label, 0, 2), words);
}

static inline uint8_t skerry_in8(const struct skerry_ports *ports, uint32_t offset)
{
    return (uint8_t)skerry_in(ports, SKERRY_LABEL_IN8, offset);
}

static inline uint16_t skerry_in16(const struct skerry_ports *ports, uint32_t offset)
{
    return (uint16_t)skerry_in(ports, SKERRY_LABEL_IN16, offset);
}

static inline uint32_t skerry_in32(const struct skerry_ports *ports, uint32_t offset)
{
    return skerry_in(ports, SKERRY_LABEL_IN32, offset);
}

static inline void skerry_out8(const struct skerry_ports *ports, uint32_t offset, uint8_t value)
{
    skerry_out(ports, SKERRY_LABEL_OUT8, offset, value);
}

static inline void skerry_out16(const struct skerry_ports *ports, uint32_t offset, uint16_t value)
{
    skerry_out(ports, SKERRY_LABEL_OUT16, offset, value);
}

static inline void skerry_out32(const struct skerry_ports *ports, uint32_t offset, uint32_t value)
{
    skerry_out(ports, SKERRY_LABEL_OUT32, offset, value);
}

#endif
