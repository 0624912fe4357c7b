/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A C program of systems/programs.toml, for both architectures: waits for line 0 of `ready`, checks the number in the
 * region `numbers`, rings line 0 of `taken`, a thousand times.
 */
#include <skerry.h>

#define NUMBERS 1000u
#define LINE 0

static int consume(void)
{
    const struct skerry_region *region = skerry_region("numbers");
    const struct skerry_channel *ready = skerry_channel("ready");
    const struct skerry_channel *taken = skerry_channel("taken");
    if (region == NULL || ready == NULL || taken == NULL) {
        skerry_print("the description does not give what this program needs");
        return 1;
    }
    const volatile uint64_t *number = (const volatile uint64_t *)(uintptr_t)region->address;
    const skerry_word event = (skerry_word)1 << (ready->first_event + LINE);
    for (uint64_t expected = 1; expected <= NUMBERS; expected++) {
        while ((skerry_wait() & event) == 0) {
        }
        skerry_ack(ready, LINE);
        if (*number != expected) {
            skerry_print("a number is wrong");
            return 1;
        }
        skerry_signal(taken, LINE);
    }
    skerry_print("1000 numbers came in order");
    return 0;
}

SKERRY_PROGRAM(consume);
