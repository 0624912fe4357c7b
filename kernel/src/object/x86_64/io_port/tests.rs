// SPDX-License-Identifier: MIT OR Apache-2.0
use arch::Effect;

use super::*;
use crate::testing::{Call, Caller, Defect, check_order};

const CONTROL: usize = 2;
const PORTS: usize = 3;
const COPY: usize = 4;
const FREE: u64 = 20;

fn issue(first: u64, last: u64, slot: u64) -> Call {
    let words = [first, last, slot, Caller::DEPTH];
    Call::new(CONTROL, Label::IoPortControlIssue, &words, &[Caller::ROOT])
}

fn with_control() -> (Caller, Call) {
    let mut caller = Caller::new();
    caller.put(CONTROL, Cap::IoPortControl);
    (caller, issue(0x3f8, 0x3ff, FREE))
}

fn with_ports() -> Caller {
    let (mut caller, _) = with_control();
    caller.must(&issue(0x3f8, 0x3ff, PORTS as u64));
    caller
}

#[test]
fn issue_refuses_in_the_order_of_the_interface() {
    check_order(
        with_control,
        &[
            Defect {
                spoil: |_, call| call.label = Label::IoPortIn8.word(),
                error: SyscallError::IllegalOperation,
            },
            Defect { spoil: |_, call| call.words.truncate(3), error: SyscallError::TruncatedMessage },
            Defect { spoil: |_, call| call.caps.clear(), error: SyscallError::TruncatedMessage },
            Defect { spoil: |_, call| call.words[1] = 0x3f7, error: SyscallError::InvalidArgument(1) },
            Defect {
                spoil: |caller, _| caller.test.kernel.ports[0x3ff / 64] = 1 << (0x3ff % 64),
                error: SyscallError::RevokeFirst,
            },
            Defect {
                spoil: |_, call| call.words[3] = 0,
                error: SyscallError::RangeError { min: 1, max: 64 },
            },
            Defect { spoil: |_, call| call.words[2] = CONTROL as u64, error: SyscallError::DeleteFirst },
        ],
    );
}

#[test]
fn a_range_is_issued_once_until_its_last_capability_goes() {
    let mut caller = with_ports();
    assert_eq!(caller.cap(PORTS), Cap::IoPort { first: 0x3f8, last: 0x3ff });
    for (first, last) in [(0x3f8, 0x3f8), (0x3ff, 0x500), (0, 0xffff)] {
        assert_eq!(caller.invoke(&issue(first, last, FREE)), Err(SyscallError::RevokeFirst), "{first:#x}");
    }
    caller.must(&issue(0x400, 0x400, FREE));
    caller.must(&issue(0x3f7, 0x3f7, FREE + 1));
    caller.copy(PORTS, COPY);
    caller.delete(PORTS);
    assert_eq!(caller.invoke(&issue(0x3f8, 0x3f8, FREE + 2)), Err(SyscallError::RevokeFirst));
    caller.delete(COPY);
    caller.must(&issue(0x3f8, 0x3ff, FREE + 2));
}

#[test]
fn freeing_a_range_frees_no_neighbour() {
    for (first, last) in [(0, 0xffff), (63, 64), (64, 127), (1, 0xfffe), (0xffff, 0xffff)] {
        let (mut caller, _) = with_control();
        caller.must(&issue(first, last, FREE));
        let issued = |caller: &Caller| caller.test.kernel.ports.iter().map(|word| word.count_ones()).sum();
        let count: u32 = issued(&caller);
        assert_eq!(u64::from(count), last - first + 1);
        caller.test.kernel.ports[0] |= u64::from(first > 0);
        caller.delete(FREE as usize);
        let count: u32 = issued(&caller);
        assert_eq!(count, u32::from(first > 0));
    }
}

#[test]
fn ports_count_modulo_their_number() {
    let (mut caller, _) = with_control();
    caller.must(&issue(0x1_0060, 0x7_0064, FREE));
    assert_eq!(caller.cap(FREE as usize), Cap::IoPort { first: 0x60, last: 0x64 });
}

#[test]
fn a_port_that_another_instance_owns_cannot_be_issued() {
    let (mut caller, call) = with_control();
    caller.test.kernel.ports = [u64::MAX; IO_PORTS / 64];
    assert_eq!(caller.invoke(&call), Err(SyscallError::RevokeFirst));
}

#[test]
fn accesses_refuse_in_the_order_of_the_interface() {
    let defects = [
        Defect {
            spoil: |_, call| call.label = Label::IoPortControlIssue.word(),
            error: SyscallError::IllegalOperation,
        },
        Defect { spoil: |_, call| call.words.truncate(1), error: SyscallError::TruncatedMessage },
        Defect { spoil: |_, call| call.words[0] = 0x3f7, error: SyscallError::IllegalOperation },
    ];
    check_order(|| (with_ports(), Call::new(PORTS, Label::IoPortOut8, &[0x3f8, 1], &[])), &defects);
    let read = Call::new(PORTS, Label::IoPortIn8, &[], &[]);
    assert_eq!(with_ports().invoke(&read), Err(SyscallError::TruncatedMessage));
}

#[test]
fn an_access_must_end_inside_the_range() {
    for (label, last_good) in
        [(Label::IoPortIn8, 0x3ff), (Label::IoPortIn16, 0x3fe), (Label::IoPortIn32, 0x3fc)]
    {
        let mut caller = with_ports();
        let read = |port| Call::new(PORTS, label, &[port], &[]);
        assert_eq!(caller.invoke(&read(last_good)), Ok(Reply::Word(0)));
        assert_eq!(caller.invoke(&read(last_good + 1)), Err(SyscallError::IllegalOperation));
    }
}

#[test]
fn an_access_at_the_last_port_does_not_wrap_around() {
    let (mut caller, _) = with_control();
    caller.must(&issue(0, 0xffff, PORTS as u64));
    let read = |label, port| Call::new(PORTS, label, &[port], &[]);
    assert_eq!(caller.invoke(&read(Label::IoPortIn16, 0xffff)), Err(SyscallError::IllegalOperation));
    assert_eq!(caller.invoke(&read(Label::IoPortIn8, 0xffff)), Ok(Reply::Word(0)));
}

#[test]
fn values_are_cut_to_the_width() {
    let mut caller = with_ports();
    caller.test.kernel.machine.port_value = 0xffff_ffff;
    for (read, write, width, mask) in [
        (Label::IoPortIn8, Label::IoPortOut8, PortWidth::Byte, 0xff),
        (Label::IoPortIn16, Label::IoPortOut16, PortWidth::Word, 0xffff),
        (Label::IoPortIn32, Label::IoPortOut32, PortWidth::Long, 0xffff_ffff),
    ] {
        let answer = caller.invoke(&Call::new(PORTS, read, &[0x3f8], &[]));
        assert_eq!(answer, Ok(Reply::Word(mask)));
        caller.must(&Call::new(PORTS, write, &[0x3f8, !0], &[]));
        let expected = [Effect::ReadPort(0x3f8, width), Effect::WritePort(0x3f8, width, mask as u32)];
        assert_eq!(caller.test.kernel.machine.take_effects(), expected);
    }
}
