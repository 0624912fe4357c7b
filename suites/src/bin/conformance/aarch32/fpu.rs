// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the floating-point unit and the exclusive monitor keep for one thread, and do not for another.

use crate::check::{Failure, Outcome, same, tests};
use crate::code;
use crate::env::{Env, HIGH, MIDDLE};
use abi::{Register, flags};
use userland::object::Flow;
use userland::{Endpoint, INIT_TCB, Tcb};

tests!(
    fpu_registers_and_status_are_kept_for_each_thread,
    fpu_registers_and_status_survive_the_flag,
    fpu_of_a_new_thread_is_clear,
    exclusive_reservation_ends_with_a_system_call,
    exclusive_reservation_is_of_one_thread,
);

/// What a thread keeps: D0 to D31 from this value on, and FPSCR.
type Kept = [u64; 2];

/// Three threads that differ in every register, and in the rounding mode, flush-to-zero and default NaN of FPSCR.
const KEPT: [Kept; 3] = [[0x1111_1000, 0x0040_0000], [0x2222_2000, 0x0180_0000], [0x4444_4000, 0x0200_001f]];

fn spawn_keeper(env: &mut Env, [value, status]: Kept, handler: Endpoint) -> Result<Tcb, Failure> {
    let tcb = env.spawn_at(code::fpu_keep(), value, Some(handler))?;
    let mut registers = [0; Register::COUNT];
    tcb.read_registers(Flow::Keep, &mut registers)?;
    registers[Register::R1.index()] = status;
    tcb.write_registers(Flow::Keep, &registers)?;
    Ok(tcb)
}

/// The registers of a thread.
fn look<const N: usize>(tcb: Tcb, which: [Register; N]) -> Result<[u64; N], Failure> {
    let mut registers = [0; Register::COUNT];
    tcb.read_registers(Flow::Keep, &mut registers)?;
    Ok(which.map(|register| registers[register.index()]))
}

#[track_caller]
fn has_kept(tcb: Tcb, [_, status]: Kept) -> Outcome {
    let found = look(tcb, [Register::Pc, Register::R2, Register::R3, Register::R4])?;
    same(found, [code::fpu_keep_at().address(), 0, 0, status])
}

fn keepers(env: &mut Env) -> Result<[Tcb; 3], Failure> {
    let endpoint: Endpoint = env.make()?;
    let mut threads = [INIT_TCB; 3];
    for (tcb, kept) in threads.iter_mut().zip(KEPT) {
        *tcb = spawn_keeper(env, kept, endpoint)?;
    }
    env.settle();
    Ok(threads)
}

fn fpu_registers_and_status_are_kept_for_each_thread(env: &mut Env) -> Outcome {
    for (tcb, kept) in keepers(env)?.into_iter().zip(KEPT) {
        has_kept(tcb, kept)?;
    }
    Ok(())
}

fn fpu_registers_and_status_survive_the_flag(env: &mut Env) -> Outcome {
    let threads = keepers(env)?;
    for (round, tcb) in threads.into_iter().enumerate() {
        // One thread does without; the others use the unit meanwhile.
        tcb.set_flags(0, flags::TCB_FPU_DISABLED)?;
        for tcb in threads {
            tcb.write_registers(Flow::Change, &[code::fpu_keep_end().address()])?;
        }
        env.settle();
        same(look(tcb, [Register::Pc])?, [code::fpu_keep_end().address()])?;
        tcb.set_flags(flags::TCB_FPU_DISABLED, 0)?;
        tcb.write_registers(Flow::Change, &[code::fpu_keep_end().address()])?;
        env.settle();
        has_kept(tcb, KEPT[round])?;
    }
    Ok(())
}

fn fpu_of_a_new_thread_is_clear(env: &mut Env) -> Outcome {
    keepers(env)?;
    let endpoint: Endpoint = env.make()?;
    let tcb = env.spawn_at(code::fpu_look(), 0, Some(endpoint))?;
    env.settle();
    let found = look(tcb, [Register::Pc, Register::R2, Register::R4])?;
    same(found, [code::fpu_look_at().address(), 0, 0])
}

/// An exclusive store that had a reservation tells 0.
const NOT_RESERVED: u64 = 1;

fn exclusive_reservation_ends_with_a_system_call(env: &mut Env) -> Outcome {
    let endpoint: Endpoint = env.make()?;
    let word = env.left_place(0).as_ptr() as u64;
    let tcb = env.spawn_at(code::reserve_and_store(), word, Some(endpoint))?;
    env.settle();
    let found = look(tcb, [Register::Pc, Register::R2])?;
    same(found, [code::reserve_and_store_at().address(), NOT_RESERVED])?;
    same(env.left(0), 0)
}

fn exclusive_reservation_is_of_one_thread(env: &mut Env) -> Outcome {
    let endpoint: Endpoint = env.make()?;
    let word = env.left_place(0).as_ptr() as u64;
    let first = env.spawn_at(code::reserve_and_store(), word, Some(endpoint))?;
    let second = env.spawn_at(code::store_only(), word, Some(endpoint))?;
    // The first reserves the word and yields to the second.
    first.set_priority(INIT_TCB, HIGH)?;
    first.set_priority(INIT_TCB, MIDDLE)?;
    env.settle();
    let found = look(second, [Register::Pc, Register::R2])?;
    same(found, [code::store_only_at().address(), NOT_RESERVED])?;
    same(look(first, [Register::R2])?, [NOT_RESERVED])?;
    same(env.left(0), 0)
}
