// SPDX-License-Identifier: MIT OR Apache-2.0
//! Registers, TLS base and flags of threads.

use crate::check::{Outcome, refused, same, tests};
use crate::code;
use crate::env::{Env, MIDDLE, SLICE, invoke, leave};
use abi::{FaultKind, Label, Register};
use userland::object::{Copied, Flow};
use userland::{Endpoint, Error, INIT_CNODE, INIT_TCB, Options, Reply, Tcb, syscall};

tests!(
    tcb_read_registers_needs_two_words,
    tcb_read_registers_bounds_the_count,
    tcb_read_registers_refuses_the_caller,
    tcb_read_registers_returns_what_was_written,
    tcb_read_registers_of_a_new_thread_are_zero,
    tcb_read_registers_suspends_when_asked,
    tcb_write_registers_needs_as_many_words_as_it_counts,
    tcb_write_registers_refuses_the_caller,
    tcb_write_registers_writes_only_what_is_counted,
    tcb_copy_registers_needs_a_word_and_a_thread,
    tcb_copy_registers_wants_a_thread,
    tcb_copy_registers_copies_the_groups_asked_for,
    tcb_set_tls_base_needs_a_word,
    tcb_set_tls_base_sets_it,
    tcb_set_flags_needs_two_words,
    tcb_set_flags_returns_the_flags,
    tcb_forbid_debug_makes_debug_calls_unknown,
);

/// How many registers there are, and how many of them are frame registers.
const COUNT: u64 = Register::COUNT as u64;
const FRAME: usize = Register::FRAME_COUNT;

/// The registers of a thread.
type Registers = [u64; Register::COUNT];

pub(crate) fn read(tcb: Tcb) -> Result<Registers, Error> {
    let mut registers = [0; Register::COUNT];
    tcb.read_registers(Flow::Keep, &mut registers)?;
    Ok(registers)
}

fn tcb_read_registers_needs_two_words(env: &mut Env) -> Outcome {
    let tcb: Tcb = env.make()?;
    refused(invoke(tcb, Label::TcbReadRegisters, &[0], &[]), Error::TruncatedMessage)
}

fn tcb_read_registers_bounds_the_count(env: &mut Env) -> Outcome {
    let tcb: Tcb = env.make()?;
    for count in [0, COUNT + 1, u64::MAX] {
        refused(invoke(tcb, Label::TcbReadRegisters, &[0, count], &[]), Error::Range(1, COUNT))?;
    }
    // The count decides before the thread.
    refused(invoke(INIT_TCB, Label::TcbReadRegisters, &[0, 0], &[]), Error::Range(1, COUNT))
}

fn tcb_read_registers_refuses_the_caller(_: &mut Env) -> Outcome {
    refused(INIT_TCB.read_registers(Flow::Keep, &mut [0; Register::COUNT]), Error::IllegalOperation)
}

/// Values that the kernel takes as they are, except for the flags.
fn pattern() -> Registers {
    let mut registers = core::array::from_fn(|index| 0x1000 + index as u64);
    registers[Register::FLAGS.index()] = abi::INITIAL_FLAGS;
    registers
}

fn tcb_read_registers_returns_what_was_written(env: &mut Env) -> Outcome {
    let tcb: Tcb = env.make()?;
    tcb.write_registers(Flow::Keep, &pattern())?;
    same(read(tcb)?, pattern())?;
    let reply = invoke(tcb, Label::TcbReadRegisters, &[0, 7], &[])?;
    same((reply.info.length(), reply.word(6)), (7, 0x1006))
}

fn tcb_read_registers_of_a_new_thread_are_zero(env: &mut Env) -> Outcome {
    let mut expected = [0; Register::COUNT];
    expected[Register::FLAGS.index()] = abi::INITIAL_FLAGS;
    let tcb = env.make()?;
    same(read(tcb)?, expected)
}

fn tcb_read_registers_suspends_when_asked(env: &mut Env) -> Outcome {
    let word = core::ptr::from_ref(env.left_place(0)) as u64;
    let tcb = env.spawn_at(code::count(), word, None)?;
    tcb.set_priority(INIT_TCB, 255)?;
    syscall::yield_now();
    tcb.read_registers(Flow::Change, &mut [0; 4])?;
    let stopped_at = env.left(0);
    syscall::yield_now();
    same((stopped_at > 0, env.left(0)), (true, stopped_at))
}

