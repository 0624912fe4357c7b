// SPDX-License-Identifier: MIT OR Apache-2.0
//! A thread that runs bytes a test chooses, with any registers and flags, and a witness that nobody else notices.
//!
//! ```text
//! ADDRESS   push rbx; popfq   bytes of the test   ud2 …              … stack | end of the page
//! ```

use crate::check::{Failure, Outcome, same};
use crate::env::{Env, HIGH};
use crate::window::{ADDRESS, Window};
use abi::{Register, Rights};
use userland::object::Flow;
use userland::syscall::{self, Received};
use userland::{Endpoint, Message, Reply, SmallPage, Tcb};

/// The direction flag, bit 10.
pub(crate) const DIRECTION: u64 = 1 << 10;
/// The flag of nested tasks, bit 14.
pub(crate) const NESTED: u64 = 1 << 14;
/// The flag of alignment checks, bit 18.
pub(crate) const ALIGNMENT: u64 = 1 << 18;
/// The flag of single steps, bit 8.
pub(crate) const TRAP: u64 = 1 << 8;
/// The interrupt flag and the bit that is always set.
pub(crate) const PLAIN: u64 = abi::INITIAL_FLAGS;

/// `push rbx; popfq`.
const PREFIX: &[u8] = &[0x53, 0x9d];
/// `ud2`.
pub(crate) const UD2: &[u8] = &[0x0f, 0x0b];
/// Bytes of the page that hold code.
const CODE: usize = 2048;
/// Where the bytes of a test begin.
pub(crate) const START: u64 = ADDRESS + PREFIX.len() as u64;
/// The stack pointer.
pub(crate) const STACK: u64 = ADDRESS + 4096 - 128;
/// What the witness adds.
const SUM: u64 = 0x1234_5678_9abc_def1;

/// The thread, and who hears of its faults.
pub(crate) struct Hostile {
    pub(crate) tcb: Tcb,
    pub(crate) page: SmallPage,
    endpoint: Endpoint,
    reply: Reply,
    witness: Endpoint,
    window: Window,
}

impl Hostile {
    pub(crate) fn new(env: &mut Env) -> Result<Self, Failure> {
        let page: SmallPage = env.make()?;
        let window = Window::map(env, page, Rights::READ_WRITE)?;
        let (endpoint, reply, witness, answers) =
            (env.make::<Endpoint>()?, env.make()?, env.make::<Endpoint>()?, env.make::<Reply>()?);
        let tcb = env.spawn_at(crate::code::undefined(), 0, Some(endpoint))?;
        env.receive(endpoint, reply)?;
        env.spawn(HIGH, move || {
            let mut request = syscall::recv(witness.0, answers.0);
            loop {
                let answer = [request.word(0).wrapping_add(SUM)];
                request = Message::new(0, &answer).reply_recv(witness.0, answers.0);
            }
        })?;
        env.settle();
        Ok(Self { tcb, page, endpoint, reply, witness, window })
    }

    /// Puts bytes into the code of the page, and faults behind them.
    pub(crate) fn write(&self, bytes: &[u8]) {
        let mut page = [0; CODE];
        page.chunks_exact_mut(2).for_each(|place| place.copy_from_slice(UD2));
        let code = PREFIX.iter().chain(bytes).chain(UD2);
        page.iter_mut().zip(code).for_each(|(place, &byte)| *place = byte);
        for (index, word) in page.as_chunks::<8>().0.iter().enumerate() {
            self.window.set(index, u64::from_le_bytes(*word));
        }
    }

    /// Runs bytes with these flags and registers until they fault, and sees that nobody else noticed.
    pub(crate) fn run(
        &self,
        env: &Env,
        bytes: &[u8],
        flags: u64,
        registers: &[(Register, u64)],
    ) -> Result<Received, Failure> {
        self.write(bytes);
        self.run_at(env, ADDRESS, flags, registers)
    }

    /// The same with what is there already, from `address` on.
    pub(crate) fn run_at(
        &self,
        env: &Env,
        address: u64,
        flags: u64,
        registers: &[(Register, u64)],
    ) -> Result<Received, Failure> {
        self.go(address, flags, registers)?;
        let fault = env.receive(self.endpoint, self.reply);
        self.ask_witness(0x55)?;
        fault
    }

    /// Sets the registers and lets the thread go on; RBX gets the flags.
    pub(crate) fn go(&self, address: u64, flags: u64, registers: &[(Register, u64)]) -> Outcome {
        let mut all = [0; Register::COUNT];
        all[Register::Rip.index()] = address;
        all[Register::Rsp.index()] = STACK;
        all[Register::Rflags.index()] = PLAIN;
        all[Register::Rbx.index()] = flags | PLAIN;
        for &(register, value) in registers {
            all[register.index()] = value;
        }
        self.tcb.write_registers(Flow::Change, &all)?;
        Ok(())
    }

    /// Writes a word of the page.
    pub(crate) fn set(&self, index: usize, word: u64) {
        self.window.set(index, word);
    }

    /// The fault of a thread that goes on by itself.
    pub(crate) fn next_fault(&self, env: &Env) -> Result<Received, Failure> {
        env.receive(self.endpoint, self.reply)
    }

    /// Replies to the last fault and waits for the next.
    pub(crate) fn reply(&self, env: &Env, words: &[u64]) -> Result<Received, Failure> {
        Message::new(0, words).send(self.reply.0);
        env.receive(self.endpoint, self.reply)
    }

    /// The registers of the thread.
    pub(crate) fn registers(&self) -> Result<[u64; Register::COUNT], userland::Error> {
        let mut registers = [0; Register::COUNT];
        self.tcb.read_registers(Flow::Keep, &mut registers)?;
        Ok(registers)
    }

    pub(crate) fn register(&self, register: Register) -> Result<u64, userland::Error> {
        Ok(self.registers()?[register.index()])
    }

    /// Another thread does what it always does.
    #[track_caller]
    fn ask_witness(&self, word: u64) -> Outcome {
        let answer = Message::new(0, &[word]).call(self.witness.0);
        same(answer.word(0), word.wrapping_add(SUM))
    }
}
