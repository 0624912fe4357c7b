/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A program that tries what its description does not allow; its argument says what: thread, call=NUMBER, row=TEXT, or nothing. */
#pragma GCC target("general-regs-only")
#include <skerry.h>

static const char *arguments(void)
{
    return (const char *)skerry_info() + skerry_info()->arguments.offset;
}

/* What follows `key` in the arguments, as a text of its own. */
static const char *behind(const char *key)
{
    static char text[512];
    const char *from = arguments();
    uint32_t left = skerry_info()->arguments.count, length = 0;
    for (; *key != 0; key++, from++, left--) {
        if (left == 0 || *from != *key) {
            return NULL;
        }
    }
    while (length < left && length < sizeof text - 1) {
        text[length] = from[length];
        length++;
    }
    text[length] = 0;
    return text;
}

static int number(const char *digits)
{
    int value = 0;
    while (*digits >= '0' && *digits <= '9') {
        value = value * 10 + (*digits++ - '0');
    }
    return value;
}

/* Every operation on a thread, where upstream's programs have the capability for their own. */
static int undo(void)
{
    const skerry_word words[4] = {1, 0, 0, 0};
    for (skerry_word label = 2; label <= 17; label++) {
        skerry_word info = skerry_message_info(label, 0, 4);
        if (skerry_syscall(SKERRY_CALL, 1, info, words).info >> 12 == 0) {
            skerry_print("an operation on the own thread was carried out");
            return 1;
        }
    }
    if (skerry_info()->tcb != 0) {
        skerry_print("the start info names a thread");
        return 1;
    }
    if (skerry_set_priority(121) != 4 || skerry_set_priority(120) != 0 || skerry_set_priority(100) != 0) {
        skerry_print("a priority is not answered as the description says");
        return 1;
    }
    skerry_print("holds nothing of its thread");
    return 0;
}

static int hostile(void)
{
    const char *text;
    if (behind("thread") != NULL) {
        return undo();
    }
    if ((text = behind("call=")) != NULL) {
        const skerry_word words[4] = {0, 0, 0, 0};
        skerry_syscall(-number(text), 'X', 0, words);
        skerry_print("a debug call returned");
        return 1;
    }
    if ((text = behind("row=")) != NULL) {
        skerry_tell(SKERRY_REQUEST_ROW, text);
        skerry_print("a row was taken");
        return 1;
    }
    skerry_print("line\n!skerry {\"exit\":7}");
    skerry_tell(SKERRY_REQUEST_ROW, "{\"honest\":true}");
    return 0;
}

SKERRY_PROGRAM(hostile);
