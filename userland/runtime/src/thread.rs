// SPDX-License-Identifier: MIT OR Apache-2.0
//! More threads.
//!
//! A [`Stack`] is a static of the program: it holds the thread's stack, what the thread knows about itself, and its IPC
//! buffer, whose frame is one of the image's. So a thread needs no mapping of its own, and a thread in another
//! address space finds everything at the same addresses once the image is mapped there (`RootTask::share_image`).
//!
//! ```text
//! Stack  | stack, grows down <- | closure | Local | IPC buffer |
//! ```
#![allow(unsafe_code)] // first instructions and memory of a thread

use crate::allocate::AllocError;
use crate::bootinfo::Boot;
use crate::capability::{
    Capability, Endpoint, INIT_CNODE, INIT_TCB, INIT_VSPACE, SchedContext, SmallPage, Tcb, VSpace,
};
use crate::error::Error;
use crate::ipc_buffer::{Local, current_thread};
use crate::machine;
use crate::object::{Flow, SchedParameters, SchedParams, Space};
use crate::root_task::RootTask;
use abi::{GuardData, INITIAL_FLAGS, Register, Rights, VmAttributes, WORD_BYTES, Word, ipc_buffer, sizes};
use core::cell::UnsafeCell;
use core::mem::{MaybeUninit, align_of, size_of};
use core::sync::atomic::{AtomicBool, Ordering};

/// Memory of one thread with a stack of `N` bytes. Put it in a static.
#[derive(Debug)]
#[repr(C, align(1024))]
pub struct Stack<const N: usize> {
    buffer: UnsafeCell<[Word; ipc_buffer::SIZE / WORD_BYTES]>,
    stack: UnsafeCell<MaybeUninit<[u8; N]>>,
    local: UnsafeCell<MaybeUninit<Local>>,
    is_taken: AtomicBool,
}

// SAFETY: the cells are used only through `Memory`, which `Stack::take` gives out once at a time.
unsafe impl<const N: usize> Sync for Stack<N> {}

impl<const N: usize> Stack<N> {
    /// Memory that no thread uses.
    pub const fn new() -> Self {
        Self {
            buffer: UnsafeCell::new([0; ipc_buffer::SIZE / WORD_BYTES]),
            stack: UnsafeCell::new(MaybeUninit::uninit()),
            local: UnsafeCell::new(MaybeUninit::uninit()),
            is_taken: AtomicBool::new(false),
        }
    }

    /// Takes the memory for a thread; nothing if a thread has it.
    fn take(&'static self) -> Option<Memory> {
        (!self.is_taken.swap(true, Ordering::Acquire)).then(|| Memory {
            buffer: self.buffer.get() as u64,
            stack_top: self.stack.get() as u64 + N as u64,
            local: self.local.get().cast(),
            is_taken: &self.is_taken,
        })
    }
}

impl<const N: usize> Default for Stack<N> {
    fn default() -> Self {
        Self::new()
    }
}

/// Memory that belongs to one thread.
#[derive(Debug)]
struct Memory {
    buffer: u64,
    stack_top: u64,
    local: *mut Local,
    is_taken: &'static AtomicBool,
}

/// How a thread is to run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Its priority, and the highest it can give.
    pub priority: u64,
    /// The time it runs on; a thread without runs on the time of its callers.
    pub context: Option<SchedContext>,
    /// Where its faults go.
    pub fault_handler: Option<Endpoint>,
    /// The address space it runs in, which must hold the image.
    pub vspace: VSpace,
}

impl Options {
    /// In the root task's address space, at this priority, on this time, without fault handler.
    pub const fn new(priority: u64, context: Option<SchedContext>) -> Self {
        Self { priority, context, fault_handler: None, vspace: INIT_VSPACE }
    }
}

/// A thread of this program.
#[derive(Debug)]
pub struct Thread {
    /// Its capability.
    pub tcb: Tcb,
    memory: Memory,
}

