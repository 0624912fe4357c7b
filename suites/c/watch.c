/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A C program that handles the timeouts of `watched`: lets it go on once, then gives it up.
 */
#include <skerry.h>

static int watch(void)
{
    const struct skerry_timeout *watched = skerry_timeout("watched");
    if (watched == NULL || skerry_timeout("watch") != NULL) {
        skerry_print("the description does not say whose timeouts this program handles");
        return 1;
    }
    for (int count = 1; count <= 2;) {
        struct skerry_woken woken = skerry_wait_timeout();
        if (woken.number == 0) {
            continue;
        }
        if (woken.number != watched->number || woken.consumed_us == 0) {
            skerry_print("a timeout is wrong");
            return 1;
        }
        if (count++ == 1) {
            skerry_print("watched may go on");
            skerry_resume();
        } else {
            skerry_print("watched is given up");
            skerry_give_up(&woken);
        }
    }
    return 0;
}

SKERRY_PROGRAM(watch);
