// SPDX-License-Identifier: MIT OR Apache-2.0
//! FS and GS base: of programs that set them themselves, beside those that ask the kernel.

use super::cpu::has_fsgsbase;
use super::hostile::{Hostile, START};
use crate::check::{Outcome, holds, same, tests};
use crate::code;
use crate::env::Env;
use abi::fault::user_exception;
use abi::{FaultKind, Register};
use userland::object::Flow;
use userland::{Endpoint, INIT_TCB, Tcb};

tests!(
    bases_set_by_programs_are_kept_for_each_thread,
    bases_set_by_programs_and_by_set_tls_base_are_the_same,
    bases_of_a_running_program_can_be_changed_by_others,
    bases_take_any_canonical_address,
);

/// RIP, RAX, RBX and the bases of a thread.
fn look(tcb: Tcb) -> Result<[u64; 5], userland::Error> {
    let mut registers = [0; Register::COUNT];
    tcb.read_registers(Flow::Keep, &mut registers)?;
    Ok([Register::Rip, Register::Rax, Register::Rbx, Register::FsBase, Register::GsBase]
        .map(|register| registers[register.index()]))
}

fn bases_set_by_programs_are_kept_for_each_thread(env: &mut Env) -> Outcome {
    if !has_fsgsbase() {
        return Ok(());
    }
    let endpoint: Endpoint = env.make()?;
    let bases = [0x1000, 0x7fff_ffff_f000, 0xffff_8000_0000_0000];
    let mut threads = [INIT_TCB; 3];
    for (tcb, base) in threads.iter_mut().zip(bases) {
        *tcb = env.spawn_at(code::bases_keep(), base, Some(endpoint))?;
    }
    env.settle();
    for (tcb, base) in threads.into_iter().zip(bases) {
        same(look(tcb)?, [code::bases_keep_at().address(), base, base + 8, base, base + 8])?;
    }
    Ok(())
}

fn bases_set_by_programs_and_by_set_tls_base_are_the_same(env: &mut Env) -> Outcome {
    if !has_fsgsbase() {
        return Ok(());
    }
    let endpoint: Endpoint = env.make()?;
    let tcb = env.spawn_at(code::bases_keep(), 0x4000, Some(endpoint))?;
    env.settle();
    // By the system call: the thread has 0x4008 in RDI.
    tcb.write_registers(Flow::Change, &[code::bases_call().address()])?;
    env.settle();
    same(look(tcb)?, [code::bases_call_at().address(), 0x4008, 0x4008, 0x4008, 0x4008])?;
    // By the invocation.
    tcb.set_tls_base(0x9000)?;
    tcb.write_registers(Flow::Change, &[code::bases_look().address()])?;
    env.settle();
    same(look(tcb)?, [code::bases_look_at().address(), 0x9000, 0x4008, 0x9000, 0x4008])
}

fn bases_of_a_running_program_can_be_changed_by_others(env: &mut Env) -> Outcome {
    if !has_fsgsbase() {
        return Ok(());
    }
    let endpoint: Endpoint = env.make()?;
    let tcb = env.spawn_at(code::bases_keep(), 0x4000, Some(endpoint))?;
    env.settle();
    let mut registers = [0; Register::COUNT];
    tcb.read_registers(Flow::Keep, &mut registers)?;
    registers[Register::Rip.index()] = code::bases_look().address();
    registers[Register::FsBase.index()] = 0x5000;
    registers[Register::GsBase.index()] = 0x8000_0000_0000;
    tcb.write_registers(Flow::Change, &registers)?;
    env.settle();
    same(look(tcb)?, [code::bases_look_at().address(), 0x5000, 0, 0x5000, 0])
}

fn bases_take_any_canonical_address(env: &mut Env) -> Outcome {
    if !has_fsgsbase() {
        return Ok(());
    }
    let thread = Hostile::new(env)?;
    // wrfsbase rdi; wrgsbase rdi
    let writes: [&[u8]; 2] = [&[0xf3, 0x48, 0x0f, 0xae, 0xd7], &[0xf3, 0x48, 0x0f, 0xae, 0xdf]];
    for bytes in writes {
        for address in [u64::MAX, 0xffff_8000_0000_0000] {
            let fault = thread.run(env, bytes, 0, &[(Register::Rdi, address)])?;
            let found = [user_exception::IP, user_exception::NUMBER].map(|word| fault.word(word));
            same((fault.info.label(), found), (FaultKind::UserException.word(), [START + 5, 6]))?;
        }
        // QEMU's translator takes addresses that are not canonical, too, which is its own affair.
        let fault = thread.run(env, bytes, 0, &[(Register::Rdi, 1 << 47)])?;
        holds(matches!(fault.word(user_exception::NUMBER), 6 | 13), "taken, or refused")?;
    }
    Ok(())
}
