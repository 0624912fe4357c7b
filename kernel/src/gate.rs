// SPDX-License-Identifier: MIT OR Apache-2.0
//! Gates that programs reach as well as devices, on x86 alone: vectors 158 to 255.
//!
//! A message of a device may name any vector. What programs reach by `int n` and a device's interrupt come by the same
//! gate with the same stack, so the local APIC is asked: it knows which interrupts it has delivered. Vectors 32 to 157
//! refuse `int n`, and the local APIC holds vectors below 32 back, which are exceptions.

use abi::vector::{SPURIOUS, interrupt_syscall_number};
use arch::Machine;

use crate::{Event, Kernel};

/// Length of `int n`.
const INT_LENGTH: u64 = 2;

impl<M: Machine> Kernel<M> {
    /// What reached the gate of `vector` while the current thread ran. Nothing is to be done for the interrupt that the
    /// local APIC takes back, nor for an `int n` that looks like it.
    ///
    /// A thread that meant it is put back to its `int n`; one that was interrupted is left as it is.
    pub fn event_at_open_gate(&mut self, vector: u8) -> Option<Event> {
        if self.machine.is_in_service(vector) {
            return Some(Event::Interrupt(vector));
        }
        if vector == SPURIOUS {
            return None;
        }
        let context = &mut self.objs[self.sched.current].context;
        context.rip = context.rip.wrapping_sub(INT_LENGTH);
        Some(Event::UnknownSyscall { number: interrupt_syscall_number(vector, context.rax) })
    }
}

#[cfg(test)]
mod tests {
    use abi::status::Word as StatusWord;
    use abi::vector::FIRST_SYSCALL;
    use arch::Effect;

    use super::*;
    use crate::Resume;
    use crate::ipc::testing::World;
    use crate::memory::objects::ObjRef;
    use crate::object::tcb::{Tcb, ThreadState};

    const IP: u64 = 0x40_1000;

    fn running() -> (World, ObjRef<Tcb>) {
        let mut world = World::new();
        let tcb = world.thread(5);
        world.run(tcb);
        world.kernel.objs[tcb].context.rip = IP;
        world.kernel.machine.take_effects();
        (world, tcb)
    }

    #[test]
    fn an_interrupt_of_a_device_is_ended_and_counted_and_leaves_the_thread_alone_at_every_vector() {
        for vector in FIRST_SYSCALL..=SPURIOUS {
            let (mut world, tcb) = running();
            world.kernel.machine.in_service = Some(vector);
            let event = world.kernel.event_at_open_gate(vector);
            assert_eq!(event, Some(Event::Interrupt(vector)));
            let resume = world.kernel.handle(Event::Interrupt(vector));
            assert_eq!((resume, world.state(tcb)), (Resume::Thread(tcb), ThreadState::Running), "{vector}");
            assert_eq!(world.kernel.objs[tcb].context.rip, IP);
            assert_eq!(world.kernel.counted(StatusWord::UnownedInterrupts), 1);
            let ended = world.kernel.machine.take_effects().into_iter();
            assert_eq!(ended.filter(|&effect| effect == Effect::EndOfInterrupt).count(), 1, "{vector}");
        }
    }

    #[test]
    fn an_int_instruction_is_an_unknown_system_call_and_is_put_back() {
        for vector in FIRST_SYSCALL..SPURIOUS {
            let (mut world, tcb) = running();
            // Something else is in service: it is not this.
            world.kernel.machine.in_service = Some(vector ^ 1);
            world.kernel.objs[tcb].context.rax = 0x1234;
            let number = interrupt_syscall_number(vector, 0x1234);
            assert_eq!(world.kernel.event_at_open_gate(vector), Some(Event::UnknownSyscall { number }));
            assert_eq!(world.kernel.objs[tcb].context.rip, IP - INT_LENGTH);
        }
    }

    #[test]
    fn the_spurious_interrupt_and_int_255_are_nothing() {
        let (mut world, tcb) = running();
        assert_eq!(world.kernel.event_at_open_gate(SPURIOUS), None);
        assert_eq!(world.kernel.objs[tcb].context.rip, IP);
        assert_eq!(world.kernel.machine.take_effects(), []);
    }
}
