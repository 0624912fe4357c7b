// SPDX-License-Identifier: MIT OR Apache-2.0
//! One UART for several instances: every byte of theirs comes as two, which say whose it is.
//!
//! ```text
//!   boot text ... 0xff | tagged byte | tagged byte | ...
//!
//!            7       5   4   3        0
//!          +----------+------+--------+
//!          | instance | half | nibble |     half 0: the upper four bits, sent first; half 1: the lower
//!          +----------+------+--------+
//! ```
//!
//! Instances write without waiting for each other, so halves of several may come between the two of one. The boot code
//! writes plain text; the byte that ends it is in no UTF-8 text.

use crate::console::Source;

/// Ends the plain text of the boot code.
const BOOT_IS_OVER: u8 = 0xff;
/// As many as three bits tell apart.
const INSTANCES: usize = 8;
/// Stands for a byte one half of which is missing; no UTF-8 text has it either, so it is shown as damage.
const DAMAGED: u8 = 0xff;

/// Separates what instances write to one UART.
#[derive(Debug, Default)]
pub struct Separator {
    boot_is_over: bool,
    /// Upper halves whose lower ones have not come yet.
    upper: [Option<u8>; INSTANCES],
}

impl Separator {
    /// Takes bytes of the UART and gives those of each source, in the order in which they were completed.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<(Source, Vec<u8>)> {
        let mut parts = Vec::new();
        let mut rest = bytes;
        if !self.boot_is_over {
            let end = bytes.iter().position(|&byte| byte == BOOT_IS_OVER);
            let (text, tagged) = bytes.split_at(end.unwrap_or(bytes.len()));
            text.iter().for_each(|&byte| append(&mut parts, Source::Boot, byte));
            self.boot_is_over = end.is_some();
            rest = tagged.get(1..).unwrap_or_default();
        }
        for &tagged in rest {
            if let Some((source, byte)) = self.half(tagged) {
                append(&mut parts, source, byte);
            }
        }
        parts
    }

    /// Takes one half of a byte, and gives the byte when it was the second one.
    fn half(&mut self, tagged: u8) -> Option<(Source, u8)> {
        let instance = tagged >> 5;
        let (is_lower, nibble) = (tagged & 0x10 != 0, tagged & 0xf);
        let source = Source::Core(instance.into());
        let upper = &mut self.upper[usize::from(instance)];
        match (upper.take(), is_lower) {
            (Some(upper), true) => Some((source, upper << 4 | nibble)),
            (None, true) => Some((source, DAMAGED)),
            (before, false) => {
                *upper = Some(nibble);
                before.map(|_| (source, DAMAGED))
            }
        }
    }
}

/// Bytes of the same source that follow each other stay together.
fn append(parts: &mut Vec<(Source, Vec<u8>)>, source: Source, byte: u8) {
    match parts.last_mut() {
        Some((last, bytes)) if *last == source => bytes.push(byte),
        _ => parts.push((source, vec![byte])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The halves of a text of an instance.
    fn tagged(instance: u8, text: &str) -> Vec<u8> {
        let halves = |byte: u8| [instance << 5 | byte >> 4, instance << 5 | 0x10 | byte & 0xf];
        text.bytes().flat_map(halves).collect()
    }

    /// All that a source wrote.
    fn text(parts: &[(Source, Vec<u8>)], source: Source) -> String {
        let bytes: Vec<u8> =
            parts.iter().filter(|(of, _)| *of == source).flat_map(|(_, b)| b.clone()).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    #[test]
    fn the_boot_code_writes_plain_text_until_its_end() {
        let mut separator = Separator::default();
        let stream = [b"boot text\n".as_slice(), &[BOOT_IS_OVER], &tagged(3, "hello")].concat();
        let expected = [(Source::Boot, b"boot text\n".to_vec()), (Source::Core(3), b"hello".to_vec())];
        assert_eq!(separator.push(&stream), expected);
        assert_eq!(separator.push(&tagged(7, "\u{fc}")), [(Source::Core(7), vec![0xc3, 0xbc])]);
    }

    #[test]
    fn a_boot_that_does_not_end_is_all_text() {
        let mut separator = Separator::default();
        let text = "a core does not start: \u{fc}\n";
        assert_eq!(separator.push(text.as_bytes()), [(Source::Boot, text.into())]);
    }

    #[test]
    fn texts_are_separated_however_their_halves_interleave_and_the_stream_is_cut() {
        let texts = ["from the first\n", "\u{20ac} of the second\n", "0123456789abcdef\n"];
        let mut queues: Vec<Vec<u8>> = (0u8..).zip(texts).map(|(n, text)| tagged(n * 3, text)).collect();
        queues.iter_mut().for_each(|queue| queue.reverse());
        let mut stream = vec![BOOT_IS_OVER];
        let mut random = 1u32;
        while queues.iter().any(|queue| !queue.is_empty()) {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            stream.extend(queues[(random >> 16) as usize % texts.len()].pop());
        }
        for size in 1..stream.len() {
            let mut separator = Separator::default();
            let parts: Vec<_> = stream.chunks(size).flat_map(|chunk| separator.push(chunk)).collect();
            for (instance, expected) in [0, 3, 6].into_iter().zip(texts) {
                assert_eq!(text(&parts, Source::Core(instance)), expected);
            }
        }
    }

    #[test]
    fn a_lost_half_damages_one_byte_of_its_instance_and_no_other() {
        /// Nothing follows that would show that this one is missing.
        const LAST: usize = 5;
        let whole = [tagged(1, "abc"), tagged(2, "abc")].concat();
        for lost in 0..whole.len() / 2 {
            let mut stream = vec![BOOT_IS_OVER];
            stream.extend(&whole);
            stream.remove(1 + lost);
            let parts = Separator::default().push(&stream);
            assert_eq!(text(&parts, Source::Core(2)), "abc");
            let damaged = text(&parts, Source::Core(1));
            assert_eq!(damaged.matches('\u{fffd}').count(), usize::from(lost != LAST), "{damaged}");
            assert_eq!(damaged.chars().count(), if lost == LAST { 2 } else { 3 }, "{damaged}");
        }
    }
}
