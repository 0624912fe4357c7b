// SPDX-License-Identifier: MIT OR Apache-2.0
//! The floating-point unit: who may use it, and whose state is in it.

use crate::check::{Outcome, same, tests};
use crate::code;
use crate::env::{Env, MIDDLE};
use abi::fault::user_exception;
use abi::{Register, flags};
use userland::object::Flow;
use userland::{Endpoint, INIT_TCB, Message, Reply};

tests!(
    fpu_disabled_thread_faults_when_it_uses_it,
    fpu_state_is_kept_for_each_thread,
    fpu_state_survives_the_flag,
);

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
