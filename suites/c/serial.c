/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A C program with devices of its own: reads a register of the HPET, and waits for an interrupt of a serial port.
 */
#include <skerry-ports.h>

/* Registers of a serial port: interrupts to be raised, which one it was, modem control. */
#define INTERRUPT_ENABLE 1
#define INTERRUPT_IDENTIFICATION 2
#define MODEM_CONTROL 4
/* Raise an interrupt when a byte can be written; connect the port to its interrupt. */
#define WHEN_EMPTY 2u
#define OUT_2 8u
/* The vendor in the high half of the HPET's first register. */
#define VENDOR 0x8086u

static int serve(void)
{
    const struct skerry_ports *ports = skerry_ports("com1");
    const struct skerry_interrupt *interrupt = skerry_interrupt("com1");
    const struct skerry_registers *hpet = skerry_registers("hpet");
    if (ports == NULL || interrupt == NULL || hpet == NULL || interrupt->message_address != 0) {
        skerry_print("the description does not give what this program needs");
        return 1;
    }
    uint32_t vendor = *(const volatile uint32_t *)hpet->address >> 16;
    skerry_out8(ports, MODEM_CONTROL, OUT_2);
    skerry_out8(ports, INTERRUPT_ENABLE, WHEN_EMPTY);
    while ((skerry_wait() & (uint64_t)1 << interrupt->event) == 0) {
    }
    uint32_t which = skerry_in8(ports, INTERRUPT_IDENTIFICATION) & 0xfu;
    skerry_ack_interrupt(interrupt);
    skerry_out8(ports, INTERRUPT_ENABLE, 0);
    if (vendor != VENDOR || which != WHEN_EMPTY) {
        skerry_print("a device is not what it should be");
        return 1;
    }
    skerry_print("registers, ports and interrupt are there");
    return 0;
}

SKERRY_PROGRAM(serve);
