// SPDX-License-Identifier: MIT OR Apache-2.0
//! The debug calls, in kernels that have them.

use crate::check::{Outcome, Test, same, tests};
use crate::env::{DEPTH, Env};
use abi::ipc_buffer::MAX_LENGTH;
use abi::{CapTag, slots};
use userland::{CPtr, IpcBuffer, Tcb, syscall};

tests!(
    syscall_debug_cap_identify_names_initial_capabilities,
    syscall_debug_name_thread_takes_any_capability,
    syscall_debug_put_char_returns,
);

/// Tests that print pages of text; they run only when asked for by name.
pub(crate) const NOISY: &[Test] = &[
    Test { name: "syscall_debug_dump_scheduler_returns", run: syscall_debug_dump_scheduler_returns },
    Test { name: "syscall_debug_snapshot_returns", run: syscall_debug_snapshot_returns },
];

fn syscall_debug_cap_identify_names_initial_capabilities(env: &mut Env) -> Outcome {
    for (slot, tag) in [
        (slots::NULL, CapTag::Null),
        (slots::INIT_TCB, CapTag::Tcb),
        (slots::INIT_CNODE, CapTag::CNode),
        (slots::INIT_VSPACE, CapTag::Pml4),
        (slots::IRQ_CONTROL, CapTag::IrqControl),
        (slots::ASID_CONTROL, CapTag::AsidControl),
        (slots::INIT_ASID_POOL, CapTag::AsidPool),
        (slots::IO_PORT_CONTROL, CapTag::IoPortControl),
        (slots::IO_SPACE, CapTag::Null),
        (slots::BOOT_INFO_FRAME, CapTag::Frame),
        (slots::INIT_IPC_BUFFER, CapTag::Frame),
        (slots::DOMAIN, CapTag::Domain),
        (slots::INIT_SCHED_CONTEXT, CapTag::SchedContext),
        (slots::SMC, CapTag::Null),
        (env.boot.sched_control().0.0, CapTag::SchedControl),
        (1 << (DEPTH - 8), CapTag::Null),
    ] {
        same((slot, crate::env::kind(CPtr(slot))), (slot, Some(tag)))?;
    }
    Ok(())
}

fn syscall_debug_name_thread_takes_any_capability(env: &mut Env) -> Outcome {
    let tcb: Tcb = env.make()?;
    let buffer = IpcBuffer::current();
    buffer.set_word(0, u64::from_le_bytes(*b"example\0"));
    syscall::debug_name_thread(tcb.0);
    // What upstream's kernel halts on only prints a line.
    syscall::debug_name_thread(CPtr::NULL);
    (0..MAX_LENGTH).for_each(|register| buffer.set_word(register, u64::from_le_bytes(*b"too long")));
    syscall::debug_name_thread(tcb.0);
    Ok(())
}

fn syscall_debug_dump_scheduler_returns(_: &mut Env) -> Outcome {
    syscall::debug_dump_scheduler();
    Ok(())
}

fn syscall_debug_snapshot_returns(_: &mut Env) -> Outcome {
    syscall::debug_snapshot();
    Ok(())
}

fn syscall_debug_put_char_returns(_: &mut Env) -> Outcome {
    syscall::debug_put_char(b' ');
    Ok(())
}
