// SPDX-License-Identifier: MIT OR Apache-2.0
//! A thread that executes one instruction it must not, and whose fault is then looked at.

use abi::FaultKind;
use abi::fault::vm_fault;
use userland::object::SchedParameters;
use userland::{Endpoint, Options, RootTask, Stack, Thread, syscall};

use crate::Failure;
use crate::code::Code;
use crate::machine;

/// Lower than the root task's, which waits for the fault.
const PRIORITY: u64 = 100;
const TIME: SchedParameters = SchedParameters::round_robin(1000);

/// How a thread was stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// A page fault at this address.
    Page(u64),
    /// The exception with this number.
    Exception(u64),
    /// The instruction behind what was tried does not exist; the thread had these flags there.
    #[cfg_attr(target_arch = "x86_64", allow(dead_code))] // told by the exception's number there
    AtTheEnd { flags: u64 },
    /// Another fault, by its number.
    Other(u64),
}

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
            Some(FaultKind::UserException) => machine::exception(&fault, code),
            _ => Fault::Other(fault.info.label()),
        })
    }
}
