// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading, writing and copying the registers of a thread.
//!
//! The base registers of the current thread are live in the processor; those of every other thread are in its
//! context.

use abi::Register;
use abi::flags::{
    COPY_FRAME, COPY_INTEGER, COPY_RESUME_TARGET, COPY_SUSPEND_SOURCE, READ_SUSPEND_SOURCE,
    WRITE_RESUME_TARGET,
};
use arch::{BaseRegisters, Machine};

use super::{Invocation, Tcb};
use crate::Kernel;
use crate::args::{Args, WordSource};
use crate::cap::Cap;
use crate::error::SyscallError;
use crate::memory::objects::ObjRef;

/// Words of WriteRegisters before the values.
const WRITE_HEADER: usize = 2;

impl<M: Machine> Kernel<M> {
    pub(super) fn decode_read_registers(
        &self,
        source: ObjRef<Tcb>,
        args: &Args<'_>,
    ) -> Result<Invocation, SyscallError> {
        args.require(2, 0)?;
        let mut words = args.words();
        let suspend = words.take() & READ_SUSPEND_SOURCE != 0;
        let count = words.take();
        let max = Register::COUNT as u64;
        if !(1..=max).contains(&count) {
            return Err(SyscallError::RangeError { min: 1, max });
        }
        self.check_not_current(source)?;
        Ok(Invocation::ReadRegisters { source, suspend, count: count as usize })
    }

    pub(super) fn decode_write_registers(
        &self,
        target: ObjRef<Tcb>,
        args: &Args<'_>,
    ) -> Result<Invocation, SyscallError> {
        args.require(WRITE_HEADER, 0)?;
        let mut words = args.words();
        let resume = words.take() & WRITE_RESUME_TARGET != 0;
        let count = words.take();
        if count > (args.length() - WRITE_HEADER) as u64 {
            return Err(SyscallError::TruncatedMessage);
        }
        self.check_not_current(target)?;
        let count = (count as usize).min(Register::COUNT);
        Ok(Invocation::WriteRegisters { target, resume, count, values: args.source() })
    }

    fn check_not_current(&self, tcb: ObjRef<Tcb>) -> Result<(), SyscallError> {
        if tcb == self.current() { Err(SyscallError::IllegalOperation) } else { Ok(()) }
    }

    pub(super) fn decode_copy_registers(
        &self,
        target: ObjRef<Tcb>,
        args: &Args<'_>,
    ) -> Result<Invocation, SyscallError> {
        args.require(1, 1)?;
        let Cap::Thread(source) = self.objs[args.cap(0)?].cap.unpack() else {
            return Err(SyscallError::InvalidCapability(1));
        };
        Ok(Invocation::CopyRegisters { source, target, flags: args.word(0) })
    }

    /// Writes the first registers of a thread that is not the current one; it resumes at the address written.
    pub(super) fn write_registers(&mut self, target: ObjRef<Tcb>, count: usize, values: WordSource) {
        for (index, &register) in Register::ALL.iter().take(count).enumerate() {
            let value = values.word(&self.objs, WRITE_HEADER + index);
            self.objs[target].context.set(register, value);
        }
    }

    pub(super) fn copy_registers(&mut self, source: ObjRef<Tcb>, target: ObjRef<Tcb>, flags: u64) {
        if flags & COPY_SUSPEND_SOURCE != 0 {
            self.suspend(source);
        }
        if flags & COPY_RESUME_TARGET != 0 {
            self.resume_thread(target);
        }
        if flags & COPY_FRAME != 0 {
            self.copy_each(source, target, &Register::ALL[..Register::FRAME_COUNT]);
        }
        if flags & COPY_INTEGER != 0 {
            self.copy_each(source, target, &Register::ALL[Register::FRAME_COUNT..Register::FIRST_BASE]);
            let bases = self.bases_of(source);
            self.set_bases_of(target, bases);
        }
    }

    fn copy_each(&mut self, source: ObjRef<Tcb>, target: ObjRef<Tcb>, registers: &[Register]) {
        let from = self.objs[source].context;
        let to = &mut self.objs[target].context;
        for &register in registers {
            to.set(register, from.get(register));
        }
    }

    pub(super) fn set_tls_base(&mut self, tcb: ObjRef<Tcb>, base: u64) {
        let bases = self.bases_of(tcb).with_tls(Register::TLS.sanitise(base));
        self.set_bases_of(tcb, bases);
    }

    fn bases_of(&self, tcb: ObjRef<Tcb>) -> BaseRegisters {
        if tcb == self.current() {
            return self.machine.base_registers();
        }
        self.objs[tcb].context.bases()
    }

    fn set_bases_of(&mut self, tcb: ObjRef<Tcb>, bases: BaseRegisters) {
        self.objs[tcb].context.set_bases(bases);
        if tcb == self.current() {
            self.machine.load_base_registers(bases);
        }
    }
}

#[cfg(test)]
mod tests;
