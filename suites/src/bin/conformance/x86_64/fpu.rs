// SPDX-License-Identifier: MIT OR Apache-2.0
//! The floating-point unit: who may use it, and whose state is in it.

use super::cpu::{has_avx, has_xsave};
use super::hostile::{Hostile, START};
use crate::check::{Failure, Outcome, same, tests};
use crate::code;
use crate::env::{Env, MIDDLE};
use abi::fault::user_exception;
use abi::{Register, flags};
use userland::object::Flow;
use userland::{Endpoint, INIT_TCB, Message, Reply, Tcb};

tests!(
    fpu_disabled_thread_faults_when_it_uses_it,
    fpu_state_is_kept_for_each_thread,
    fpu_state_survives_the_flag,
    fpu_avx_and_control_words_are_kept_for_each_thread,
    fpu_avx_and_control_words_survive_the_flag,
    fpu_of_a_new_thread_is_clear,
    fpu_states_enabled_are_those_the_kernel_keeps,
);

/// What a thread keeps in its registers, and in the control words of SSE and x87.
type Kept = [u64; 3];

/// Three threads with nothing in common. The exceptions stay masked.
const KEPT: [Kept; 3] =
    [[0x1111_2222, 0x1f80, 0x37f], [0x3333_4444, 0x3f80, 0x77f], [0x5555_6666, 0x9fc0, 0x27f]];

/// Pieces of code that keep something, look at it, and end.
fn keeping() -> (code::Code, code::Code, code::Code) {
    if has_avx() {
        (code::avx_keep(), code::avx_keep_end(), code::avx_keep_at())
    } else {
        (code::sse_keep(), code::sse_keep_end(), code::sse_keep_at())
    }
}

fn spawn_keeper(env: &mut Env, [value, mxcsr, control]: Kept, handler: Endpoint) -> Result<Tcb, Failure> {
    let tcb = env.spawn_at(keeping().0, value, Some(handler))?;
    let mut registers = [0; Register::COUNT];
    tcb.read_registers(Flow::Keep, &mut registers)?;
    registers[Register::Rsi.index()] = mxcsr;
    registers[Register::Rdx.index()] = control;
    tcb.write_registers(Flow::Keep, &registers)?;
    Ok(tcb)
}

#[track_caller]
fn has_kept(tcb: Tcb, [value, mxcsr, control]: Kept) -> Outcome {
    let mut registers = [0; Register::COUNT];
    tcb.read_registers(Flow::Keep, &mut registers)?;
    let found = [Register::Rip, Register::Rax, Register::Rbx, Register::Rcx, Register::Rdx];
    let found = found.map(|register| registers[register.index()]);
    same(found, [keeping().2.address(), value, value, mxcsr, control])
}

fn fpu_avx_and_control_words_are_kept_for_each_thread(env: &mut Env) -> Outcome {
    let endpoint: Endpoint = env.make()?;
    let mut threads = [INIT_TCB; 3];
    for (tcb, kept) in threads.iter_mut().zip(KEPT) {
        *tcb = spawn_keeper(env, kept, endpoint)?;
    }
    env.settle();
    for (tcb, kept) in threads.into_iter().zip(KEPT) {
        has_kept(tcb, kept)?;
    }
    Ok(())
}

fn fpu_avx_and_control_words_survive_the_flag(env: &mut Env) -> Outcome {
    let endpoint: Endpoint = env.make()?;
    let mut threads = [INIT_TCB; 3];
    for (tcb, kept) in threads.iter_mut().zip(KEPT) {
        *tcb = spawn_keeper(env, kept, endpoint)?;
    }
    env.settle();
    for round in 0..2 {
        // One thread does without; the others go on and take turns.
        threads[round].set_flags(0, flags::TCB_FPU_DISABLED)?;
        for tcb in threads {
            tcb.write_registers(Flow::Change, &[keeping().1.address()])?;
        }
        env.settle();
        for (number, (tcb, kept)) in threads.into_iter().zip(KEPT).enumerate() {
            if number == round {
                let mut registers = [0; 1];
                tcb.read_registers(Flow::Keep, &mut registers)?;
                same(registers, [keeping().1.address()])?;
            } else {
                has_kept(tcb, kept)?;
            }
        }
        threads[round].set_flags(flags::TCB_FPU_DISABLED, 0)?;
        threads[round].write_registers(Flow::Change, &[keeping().1.address()])?;
        env.settle();
        has_kept(threads[round], KEPT[round])?;
    }
    Ok(())
}

