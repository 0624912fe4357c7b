// SPDX-License-Identifier: MIT OR Apache-2.0
//! The status page: what this instance shows its peers (docs/abi/chunk.md, "Status page").
//!
//! Written by this kernel only, word by word; readers may see words of different moments. The counters are nowhere
//! else: counting is adding one to a word of the page.

use core::fmt::{self, Write};

use abi::status::{MAGIC, MAX_PANIC_TEXT, PANIC_TEXT, State, Word as StatusWord};
use arch::Machine;

use crate::Kernel;
use crate::memory::objects::{ObjRef, kernel_object};

/// The page, as words.
#[repr(C, align(4096))]
pub struct StatusPage {
    words: [u64; abi::status::WORDS],
}

const _: () = assert!(size_of::<StatusPage>() == abi::status::SIZE);

kernel_object!(StatusPage);

impl StatusPage {
    fn set(&mut self, word: StatusWord, value: u64) {
        self.words[word.index()] = value;
    }
}

/// Words that count from 0 in every life of the instance.
const COUNTERS: [StatusWord; 9] = [
    StatusWord::DoorbellsTaken,
    StatusWord::SpuriousDoorbells,
    StatusWord::SignalsSent,
    StatusWord::IpisSent,
    StatusWord::ElidedPending,
    StatusWord::ElidedMasked,
    StatusWord::ElidedPolling,
    StatusWord::LinesDelivered,
    StatusWord::UnownedInterrupts,
];

/// Stores text into words, as much as the page has room for.
struct TextWriter<'a> {
    page: &'a mut StatusPage,
    length: usize,
}

impl Write for TextWriter<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes().take(MAX_PANIC_TEXT - self.length) {
            let word = &mut self.page.words[PANIC_TEXT + self.length / 8];
            let shift = 8 * (self.length % 8);
            *word = *word & !(0xff << shift) | u64::from(byte) << shift;
            self.length += 1;
        }
        Ok(())
    }
}

impl<M: Machine> Kernel<M> {
    /// The page; nothing before the hand-over was read.
    #[inline]
    fn status_page(&mut self) -> Option<&mut StatusPage> {
        let page = self.config.status;
        (page != ObjRef::UNSET).then(|| &mut self.objs[page])
    }

    /// Makes the page this life's: its number, and counters that begin at 0.
    pub(crate) fn open_status_page(&mut self) {
        let generation = self.config.generation;
        let Some(page) = self.status_page() else { return };
        COUNTERS.into_iter().for_each(|word| page.set(word, 0));
        page.set(StatusWord::Generation, generation);
        page.set(StatusWord::Magic, MAGIC);
    }

    /// Shows `state`, and how much of the stack was used up to now.
    pub fn publish_state(&mut self, state: State) {
        self.publish_stack();
        if let Some(page) = self.status_page() {
            page.set(StatusWord::State, state.word());
        }
    }

    /// Shows how much of the stack was used up to now, and answers that.
    pub(crate) fn publish_stack(&mut self) -> u64 {
        let bytes = self.machine.stack_high_water();
        if let Some(page) = self.status_page() {
            page.set(StatusWord::StackHighWater, bytes);
        }
        bytes
    }

    /// Adds one to each of these counters.
    #[inline(always)]
    pub(crate) fn count<const N: usize>(&mut self, counters: [StatusWord; N]) {
        let page = &mut self.objs[self.config.status];
        counters.into_iter().for_each(|word| page.words[word.index()] += 1);
    }

    /// How many were counted.
    pub fn counted(&self, word: StatusWord) -> u64 {
        self.objs[self.config.status].words[word.index()]
    }

    /// Shows that this kernel failed, and why.
    pub fn publish_failure(&mut self, message: fmt::Arguments<'_>) {
        let Some(page) = self.status_page() else { return };
        let mut text = TextWriter { page, length: 0 };
        // Writing cannot fail; what does not fit is cut.
        let _ = text.write_fmt(message);
        let length = text.length as u64;
        page.set(StatusWord::PanicLength, length);
        self.publish_state(State::Failed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestKernel;

    #[test]
    fn a_failure_leaves_its_text_and_state_on_the_page() {
        let mut test = TestKernel::new();
        test.kernel.count([StatusWord::IpisSent]);
        test.kernel.publish_failure(format_args!("lost {} links", 3));
        let words = test.kernel.objs[test.kernel.config.status].words;
        assert_eq!(words[StatusWord::State.index()], State::Failed.word());
        assert_eq!(words[StatusWord::IpisSent.index()], 1);
        assert_eq!(words[StatusWord::PanicLength.index()], 12);
        assert_eq!(words[PANIC_TEXT].to_le_bytes(), *b"lost 3 l");
    }

    #[test]
    fn text_beyond_the_page_is_cut() {
        let mut test = TestKernel::new();
        test.kernel.publish_failure(format_args!("{:>1$}", "end", 2 * MAX_PANIC_TEXT));
        assert_eq!(test.kernel.counted(StatusWord::PanicLength), MAX_PANIC_TEXT as u64);
    }

    #[test]
    fn every_life_counts_from_zero() {
        let mut test = TestKernel::new();
        test.kernel.config.generation = 2;
        test.kernel.count([StatusWord::SignalsSent]);
        test.kernel.open_status_page();
        assert_eq!(test.kernel.counted(StatusWord::SignalsSent), 0);
        assert_eq!(test.kernel.counted(StatusWord::Generation), 2);
        assert_eq!(test.kernel.counted(StatusWord::Magic), MAGIC);
    }

    #[test]
    fn a_kernel_that_fails_before_it_knows_its_page_shows_nothing() {
        let mut test = TestKernel::new();
        test.kernel.config.status = ObjRef::UNSET;
        test.kernel.publish_failure(format_args!("no page"));
        test.kernel.publish_state(State::Halted);
    }
}
