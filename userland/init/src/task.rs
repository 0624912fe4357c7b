// SPDX-License-Identifier: MIT OR Apache-2.0
//! One program: its objects, made once, and its memory, brought back to what it was at first for every start.

use alloc::vec::Vec;

use abi::flags::TCB_FPU_DISABLED;
use abi::start::{self, BUFFER, INFO, SERVICE_SLOT, STACK_END};
use abi::{GuardData, INITIAL_FLAGS, Register, sizes};
use skerry_system::launch::{Image, Launch, Page};
use skerry_system::{Description, Program};
use userland::object::{Flow, SchedParameters, SchedParams, Space};
use userland::{AllocError, Endpoint, INIT_TCB, IrqHandler, RootTask, SchedContext, SmallPage, Tcb, VSpace};

use crate::Why;
use crate::grants::{Giver, ProgramSlots, Told, name};
use crate::memory::{self, PAGE, Scratch};
use crate::policy::State;
use crate::serve::Endpoints;
use crate::supplies::Supplies;
use crate::timeouts::Timeouts;

/// A program of this instance.
pub(crate) struct Task {
    pub(crate) program: &'static Program,
    pub(crate) state: State,
    /// Its position in the description.
    pub(crate) index: usize,
    /// How often it was started.
    pub(crate) starts: u32,
    pub(crate) tcb: Tcb,
    instance: &'static str,
    image: &'static Image<'static>,
    vspace: VSpace,
    slots: ProgramSlots,
    context: SchedContext,
    faults: Endpoint,
    /// Where the kernel sends its timeouts.
    timeouts: Option<Endpoint>,
    /// What it handles timeouts of other programs with.
    pub(crate) handles: Option<Timeouts>,
    handlers: Vec<IrqHandler>,
    told: Told,
    memory: Memory,
    scratch: Scratch,
}

/// Frames of a program, each with its address.
struct Memory {
    image: Vec<(Page, SmallPage)>,
    stack: Vec<SmallPage>,
    info: Vec<SmallPage>,
    buffer: SmallPage,
}

impl Memory {
    fn new(
        root: &mut RootTask,
        image: &Image<'_>,
        (description, index): (&Description, usize),
    ) -> Result<Self, AllocError> {
        let pages = image.pages();
        let frames = memory::frames(root, pages.len() as u64)?;
        Ok(Self {
            image: pages.into_iter().zip(frames).collect(),
            stack: memory::frames(root, description.programs[index].stack_bytes() / PAGE)?,
            info: memory::frames(root, description.info_bytes(index).div_ceil(PAGE))?,
            buffer: root.make()?,
        })
    }

    fn map(&self, root: &mut RootTask, vspace: VSpace) -> Result<(), AllocError> {
        for (page, frame) in &self.image {
            memory::map_image(root, vspace, page, *frame)?;
        }
        let stack = STACK_END - self.stack.len() as u64 * PAGE;
        for (address, frame) in (stack..).step_by(PAGE as usize).zip(&self.stack) {
            memory::map(root, vspace, (address, *frame), true)?;
        }
        for (address, frame) in (INFO..).step_by(PAGE as usize).zip(&self.info) {
            memory::map(root, vspace, (address, *frame), false)?;
        }
        memory::map(root, vspace, (BUFFER, self.buffer), true)
    }

    /// Brings everything back to what it is at first.
    fn reset(
        &self,
        root: &mut RootTask,
        scratch: Scratch,
        image: &Image<'_>,
        info: &[u8],
    ) -> Result<(), AllocError> {
        for (page, frame) in &self.image {
            memory::overwrite(root, scratch, *frame, |memory| {
                image.fill(page.address, |offset, bytes| {
                    memory[offset..offset + bytes.len()].copy_from_slice(bytes);
                });
            })?;
        }
        for frame in self.stack.iter().chain([&self.buffer]) {
            memory::overwrite(root, scratch, *frame, |_| ())?;
        }
        for (part, frame) in info.chunks(PAGE as usize).zip(&self.info) {
            memory::overwrite(root, scratch, *frame, |memory| memory[..part.len()].copy_from_slice(part))?;
        }
        Ok(())
    }
}

