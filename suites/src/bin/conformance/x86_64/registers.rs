// SPDX-License-Identifier: MIT OR Apache-2.0
//! Values of registers that the kernel does not take as they are.

use crate::check::{Outcome, same, tests};
use crate::env::{Env, MIDDLE, leave};
use crate::tests::tcb_registers::read;
use abi::Register;
use userland::object::Flow;
use userland::{Notification, Tcb, syscall};

tests!(
    tcb_write_registers_makes_values_safe,
    tcb_set_tls_base_takes_canonical_addresses,
    syscall_set_tls_base_takes_canonical_addresses,
);

fn tcb_write_registers_makes_values_safe(env: &mut Env) -> Outcome {
    let tcb: Tcb = env.make()?;
    let mut registers = [u64::MAX; Register::COUNT];
    let hole = 0x0000_8000_0000_0000;
    for register in [Register::Rip, Register::FsBase, Register::GsBase] {
        registers[register.index()] = hole;
    }
    tcb.write_registers(Flow::Keep, &registers)?;
    let mut expected = registers;
    for register in [Register::Rip, Register::FsBase, Register::GsBase] {
        expected[register.index()] = 0;
    }
    expected[Register::Rflags.index()] = 0xed7;
    same(read(tcb)?, expected)?;
    tcb.write_registers(Flow::Keep, &[0xffff_8000_0000_0000, 0, 0])?;
    same(&read(tcb)?[..3], &[0xffff_8000_0000_0000, 0, 0x202][..])
}

fn tcb_set_tls_base_takes_canonical_addresses(env: &mut Env) -> Outcome {
    let tcb: Tcb = env.make()?;
    tcb.set_tls_base(0x7000)?;
    same(read(tcb)?[Register::FsBase.index()], 0x7000)?;
    tcb.set_tls_base(0x8000_0000_0000)?;
    same(read(tcb)?[Register::FsBase.index()], 0)
}

fn syscall_set_tls_base_takes_canonical_addresses(env: &mut Env) -> Outcome {
    let never: Notification = env.make()?;
    env.spawn(MIDDLE, move || {
        syscall::set_tls_base(0x8000_0000_0000);
        // The thread still finds what it knows about itself.
        leave(0, u64::from(userland::current_thread().0 != userland::CPtr::NULL));
        syscall::wait(never.0);
    })?;
    env.settle();
    same(env.left(0), 1)
}