fn tcb_write_registers_needs_as_many_words_as_it_counts(env: &mut Env) -> Outcome {
    let tcb: Tcb = env.make()?;
    refused(invoke(tcb, Label::TcbWriteRegisters, &[0], &[]), Error::TruncatedMessage)?;
    refused(invoke(tcb, Label::TcbWriteRegisters, &[0, 3, 1, 2], &[]), Error::TruncatedMessage)?;
    refused(invoke(INIT_TCB, Label::TcbWriteRegisters, &[0, 1], &[]), Error::TruncatedMessage)
}

fn tcb_write_registers_refuses_the_caller(_: &mut Env) -> Outcome {
    refused(INIT_TCB.write_registers(Flow::Keep, &[0]), Error::IllegalOperation)
}

fn tcb_write_registers_writes_only_what_is_counted(env: &mut Env) -> Outcome {
    let tcb: Tcb = env.make()?;
    tcb.write_registers(Flow::Keep, &pattern())?;
    invoke(tcb, Label::TcbWriteRegisters, &[0, 2, 12, 8, 9, 10], &[])?;
    same(&read(tcb)?[..4], &[12, 8, abi::INITIAL_FLAGS, 0x1003][..])
}

fn tcb_copy_registers_needs_a_word_and_a_thread(env: &mut Env) -> Outcome {
    let tcb: Tcb = env.make()?;
    refused(invoke(tcb, Label::TcbCopyRegisters, &[], &[tcb.0]), Error::TruncatedMessage)?;
    refused(invoke(tcb, Label::TcbCopyRegisters, &[0], &[]), Error::TruncatedMessage)
}

fn tcb_copy_registers_wants_a_thread(env: &mut Env) -> Outcome {
    let tcb: Tcb = env.make()?;
    refused(tcb.copy_registers(Tcb(INIT_CNODE.0), Copied::default()), Error::InvalidCapability(1))
}

fn tcb_copy_registers_copies_the_groups_asked_for(env: &mut Env) -> Outcome {
    let (from, to): (Tcb, Tcb) = (env.make()?, env.make()?);
    from.write_registers(Flow::Keep, &pattern())?;
    let (clear, full) = (read(to)?, read(from)?);
    to.copy_registers(from, Copied::default())?;
    same(read(to)?, clear)?;
    to.copy_registers(from, Copied { integer: true, ..Copied::default() })?;
    same((&read(to)?[..FRAME], &read(to)?[FRAME..]), (&clear[..FRAME], &full[FRAME..]))?;
    to.copy_registers(from, Copied { frame: true, ..Copied::default() })?;
    same(read(to)?, full)
}

fn tcb_set_tls_base_needs_a_word(env: &mut Env) -> Outcome {
    let tcb: Tcb = env.make()?;
    refused(invoke(tcb, Label::TcbSetTlsBase, &[], &[]), Error::TruncatedMessage)
}

fn tcb_set_tls_base_sets_it(env: &mut Env) -> Outcome {
    let tcb: Tcb = env.make()?;
    tcb.set_tls_base(0x7000)?;
    same(read(tcb)?[Register::TLS.index()], 0x7000)
}

fn tcb_set_flags_needs_two_words(env: &mut Env) -> Outcome {
    let tcb: Tcb = env.make()?;
    refused(invoke(tcb, Label::TcbSetFlags, &[0], &[]), Error::TruncatedMessage)
}

fn tcb_set_flags_returns_the_flags(env: &mut Env) -> Outcome {
    let tcb: Tcb = env.make()?;
    same(tcb.set_flags(0, u64::MAX)?, 1)?;
    same(tcb.set_flags(0, 0)?, 1)?;
    same(tcb.set_flags(1, 1)?, 1)?;
    same(tcb.set_flags(u64::MAX, 0)?, 0)
}

fn tcb_forbid_debug_makes_debug_calls_unknown(env: &mut Env) -> Outcome {
    let (faults, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    let context = env.sched_context(SLICE)?;
    let options = Options { fault_handler: Some(faults), ..Options::new(MIDDLE, Some(context)) };
    let thread = env.thread(options)?;
    let tcb = thread.tcb;
    thread.start(|| {
        leave(0, 1);
        syscall::debug_put_char(b' ');
        leave(0, 2);
    })?;
    tcb.forbid_debug()?;
    tcb.set_flags(u64::MAX, 0)?;
    let fault = env.receive(faults, reply)?;
    same((fault.info.label(), env.left(0)), (FaultKind::UnknownSyscall.word(), 1))
}