impl Task {
    /// Makes everything that a program needs; it does not run yet.
    pub(crate) fn new(
        root: &mut RootTask,
        supplies: &mut Supplies,
        launch: &'static Launch<'static>,
        index: usize,
        endpoints: Endpoints,
    ) -> Result<Self, Why> {
        let program = &launch.description.programs[index];
        let image = launch.image(program).ok_or(Why::NotHere { what: "image", name: &program.image })?;
        let (vspace, tcb): (VSpace, Tcb) = (root.make_vspace()?, root.make()?);
        let slots = ProgramSlots::new(root, launch, program)?;
        let context =
            root.make_sched_context(SchedParameters::periodic(program.budget_us, program.period_us))?;
        let memory = Memory::new(root, image, (&launch.description, index))?;
        memory.map(root, vspace)?;
        let scratch = Scratch(root.slots.take()?);
        // The program gets no capability for its thread, with which it could undo its description, and no debug calls, with
        // which it could write what init has not seen, or end the instance.
        tcb.forbid_debug()?;
        endpoints.give_service(slots.slot(SERVICE_SLOT))?;
        let giver = Giver::new(root, supplies, (launch, index), (vspace, slots), scratch)?;
        let (told, handlers) = giver.give()?;
        let instance = launch.description.instances[launch.instance].name.as_str();
        let handles = supplies.timeouts(index);
        if let (Some(_), Some(events)) = (handles, supplies.events(index)) {
            // So that it can wait for both.
            tcb.bind_notification(events)?;
        }
        let timeouts = endpoints.timeouts(root, supplies, program)?;
        let (state, starts, faults) = (State::Stopped, 0, endpoints.faults);
        #[rustfmt::skip]
        let task = Self {
            program, state, index, starts, tcb, instance, image, vspace, slots, context, faults, timeouts, handles,
            handlers, told, memory, scratch,
        };
        Ok(task)
    }

    /// Starts the program from its beginning, for the first time or again.
    pub(crate) fn start(&mut self, root: &mut RootTask) -> Result<(), AllocError> {
        self.starts += 1;
        let info = self.told.encode(self.head(root), &self.program.arguments);
        self.memory.reset(root, self.scratch, self.image, &info)?;
        self.configure()?;
        // Lines and interrupts may come again. Those that came before the program, for the first time or between two
        // lives, wait for it in its notification (NOT-LOST).
        for handler in &self.handlers {
            handler.ack()?;
        }
        self.state = State::Running;
        self.tcb.write_registers(Flow::Change, &self.registers())?;
        Ok(())
    }

    /// Everything that init may have changed about the thread since its last start.
    fn configure(&self) -> Result<(), AllocError> {
        let (tcb, program) = (self.tcb, self.program);
        let guard = GuardData::new(0, sizes::WORD_BITS - self.slots.bits);
        let space = Space { cspace: self.slots.cnode, guard, vspace: self.vspace };
        tcb.configure(space, Some((BUFFER, self.memory.buffer)))?;
        let params = SchedParams {
            mcp: program.mcp.into(),
            priority: program.priority.into(),
            context: Some(self.context),
            fault_handler: Some(self.faults),
        };
        tcb.set_sched_params(INIT_TCB, params)?;
        tcb.set_timeout_endpoint(self.timeouts)?;
        let (clear, set) = if program.fpu { (TCB_FPU_DISABLED, 0) } else { (0, TCB_FPU_DISABLED) };
        tcb.set_flags(clear, set)?;
        Ok(())
    }

    /// Gives the program the priority that it asks for, if its description allows that; the highest that it allows if not.
    pub(crate) fn set_priority(&self, priority: u64) -> Result<(), u64> {
        let highest = u64::from(self.program.mcp);
        if priority > highest {
            return Err(highest);
        }
        // Refused only for what is no thread, or no priority.
        self.tcb.set_priority(INIT_TCB, priority).map_err(|_| highest)
    }

    /// Sends its timeouts to init from now on.
    pub(crate) fn lose_handler(&mut self) {
        self.timeouts = Some(self.faults);
        // Refused only for what is no thread.
        let _ = self.tcb.set_timeout_endpoint(self.timeouts);
    }

    fn head(&self, root: &RootTask) -> start::Head {
        start::Head {
            name: name(&self.program.name),
            instance: name(self.instance),
            starts: self.starts,
            tsc_mhz: root.boot.tsc_mhz().unwrap_or(0),
            budget_us: self.program.budget_us,
            period_us: self.program.period_us,
            ..start::Head::EMPTY
        }
    }

    fn registers(&self) -> [u64; Register::COUNT] {
        let mut registers = [0; Register::COUNT];
        registers[Register::IP.index()] = self.image.entry;
        registers[Register::STACK.index()] = STACK_END;
        registers[Register::FLAGS.index()] = INITIAL_FLAGS;
        registers[Register::ARGUMENT.index()] = INFO;
        registers[Register::TLS.index()] = INFO;
        registers
    }
}