fn fpu_of_a_new_thread_is_clear(env: &mut Env) -> Outcome {
    let endpoint: Endpoint = env.make()?;
    spawn_keeper(env, KEPT[2], endpoint)?;
    env.settle();
    let tcb = env.spawn_at(keeping().1, 0, Some(endpoint))?;
    env.settle();
    has_kept(tcb, [0, 0x1f80, 0x37f])
}

fn fpu_states_enabled_are_those_the_kernel_keeps(env: &mut Env) -> Outcome {
    let thread = Hostile::new(env)?;
    // xor ecx, ecx; xgetbv
    let fault = thread.run(env, &[0x31, 0xc9, 0x0f, 0x01, 0xd0], 0, &[])?;
    same(fault.word(user_exception::NUMBER), 6)?;
    if !has_xsave() {
        return same(fault.word(user_exception::IP), START + 2);
    }
    let registers = thread.registers()?;
    let expected = if has_avx() { 0b111 } else { 0b11 };
    same([Register::Rax, Register::Rdx].map(|register| registers[register.index()]), [expected, 0])
}

fn fpu_disabled_thread_faults_when_it_uses_it(env: &mut Env) -> Outcome {
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    let tcb = env.spawn_at(code::float(), 0, Some(endpoint))?;
    tcb.set_flags(0, flags::TCB_FPU_DISABLED)?;
    let fault = env.receive(endpoint, reply)?;
    same(fault.word(user_exception::NUMBER), 7)?;
    tcb.set_flags(flags::TCB_FPU_DISABLED, 0)?;
    Message::new(0, &[]).send(reply.0);
    let fault = env.receive(endpoint, reply)?;
    same(fault.word(user_exception::NUMBER), 6)
}

fn fpu_state_is_kept_for_each_thread(env: &mut Env) -> Outcome {
    let endpoint: Endpoint = env.make()?;
    let values = [0x1111_2222, 0x3333_4444, 0x5555_6666];
    let mut threads = [INIT_TCB; 3];
    for (tcb, value) in threads.iter_mut().zip(values) {
        *tcb = env.spawn_at(code::float_keep(), value, Some(endpoint))?;
    }
    env.settle();
    for (tcb, value) in threads.into_iter().zip(values) {
        let mut registers = [0; Register::COUNT];
        tcb.read_registers(Flow::Keep, &mut registers)?;
        let found = [Register::Rip, Register::Rax, Register::Rbx].map(|register| registers[register.index()]);
        same(found, [code::float_keep_at().address(), value, value])?;
    }
    Ok(())
}

fn fpu_state_survives_the_flag(env: &mut Env) -> Outcome {
    let endpoint: Endpoint = env.make()?;
    let tcb = env.spawn_at(code::float_keep(), 0x99, Some(endpoint))?;
    let other = env.spawn_at(code::float_keep(), 0x77, Some(endpoint))?;
    other.set_priority(INIT_TCB, MIDDLE)?;
    env.settle();
    tcb.set_flags(0, flags::TCB_FPU_DISABLED)?;
    tcb.set_flags(flags::TCB_FPU_DISABLED, 0)?;
    // The thread reads its registers once more.
    tcb.write_registers(Flow::Change, &[code::float_keep_end().address()])?;
    env.settle();
    let mut registers = [0; Register::COUNT];
    tcb.read_registers(Flow::Keep, &mut registers)?;
    same([Register::Rax, Register::Rbx].map(|register| registers[register.index()]), [0x99, 0x99])
}
