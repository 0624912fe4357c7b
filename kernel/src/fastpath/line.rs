// SPDX-License-Identifier: MIT OR Apache-2.0
//! Call on an interrupt handler: Ack, after which the next interrupt may come.
//!
//! A line on which a signal waits is the slow path's: delivering it may wake somebody.

use arch::Machine;

use crate::cap::raw::RawCap;
use crate::object::irq::{Irq, Source};
use crate::object::line::Line;
use crate::{Kernel, Resume};

impl<M: Machine> Kernel<M> {
    /// Ack of the interrupt whose handler `cap` is.
    #[inline(always)]
    pub(super) fn fast_acknowledge(&mut self, cap: RawCap) -> Option<Resume> {
        let irq = Irq(cap.word1 as u32);
        let caller = self.sched.current;
        if abi::cut(self.objs[caller].context.info_register()) != self.config.numbering.irq_ack {
            return None;
        }
        match irq.source() {
            Source::Vector(vector) => self.unmask_vector(vector),
            Source::Line { from, line } => {
                if self.objs[self.irq_slot(irq)].is_empty() {
                    return None;
                }
                let (inbox, sender) = (self.inbox?, usize::from(from));
                if inbox.pending(sender) & line.bit() != 0 {
                    return None;
                }
                if inbox.unmask_lines(sender, line.bit()) != 0 {
                    return Some(self.deliver_late(from, line));
                }
            }
        }
        self.answer_done();
        Some(Resume::Thread(caller))
    }

    /// A signal that came while the line was being opened.
    #[cold]
    fn deliver_late(&mut self, from: u8, line: Line) -> Resume {
        self.update_time();
        self.deliver_line(from, line);
        self.answer_done();
        self.finish()
    }

    /// An empty answer to the current thread, which called.
    #[inline(always)]
    fn answer_done(&mut self) {
        let context = &mut self.objs[self.sched.current].context;
        context.set_badge(0);
        context.set_info(0);
    }
}
