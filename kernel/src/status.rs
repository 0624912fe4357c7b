// SPDX-License-Identifier: MIT OR Apache-2.0
//! The status page: what this instance shows its peers (docs/abi/chunk.md, "Status page").
//!
//! Written by this kernel only, word by word; readers may see words of different moments.

use core::fmt::{self, Write};

use abi::status::{MAGIC, MAX_PANIC_TEXT, PANIC_TEXT, State, Word as StatusWord};
use arch::{Machine, PhysAddr};

use crate::Kernel;
use crate::memory::objects::{ObjRef, Objects, Word};

/// Names the page's words.
#[derive(Clone, Copy)]
struct StatusPage(ObjRef<Word>);

impl StatusPage {
    fn write(self, objs: &mut Objects, word: StatusWord, value: u64) {
        objs[self.0.element(word.index())].0 = value;
    }
}

/// Stores text into words, as much as the page has room for.
struct TextWriter<'a> {
    objs: &'a mut Objects,
    page: StatusPage,
    length: usize,
}

impl Write for TextWriter<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes().take(MAX_PANIC_TEXT - self.length) {
            let word = &mut self.objs[self.page.0.element(PANIC_TEXT + self.length / 8)].0;
            let shift = 8 * (self.length % 8);
            *word = *word & !(0xff << shift) | u64::from(byte) << shift;
            self.length += 1;
        }
        Ok(())
    }
}

impl<M: Machine> Kernel<M> {
    fn status_page(&self) -> Option<StatusPage> {
        match self.config.status {
            PhysAddr(0) => None,
            page => Some(StatusPage(ObjRef::at(page))),
        }
    }

    /// Shows `state`, and with it everything else that belongs on the page.
    pub fn publish_state(&mut self, state: State) {
        let Some(page) = self.status_page() else { return };
        page.write(&mut self.objs, StatusWord::Magic, MAGIC);
        page.write(&mut self.objs, StatusWord::Generation, self.config.generation);
        self.publish_counters();
        page.write(&mut self.objs, StatusWord::State, state.word());
    }

    /// Brings the counters on the page up to date.
    pub(crate) fn publish_counters(&mut self) {
        let Some(page) = self.status_page() else { return };
        let counters = self.counters;
        let words = [
            (StatusWord::DoorbellsTaken, counters.doorbells),
            (StatusWord::SpuriousDoorbells, counters.spurious),
            (StatusWord::SignalsSent, counters.sent),
            (StatusWord::IpisSent, counters.rung),
            (StatusWord::ElidedPending, counters.elided_pending),
            (StatusWord::ElidedMasked, counters.elided_masked),
            (StatusWord::ElidedPolling, counters.elided_polling),
            (StatusWord::LinesDelivered, counters.delivered),
        ];
        for (word, value) in words {
            page.write(&mut self.objs, word, value);
        }
    }

    /// Brings one counter on the page up to date.
    #[inline]
    pub(crate) fn publish_counter(&mut self, word: StatusWord, value: u64) {
        if let Some(page) = self.status_page() {
            page.write(&mut self.objs, word, value);
        }
    }

    /// Shows that this kernel failed, and why.
    pub fn publish_failure(&mut self, message: fmt::Arguments<'_>, stack_high_water: u64) {
        let Some(page) = self.status_page() else { return };
        let mut text = TextWriter { objs: &mut self.objs, page, length: 0 };
        // Writing cannot fail; what does not fit is cut.
        let _ = text.write_fmt(message);
        let length = text.length as u64;
        page.write(&mut self.objs, StatusWord::PanicLength, length);
        page.write(&mut self.objs, StatusWord::StackHighWater, stack_high_water);
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
        test.kernel.config.status = test.memory(12);
        test.kernel.counters.rung = 7;
        test.kernel.publish_failure(format_args!("lost {} links", 3), 640);
        let base: ObjRef<Word> = ObjRef::at(test.kernel.config.status);
        let word = |index: usize| test.kernel.objs[base.element(index)].0;
        assert_eq!(word(StatusWord::State.index()), State::Failed.word());
        assert_eq!(word(StatusWord::IpisSent.index()), 7);
        assert_eq!(word(StatusWord::PanicLength.index()), 12);
        assert_eq!(word(PANIC_TEXT).to_le_bytes(), *b"lost 3 l");
    }

    #[test]
    fn text_beyond_the_page_is_cut() {
        let mut test = TestKernel::new();
        test.kernel.config.status = test.memory(12);
        test.kernel.publish_failure(format_args!("{:>1$}", "end", 2 * MAX_PANIC_TEXT), 0);
        let base: ObjRef<Word> = ObjRef::at(test.kernel.config.status);
        assert_eq!(test.kernel.objs[base.element(StatusWord::PanicLength.index())].0, MAX_PANIC_TEXT as u64);
    }
}
