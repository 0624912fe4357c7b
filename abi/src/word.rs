// SPDX-License-Identifier: MIT OR Apache-2.0
//! The machine word of programs, and how values of 64 bits travel in words.
//!
//! The kernel computes with `u64` on every processor. A word that comes from a program is widened with zeros, and a
//! value that goes to one is cut to a word.

use crate::machine::Word;

/// Bits of a machine word, and so of a capability address.
pub const WORD_BITS: u32 = Word::BITS;
/// Bytes of a machine word.
pub const WORD_BYTES: usize = size_of::<Word>();

/// Words that a time takes in a message, the low one first.
#[doc(alias = "seL4_Time")]
pub const TIME_WORDS: usize = size_of::<u64>() / WORD_BYTES;

/// The value of a word.
#[allow(clippy::unnecessary_cast)] // where a word has 64 bits
#[inline(always)]
pub const fn widen(word: Word) -> u64 {
    word as u64
}

/// The word that a program sees of `value`.
#[allow(clippy::unnecessary_cast)] // where a word has 64 bits
#[inline(always)]
pub const fn cut(value: u64) -> Word {
    value as Word
}

/// Word `index` of a time in a message.
#[inline(always)]
pub const fn time_word(time: u64, index: usize) -> u64 {
    widen(cut(time >> (index as u32 * WORD_BITS % u64::BITS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_takes_as_many_words_as_it_has_bits_for() {
        let time = 0x0123_4567_89ab_cdef;
        let words: Vec<u64> = (0..TIME_WORDS).map(|index| time_word(time, index)).collect();
        if WORD_BITS == 64 {
            assert_eq!(words, [time]);
        } else {
            assert_eq!(words, [0x89ab_cdef, 0x0123_4567]);
        }
    }

    #[test]
    fn a_word_that_came_from_a_program_goes_back_unchanged() {
        assert_eq!(cut(widen(Word::MAX)), Word::MAX);
        assert_eq!(widen(cut(u64::MAX)), widen(Word::MAX));
    }
}
