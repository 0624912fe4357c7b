// SPDX-License-Identifier: MIT OR Apache-2.0
//! Send and NBSend: signals that wake nobody here.

use arch::Machine;

use super::{SHAPE_MASK, SHORT};
use crate::Kernel;
use crate::memory::objects::ObjRef;
use crate::object::notification::NotificationState;
use crate::object::tcb::{Tcb, TcbSlot};

impl<M: Machine> Kernel<M> {
    /// Send and NBSend: a signal to a notification for which nobody waits, or to a line of another instance.
    #[inline]
    pub fn fast_send(&mut self) -> Option<ObjRef<Tcb>> {
        let sender = self.sched.current;
        let thread = &self.objs[sender];
        if thread.context.info_register() & SHAPE_MASK > SHORT {
            return None;
        }
        let slot = thread.slots[TcbSlot::CSpace as usize].cap.plain_slot(thread.context.cap_register())?;
        let cap = self.objs[slot].cap;
        let Some(notification) = cap.signallable_notification() else {
            let (to, line) = cap.line_signal()?;
            self.send_line_signal(to, line);
            return Some(sender);
        };
        let object = &mut self.objs[notification];
        match object.state() {
            NotificationState::Active => object.word |= cap.word1,
            NotificationState::Idle if object.bound_tcb.is_none() => {
                object.word = cap.word1;
                object.set_state(NotificationState::Active);
            }
            _ => return None,
        }
        Some(sender)
    }
}
