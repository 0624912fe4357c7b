// SPDX-License-Identifier: MIT OR Apache-2.0
//! Refusals in order; what the tests of handlers are made from.

use abi::limits::VECTOR_OFFSET;
use arch::{Effect, PinRoute, SimMachine};

use super::*;
use crate::cap::Cap;
use crate::object::irq::Irq;
use crate::testing::{Call, Caller, Defect, check_order};

const CONTROL: usize = 2;
const FREE: u64 = 20;
/// The interrupt behind the handler of [`get_pin`] for vector 7.
pub(crate) const PIN: Pin = Pin { chip: 0, input: 7 };
/// How it is programmed.
pub(crate) const ROUTE: PinRoute =
    PinRoute { vector: VECTOR_OFFSET as u8 + 7, trigger: Trigger::Level, polarity: Polarity::High };

/// Gives the instance the distributor, with 96 shared peripheral interrupts.
pub(crate) fn own_pins(kernel: &mut Kernel<SimMachine>) {
    kernel.config.io_apics = 1;
    kernel.config.io_apic_pins[0] = 96;
}

/// Label and words that give a handler for a vector.
pub(crate) fn get_pin(slot: u64, vector: u64) -> (Label, Vec<u64>) {
    (Label::IrqControlGet, vec![FIRST_SPI + vector, slot, Caller::DEPTH])
}

fn with_control() -> Caller {
    let mut caller = Caller::new();
    caller.put(CONTROL, Cap::IrqControl);
    own_pins(&mut caller.test.kernel);
    caller
}

fn get(number: u64) -> Call {
    Call::new(CONTROL, Label::IrqControlGet, &[number, FREE, Caller::DEPTH], &[Caller::ROOT])
}

#[test]
fn get_refuses_in_the_order_of_the_interface() {
    let range = SyscallError::RangeError { min: 32, max: 139 };
    let defects = [
        Defect {
            spoil: |_, call| call.label = Label::IrqControlGetMsi.word(),
            error: SyscallError::IllegalOperation,
        },
        Defect { spoil: |_, call| call.words.truncate(2), error: SyscallError::TruncatedMessage },
        Defect { spoil: |_, call| call.caps.clear(), error: SyscallError::TruncatedMessage },
        Defect { spoil: |_, call| call.words[0] = 31, error: range },
        Defect {
            spoil: |caller, _| caller.test.kernel.vectors[7] = VectorUse::Message,
            error: SyscallError::RevokeFirst,
        },
        Defect {
            spoil: |_, call| call.words[2] = Caller::DEPTH + 1,
            error: SyscallError::RangeError { min: 1, max: Caller::DEPTH },
        },
        Defect { spoil: |_, call| call.words[1] = CONTROL as u64, error: SyscallError::DeleteFirst },
        Defect {
            spoil: |caller, _| caller.test.kernel.config.io_apics = 0,
            error: SyscallError::IllegalOperation,
        },
    ];
    check_order(|| (with_control(), get(39)), &defects);
}

#[test]
fn numbers_are_those_of_shared_peripheral_interrupts() {
    let range = Err(SyscallError::RangeError { min: 32, max: 139 });
    for (number, expected) in [
        (0, range),
        (27, range),
        (140, range),
        (u64::from(u32::MAX), range),
        (139, Err(SyscallError::IllegalOperation)),
        (128, Err(SyscallError::IllegalOperation)),
    ] {
        assert_eq!(with_control().invoke(&get(number)), expected, "{number}");
    }
}

#[test]
fn every_input_of_the_distributor_has_the_vector_of_its_number() {
    for number in [32, 33, 127] {
        let mut caller = with_control();
        caller.must(&get(number));
        let input = (number - 32) as u8;
        assert_eq!(caller.cap(FREE as usize), Cap::IrqHandler(Irq(input.into())));
        let route = PinRoute { vector: VECTOR_OFFSET as u8 + input, ..ROUTE };
        let expected = [Effect::RoutePin(Pin { chip: 0, input }, route)];
        assert_eq!(caller.test.kernel.machine.take_effects(), expected);
    }
}

#[test]
fn what_a_pc_has_is_not_there() {
    for label in [Label::IrqControlGetIoApic, Label::IrqControlGetMsi] {
        let call = Call::new(CONTROL, label, &[FREE, Caller::DEPTH, 0, 0, 0, 0, 7], &[Caller::ROOT]);
        assert_eq!(with_control().invoke(&call), Err(SyscallError::IllegalOperation));
    }
}
