// SPDX-License-Identifier: MIT OR Apache-2.0
//! Refusals in order; what the tests of handlers are made from.

use abi::limits::VECTOR_OFFSET;
use abi::vector::FIRST_USER;
use arch::{Effect, PinRoute, SimMachine};

use super::*;
use crate::cap::Cap;
use crate::object::irq::Irq;
use crate::testing::{Call, Caller, Defect, check_order};

const CONTROL: usize = 2;
const FREE: u64 = 20;
/// The pin behind the handler of [`get_pin`].
pub(crate) const PIN: Pin = Pin { chip: 1, input: 9 };
/// How it is programmed for vector 7.
pub(crate) const ROUTE: PinRoute =
    PinRoute { vector: VECTOR_OFFSET as u8 + 7, trigger: Trigger::Level, polarity: Polarity::Low };

/// Gives the instance two IOAPICs.
pub(crate) fn own_pins(kernel: &mut Kernel<SimMachine>) {
    kernel.config.io_apics = 2;
    kernel.config.io_apic_pins[..2].copy_from_slice(&[24, 16]);
}

/// Label and words that give a handler for a vector: pin 9 of chip 1, level triggered, active low.
pub(crate) fn get_pin(slot: u64, vector: u64) -> (Label, Vec<u64>) {
    (Label::IrqControlGetIoApic, vec![slot, Caller::DEPTH, 1, 9, 1, 1, vector])
}

fn with_control() -> Caller {
    let mut caller = Caller::new();
    caller.put(CONTROL, Cap::IrqControl);
    own_pins(&mut caller.test.kernel);
    caller
}

fn get_io_apic(slot: u64) -> Call {
    let (label, words) = get_pin(slot, 7);
    Call::new(CONTROL, label, &words, &[Caller::ROOT])
}

fn get_msi(slot: u64, vector: u64) -> Call {
    let words = [slot, Caller::DEPTH, 255, 31, 7, 0, vector];
    Call::new(CONTROL, Label::IrqControlGetMsi, &words, &[Caller::ROOT])
}

fn range(max: u64) -> SyscallError {
    SyscallError::RangeError { min: 0, max }
}

/// Defects that GetIOAPIC and GetMSI have in common, in order.
fn common() -> Vec<Defect> {
    vec![
        Defect {
            spoil: |_, call| call.label = Label::IrqHandlerAck.word(),
            error: SyscallError::IllegalOperation,
        },
        Defect { spoil: |_, call| call.words.truncate(6), error: SyscallError::TruncatedMessage },
        Defect { spoil: |_, call| call.caps.clear(), error: SyscallError::TruncatedMessage },
        Defect { spoil: |_, call| call.words[6] = 108, error: range(107) },
        Defect {
            spoil: |caller, _| caller.test.kernel.vectors[7] = VectorUse::Message,
            error: SyscallError::RevokeFirst,
        },
        Defect {
            spoil: |_, call| call.words[1] = Caller::DEPTH + 1,
            error: SyscallError::RangeError { min: 1, max: Caller::DEPTH },
        },
        Defect { spoil: |_, call| call.words[0] = CONTROL as u64, error: SyscallError::DeleteFirst },
    ]
}

#[test]
fn get_io_apic_refuses_in_the_order_of_the_interface() {
    let mut defects = common();
    defects.extend([
        Defect {
            spoil: |caller, _| caller.test.kernel.config.io_apics = 0,
            error: SyscallError::IllegalOperation,
        },
        Defect { spoil: |_, call| call.words[2] = 2, error: range(1) },
        Defect { spoil: |_, call| call.words[3] = 16, error: range(15) },
        Defect { spoil: |_, call| call.words[4] = 2, error: range(1) },
        Defect { spoil: |_, call| call.words[5] = u64::MAX, error: range(1) },
    ]);
    check_order(|| (with_control(), get_io_apic(FREE)), &defects);
}

#[test]
fn get_msi_refuses_in_the_order_of_the_interface() {
    let mut defects = common();
    defects.extend([
        Defect { spoil: |_, call| call.words[2] = 256, error: range(255) },
        Defect { spoil: |_, call| call.words[3] = 32, error: range(31) },
        Defect { spoil: |_, call| call.words[4] = 8, error: range(7) },
    ]);
    check_order(|| (with_control(), get_msi(FREE, 7)), &defects);
}

#[test]
fn plain_get_is_never_possible() {
    let mut caller = with_control();
    let mut call = Call::new(CONTROL, Label::IrqControlGet, &[1, FREE, Caller::DEPTH], &[Caller::ROOT]);
    assert_eq!(caller.invoke(&call), Err(SyscallError::IllegalOperation));
    call.words.truncate(2);
    assert_eq!(caller.invoke(&call), Err(SyscallError::TruncatedMessage));
}

#[test]
fn nothing_is_programmed_for_a_message() {
    let mut caller = with_control();
    caller.must(&get_msi(FREE, 107));
    assert_eq!(caller.cap(FREE as usize), Cap::IrqHandler(Irq(107)));
    assert_eq!(caller.test.kernel.machine.take_effects(), []);
}

#[test]
fn a_message_interrupt_is_never_masked() {
    let mut caller = with_control();
    caller.must(&get_msi(FREE, 0));
    caller.test.kernel.handle_interrupt(FIRST_USER);
    caller.must(&Call::new(FREE as usize, Label::IrqHandlerAck, &[], &[]));
    assert_eq!(caller.test.kernel.machine.take_effects(), [Effect::EndOfInterrupt]);
}
