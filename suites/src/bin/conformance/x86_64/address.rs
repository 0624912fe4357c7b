// SPDX-License-Identifier: MIT OR Apache-2.0
//! Threads whose registers point anywhere, and threads whose pages go away.

use super::hostile::{Hostile, START, UD2};
use crate::check::{Outcome, same, tests};
use crate::env::Env;
use crate::tests::fault::is_page_fault;
use crate::window::{FAR_ADDRESS, map};
use abi::fault::{unknown_syscall, user_exception, vm_fault};
use abi::{FaultKind, Register, Rights, Syscall};
use userland::object::Frame;
use userland::syscall;
use userland::{Capability, Endpoint, INIT_VSPACE, Message, Notification, Reply, SmallPage};

tests!(
    entry_at_the_end_of_the_user_addresses_returns_no_further,
    entry_with_any_instruction_pointer_is_a_fault_of_the_thread,
    entry_with_any_stack_pointer_needs_no_stack,
    entry_with_any_segment_base_is_a_fault_of_the_thread,
    entry_whose_code_goes_away_faults_when_it_returns,
    entry_whose_buffer_is_unmapped_still_uses_it,
    entry_whose_buffer_is_taken_away_goes_on_with_registers,
);

/// The last page that can be mapped.
const LAST_PAGE: u64 = 0x7fff_ffff_e000;
/// Its end, the first address of the page that is always missing.
const END: u64 = LAST_PAGE + 0x1000;
/// `nop …; syscall`, as the last word of a page.
const SYSCALL_AT_THE_END: u64 = 0x050f_9090_9090_9090;
/// Words of a page.
const WORDS: usize = 512;
/// Addresses in the middle of nothing, at the edges, and of the kernel.
const STRANGE: [u64; 9] = [
    0,
    1,
    FAR_ADDRESS,
    END,
    END + 0xfff,
    0xffff_8000_0000_0000,
    0xffff_ffff_8000_0000,
    0xffff_ffff_ffff_f000,
    u64::MAX,
];
/// Addresses that are not canonical.
const NOT_CANONICAL: [u64; 3] = [0x8000_0000_0000, 0x1234_5678_9abc_def0, 0xffff_7fff_ffff_ffff];

/// A page fault of user code at `address`, whether the page is missing or the kernel's; `code` without that bit.
#[track_caller]
fn is_access(fault: &syscall::Received, ip: u64, address: u64) -> Outcome {
    let words = [vm_fault::IP, vm_fault::ADDRESS].map(|index| fault.word(index));
    same((fault.info.label(), words), (FaultKind::VmFault.word(), [ip, address]))?;
    same(fault.word(vm_fault::CODE) & 0b1110, 0b100)
}

fn entry_at_the_end_of_the_user_addresses_returns_no_further(env: &mut Env) -> Outcome {
    let thread = Hostile::new(env)?;
    let page = env.copy(thread.page, Rights::ALL)?;
    map(env, INIT_VSPACE, page, LAST_PAGE, Rights::READ_WRITE)?;
    thread.set(WORDS - 1, SYSCALL_AT_THE_END);
    let notification: Notification = env.make()?;
    let reply: Reply = env.make()?;
    for call in Syscall::ALL.iter().copied().filter(|call| call.is_api() || *call == Syscall::SetTLSBase) {
        syscall::signal(notification.0);
        let second = if call == Syscall::NBSendWait { notification.0 } else { reply.0 };
        let registers = [
            (Register::Rdx, call.word()),
            (Register::Rdi, notification.0.0),
            (Register::R12, second.0),
            (Register::R13, notification.0.0),
        ];
        is_access(&thread.run_at(env, END - 2, 0, &registers)?, END, END)?;
    }
    let fault = thread.run_at(env, END - 2, 0, &[(Register::Rdx, 0)])?;
    same((fault.info.label(), fault.word(unknown_syscall::IP)), (FaultKind::UnknownSyscall.word(), END - 2))?;
    // The reply sends it on behind the call.
    let mut words: [u64; unknown_syscall::LENGTH - 1] = core::array::from_fn(|index| fault.word(index));
    words[unknown_syscall::IP] = END;
    is_access(&thread.reply(env, &words)?, END, END)
}

fn entry_with_any_instruction_pointer_is_a_fault_of_the_thread(env: &mut Env) -> Outcome {
    let thread = Hostile::new(env)?;
    for address in STRANGE {
        is_access(&thread.run_at(env, address, 0, &[])?, address, address)?;
    }
    for address in NOT_CANONICAL {
        // WriteRegisters takes 0 for them, and so does a reply.
        is_page_fault(&thread.run_at(env, address, 0, &[])?, 0, 0, 0b100)?;
        thread.run(env, UD2, 0, &[])?;
        is_page_fault(&thread.reply(env, &[address])?, 0, 0, 0b100)?;
        // `jmp rdi`, `push rdi; ret` and `call rdi` do not get there.
        for bytes in [&[0xff, 0xe7][..], &[0x57, 0xc3], &[0xff, 0xd7]] {
            let fault = thread.run(env, bytes, 0, &[(Register::Rdi, address)])?;
            let found = (fault.info.label(), fault.word(user_exception::NUMBER));
            same((bytes, found), (bytes, (FaultKind::UserException.word(), 13)))?;
        }
    }
    Ok(())
}