impl Thread {
    /// Prepares `tcb`, which is new, to run in `stack`. [`Thread::start`] makes it run.
    ///
    /// # Panics
    ///
    /// When another thread has the stack, or it is no static of the program.
    pub fn prepare<const N: usize>(
        boot: &Boot,
        tcb: Tcb,
        stack: &'static Stack<N>,
        options: Options,
    ) -> Result<Self, Error> {
        let memory = stack.take().expect("a stack belongs to one thread at a time");
        let frame = boot.image_frame(memory.buffer).expect("a stack is a static of the image");
        let space = Space { cspace: INIT_CNODE, guard: GuardData(0), vspace: options.vspace };
        tcb.configure(space, Some((memory.buffer, frame)))?;
        let Options { priority, context, fault_handler, .. } = options;
        tcb.set_sched_params(INIT_TCB, SchedParams { mcp: priority, priority, context, fault_handler })?;
        // SAFETY: the memory is this thread's, which does not run yet.
        unsafe { memory.local.write(Local::new(memory.buffer, tcb)) };
        Ok(Self { tcb, memory })
    }

    /// Runs `work` in the thread, which stops when `work` returns.
    pub fn start<F: FnOnce() + Send + 'static>(&self, work: F) -> Result<(), Error> {
        let place = (self.memory.stack_top - size_of::<F>() as u64) & !(align_of::<F>().max(16) as u64 - 1);
        // SAFETY: the top of the stack is this thread's, is large enough for a closure, and nothing runs on it yet.
        unsafe { (place as *mut F).write(work) };
        let stack = machine::stack_at_entry(place);
        self.tcb.write_registers(Flow::Change, &self.registers(run::<F> as *const () as u64, stack, place))
    }

    /// Runs code that may be anything: nothing is expected of it, and nothing is put on its stack.
    pub fn start_at(&self, instruction: u64, argument: u64) -> Result<(), Error> {
        let stack = machine::stack_at_entry(self.memory.stack_top & !0xf);
        self.tcb.write_registers(Flow::Change, &self.registers(instruction, stack, argument))
    }

    /// The registers a thread starts with.
    fn registers(&self, instruction: u64, stack: u64, argument: u64) -> [u64; Register::COUNT] {
        let mut registers = [0; Register::COUNT];
        registers[Register::IP.index()] = instruction;
        registers[Register::STACK.index()] = stack;
        registers[Register::FLAGS.index()] = INITIAL_FLAGS;
        registers[Register::ARGUMENT.index()] = argument;
        registers[Register::TLS.index()] = self.memory.local as u64;
        registers
    }

    /// The address of the thread's IPC buffer.
    pub fn buffer_address(&self) -> u64 {
        self.memory.buffer
    }

    /// Gives the stack back.
    ///
    /// # Safety
    ///
    /// The thread never runs again: it was deleted, or is inactive for good.
    pub unsafe fn release(self) {
        self.memory.is_taken.store(false, Ordering::Release);
    }
}

/// The first function of a thread, with the address of its closure.
extern "C" fn run<F: FnOnce()>(place: u64) -> ! {
    // SAFETY: `Thread::start` put the closure there for this thread, which takes it once.
    let work = unsafe { (place as *const F).read() };
    work();
    loop {
        // The kernel refuses only what is no thread; there is nothing else to do then.
        let _ = current_thread().suspend();
    }
}

impl RootTask {
    /// A new thread that runs `work` in this program, at `priority`, on time of its own.
    pub fn spawn<const N: usize, F: FnOnce() + Send + 'static>(
        &mut self,
        stack: &'static Stack<N>,
        priority: u64,
        time: SchedParameters,
        work: F,
    ) -> Result<Thread, AllocError> {
        let context = self.make_sched_context(time)?;
        let tcb = self.make()?;
        let thread = Thread::prepare(&self.boot, tcb, stack, Options::new(priority, Some(context)))?;
        thread.start(work)?;
        Ok(thread)
    }

    /// Maps the image in another address space, page for page at the same addresses, from copies of its frames.
    pub fn share_image(&mut self, vspace: VSpace) -> Result<(), AllocError> {
        let frames = self.boot.info().user_image_frames;
        for (page, frame) in frames.slots().enumerate() {
            let slot = self.slots.take()?;
            slot.slot().copy_from(SmallPage(crate::capability::CPtr(frame)).slot(), Rights::ALL)?;
            let address = crate::bootinfo::IMAGE_START + ((page as u64) << sizes::SMALL_PAGE_BITS);
            self.map(vspace, SmallPage(slot), address, Rights::READ_WRITE, VmAttributes::WRITE_BACK)?;
        }
        Ok(())
    }
}
