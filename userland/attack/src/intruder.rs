// SPDX-License-Identifier: MIT OR Apache-2.0
//! A thread that executes one instruction it must not, and whose fault is then looked at.
#![allow(unsafe_code)] // instructions that no Rust code stands for

use core::arch::naked_asm;

use abi::FaultKind;
use abi::fault::{user_exception, vm_fault};
use userland::object::SchedParameters;
use userland::{Endpoint, Options, RootTask, Stack, Thread, syscall};

use crate::Failure;

/// Lower than the root task's, which waits for the fault.
const PRIORITY: u64 = 100;
const TIME: SchedParameters = SchedParameters::round_robin(1000);

/// How a thread was stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// A page fault at this address.
    Page(u64),
    /// The exception with this vector.
    Exception(u64),
    /// Another fault, by its number.
    Other(u64),
}

/// What a privileged instruction gets.
pub(crate) const PROTECTION: Fault = Fault::Exception(13);

/// Code to be tried; gets its argument in RDI. An instruction that is let through ends in an invalid opcode.
pub(crate) type Code = extern "C" fn() -> !;

macro_rules! codes {
    ($($(#[$meta:meta])* $name:ident = $($line:literal),+;)+) => {
        $(
            $(#[$meta])*
            #[unsafe(naked)]
            pub(crate) extern "C" fn $name() -> ! {
                naked_asm!($($line,)+ "ud2")
            }
        )+
    };
}

codes! {
    /// Reads the word at RDI.
    load = "mov rax, [rdi]";
    /// Writes the word at RDI.
    store = "mov [rdi], rdi";
    /// Calls the code at RDI.
    jump = "jmp rdi";
    /// Writes to port DI.
    output = "mov edx, edi", "out dx, al";
    /// Reads from port DI.
    input = "mov edx, edi", "in al, dx";
    /// Writes to the model-specific register EDI.
    write_register = "mov ecx, edi", "xor eax, eax", "xor edx, edx", "wrmsr";
    /// Reads the model-specific register EDI.
    read_register = "mov ecx, edi", "rdmsr";
    /// Loads a top-level table.
    load_tables = "mov cr3, rdi";
    /// Turns interrupts off.
    interrupts_off = "cli";
    /// Stops the core.
    halt = "hlt";
    /// Loads an interrupt table.
    load_gates = "lidt [rsp - 16]";
    /// Loads a debug register.
    load_debug = "mov dr7, rdi";
    /// Enters the NMI gate.
    interrupt_nmi = "int 2";
    /// Enters the double-fault gate.
    interrupt_double_fault = "int 8";
    /// Enters the machine-check gate.
    interrupt_machine_check = "int 18";
    /// Enters the doorbell's gate.
    interrupt_doorbell = "int 156";
    /// Enters the timer's gate.
    interrupt_timer = "int 157";
}

const _: () = assert!(abi::vector::DOORBELL == 156 && abi::vector::TIMER == 157);

static STACK: Stack<4096> = Stack::new();

/// The thread, and where its faults arrive.
#[derive(Debug)]
pub(crate) struct Intruder {
    thread: Thread,
    faults: Endpoint,
}

impl Intruder {
    /// Makes the thread.
    pub(crate) fn new(task: &mut RootTask) -> Result<Self, Failure> {
        let faults: Endpoint = task.make()?;
        let context = task.make_sched_context(TIME)?;
        let options = Options { fault_handler: Some(faults), ..Options::new(PRIORITY, Some(context)) };
        let tcb = task.make()?;
        let thread = Thread::prepare(&task.boot, tcb, &STACK, options)?;
        Ok(Self { thread, faults })
    }

    /// The thread itself, for attempts on thread objects.
    pub(crate) fn thread(&self) -> userland::Tcb {
        self.thread.tcb
    }

    /// Runs `code` until it faults.
    pub(crate) fn try_code(&self, code: Code, argument: u64) -> Result<Fault, Failure> {
        self.thread.start_at(code as *const () as u64, argument)?;
        let fault = syscall::wait(self.faults.0);
        Ok(match FaultKind::from_word(fault.info.label()) {
            Some(FaultKind::VmFault) => Fault::Page(fault.word(vm_fault::ADDRESS)),
            Some(FaultKind::UserException) => Fault::Exception(fault.word(user_exception::NUMBER)),
            _ => Fault::Other(fault.info.label()),
        })
    }
}