fn entry_with_any_stack_pointer_needs_no_stack(env: &mut Env) -> Outcome {
    let thread = Hostile::new(env)?;
    for stack in STRANGE.into_iter().chain(NOT_CANONICAL) {
        let registers = [(Register::Rsp, stack), (Register::Rdx, Syscall::Yield.word())];
        thread.write(&[0x0f, 0x05]);
        let fault = thread.run_at(env, START, 0, &registers)?;
        let found =
            [user_exception::IP, user_exception::SP, user_exception::NUMBER].map(|word| fault.word(word));
        same((fault.info.label(), found), (FaultKind::UserException.word(), [START + 2, stack, 6]))?;
        // `int 200` and `push rax`: what needs the stack faults, as an access to a page or as an exception.
        thread.write(&[0xcd, 200]);
        let fault = thread.run_at(env, START, 0, &registers)?;
        let found = (fault.info.label(), fault.word(unknown_syscall::SP));
        same(found, (FaultKind::UnknownSyscall.word(), stack))?;
        thread.write(&[0x50]);
        let fault = thread.run_at(env, START, 0, &registers)?;
        let is_told = matches!(
            FaultKind::from_word(fault.info.label()),
            Some(FaultKind::VmFault | FaultKind::UserException)
        );
        same((stack, is_told, fault.word(0)), (stack, true, START))?;
    }
    Ok(())
}

fn entry_with_any_segment_base_is_a_fault_of_the_thread(env: &mut Env) -> Outcome {
    let thread = Hostile::new(env)?;
    // mov al, fs:[0]; mov al, gs:[0]
    let reads: [(Register, &[u8]); 2] = [
        (Register::FsBase, &[0x64, 0x8a, 0x04, 0x25, 0, 0, 0, 0]),
        (Register::GsBase, &[0x65, 0x8a, 0x04, 0x25, 0, 0, 0, 0]),
    ];
    for (register, bytes) in reads {
        for address in STRANGE {
            is_access(&thread.run(env, bytes, 0, &[(register, address)])?, START, address)?;
        }
        for address in NOT_CANONICAL {
            is_page_fault(&thread.run(env, bytes, 0, &[(register, address)])?, START, 0, 0b100)?;
        }
    }
    Ok(())
}

fn entry_whose_code_goes_away_faults_when_it_returns(env: &mut Env) -> Outcome {
    let thread = Hostile::new(env)?;
    let (notification, endpoint, reply): (Notification, Endpoint, Reply) =
        (env.make()?, env.make()?, env.make()?);
    for (call, target) in
        [(Syscall::Wait, notification.0), (Syscall::Recv, endpoint.0), (Syscall::Call, endpoint.0)]
    {
        thread.write(&[0x0f, 0x05]);
        let registers = [
            (Register::Rdx, call.word()),
            (Register::Rdi, target.0),
            (Register::Rsi, 1),
            (Register::R12, reply.0.0),
        ];
        thread.go(START, 0, &registers)?;
        env.settle();
        thread.page.unmap()?;
        match call {
            Syscall::Wait => syscall::signal(target),
            Syscall::Recv => Message::new(0, &[]).nb_send(target),
            _ => {
                env.take(endpoint, reply)?;
                Message::new(0, &[]).send(reply.0);
            }
        }
        let fault = thread.next_fault(env)?;
        is_page_fault(&fault, START + 2, START + 2, 0b100)?;
        thread.page.map(INIT_VSPACE, crate::window::ADDRESS, Rights::READ_WRITE, crate::window::CACHED)?;
        // Once it is back the thread goes on, behind the call.
        let fault = thread.reply(env, &[])?;
        same(fault.word(user_exception::IP), START + 2)?;
    }
    Ok(())
}

/// Message of a thread that is longer than the registers.
const LONG: usize = 20;

/// Lets the thread send a long message to an endpoint and receives it.
fn send_long(env: &mut Env, thread: &Hostile) -> Result<syscall::Received, crate::check::Failure> {
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    thread.write(&[0x0f, 0x05]);
    let registers = [
        (Register::Rdx, Syscall::Send.word()),
        (Register::Rdi, endpoint.0.0),
        (Register::Rsi, LONG as u64),
        (Register::R15, 0x33),
    ];
    thread.go(START, 0, &registers)?;
    let message = env.receive(endpoint, reply)?;
    let fault = thread.next_fault(env)?;
    same(fault.word(user_exception::IP), START + 2)?;
    Ok(message)
}

fn entry_whose_buffer_is_unmapped_still_uses_it(env: &mut Env) -> Outcome {
    let thread = Hostile::new(env)?;
    let buffer: SmallPage = env.make()?;
    map(env, INIT_VSPACE, buffer, FAR_ADDRESS, Rights::READ_WRITE)?;
    thread.tcb.set_ipc_buffer(FAR_ADDRESS, buffer)?;
    buffer.unmap()?;
    let message = send_long(env, &thread)?;
    same((message.info.length(), message.word(3)), (LONG, 0x33))
}

fn entry_whose_buffer_is_taken_away_goes_on_with_registers(env: &mut Env) -> Outcome {
    let thread = Hostile::new(env)?;
    let buffer: SmallPage = env.make()?;
    map(env, INIT_VSPACE, buffer, FAR_ADDRESS, Rights::READ_WRITE)?;
    thread.tcb.set_ipc_buffer(FAR_ADDRESS, buffer)?;
    buffer.slot().revoke()?;
    let message = send_long(env, &thread)?;
    same((message.info.length(), message.word(3)), (4, 0x33))
}
