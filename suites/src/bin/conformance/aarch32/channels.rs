// SPDX-License-Identifier: MIT OR Apache-2.0
//! Registers that a program could write, besides those of general use, and whether another program can read it there.
//!
//! The Arm ARM (ARMv7-A) lets unprivileged code write these, where the processor has them and the kernel lets it. Each is
//! in the table of docs/isolation.md: of a thread, so that another one does not find what was written, or closed.
#![allow(unsafe_code)] // instructions chosen by the byte

use crate::check::{Outcome, same, tests};
use crate::code::{Code, pieces};
use crate::env::Env;
use crate::machine::UNDEFINED;
use crate::tests::fault::{Faulter, is_exception};
use abi::Register;
use userland::Endpoint;
use userland::object::Flow;

tests!(channel_registers_of_a_thread_are_not_seen_by_another, channel_registers_of_no_thread_are_closed,);

/// What a thread of the test writes.
const VALUE: u64 = 0x5a5a_5a5a;

/// A register that belongs to a thread.
struct OfThread {
    /// Its name in docs/isolation.md.
    name: &'static str,
    /// Writes R0 there, lets others run, and has in R2 what is there then, zero in a new thread.
    write: fn() -> Code,
    /// Has in R2 what is there.
    read: fn() -> Code,
    /// The bits of R0 that the register keeps.
    kept: u64,
}

/// Registers that belong to a thread. D0 to D31 and FPSCR are in fpu.rs.
const OF_THREAD: &[OfThread] = &[
    OfThread { name: "TPIDRURW", write: keep_tpidrurw, read: look_tpidrurw, kept: 0xffff_ffff },
    OfThread { name: "CPSR: N, Z, C, V, Q, GE", write: keep_flags, read: look_flags, kept: 0xf80f_0000 },
    OfThread { name: "CPSR: E", write: keep_order, read: look_order, kept: 1 << 9 },
];

/// The names of those that other tests try (fpu.rs), and of these.
#[cfg(test)]
pub(crate) const SWITCHED: &[&str] =
    &[OF_THREAD[0].name, OF_THREAD[1].name, OF_THREAD[2].name, "D0 to D31, FPSCR", "exclusive monitor"];

/// Registers that are open: a program can read there what another one did.
#[cfg(test)]
pub(crate) const OPEN: &[&str] = &["event register"];

/// A register by its name, and code that tries to use it.
type Attempt = (&'static str, fn() -> Code);

/// Registers that no thread can write or read.
pub(crate) const CLOSED: &[Attempt] = &[
    ("TEEHBR", write_teehbr),
    ("TEEHBR", read_teehbr),
    ("TEECR", write_teecr),
    ("JOSCR", write_joscr),
    ("JOSCR", read_joscr),
    ("JMCR", write_jmcr),
    ("JMCR", read_jmcr),
    ("DBGDTRTXint", write_dbgdtrtxint),
    ("DBGDTRTXint", read_dbgdtrtxint),
    ("PMCR", write_pmcr),
    ("PMCR", read_pmcr),
    ("PMCNTENSET", write_pmcntenset),
    ("PMCNTENSET", read_pmcntenset),
    ("PMCNTENCLR", write_pmcntenclr),
    ("PMCNTENCLR", read_pmcntenclr),
    ("PMOVSR", write_pmovsr),
    ("PMOVSR", read_pmovsr),
    ("PMSWINC", write_pmswinc),
    ("PMSELR", write_pmselr),
    ("PMSELR", read_pmselr),
    ("PMCCNTR", write_pmccntr),
    ("PMCCNTR", read_pmccntr),
    ("PMXEVTYPER", write_pmxevtyper),
    ("PMXEVTYPER", read_pmxevtyper),
    ("PMXEVCNTR", write_pmxevcntr),
    ("PMXEVCNTR", read_pmxevcntr),
    ("PMUSERENR", write_pmuserenr),
    ("PMOVSSET", write_pmovsset),
    ("PMOVSSET", read_pmovsset),
    ("CNTFRQ", write_cntfrq),
    ("CNTP_TVAL", write_cntp_tval),
    ("CNTP_TVAL", read_cntp_tval),
    ("CNTP_CTL", write_cntp_ctl),
    ("CNTP_CTL", read_cntp_ctl),
    ("CNTV_TVAL", write_cntv_tval),
    ("CNTV_TVAL", read_cntv_tval),
    ("CNTV_CTL", write_cntv_ctl),
    ("CNTV_CTL", read_cntv_ctl),
    ("TPIDRURO", write_tpidruro),
    ("TPIDRPRW", write_tpidrprw),
    ("TPIDRPRW", read_tpidrprw),
    ("CNTP_CVAL", write_cntp_cval),
    ("CNTP_CVAL", read_cntp_cval),
    ("CNTV_CVAL", write_cntv_cval),
    ("CNTV_CVAL", read_cntv_cval),
];

fn channel_registers_of_a_thread_are_not_seen_by_another(env: &mut Env) -> Outcome {
    for register in OF_THREAD {
        let endpoint: Endpoint = env.make()?;
        let writer = env.spawn_at((register.write)(), VALUE, Some(endpoint))?;
        let reader = env.spawn_at((register.read)(), 0, Some(endpoint))?;
        env.settle();
        let mut found = [0; 2];
        for (found, tcb) in found.iter_mut().zip([writer, reader]) {
            let mut registers = [0; Register::COUNT];
            tcb.read_registers(Flow::Keep, &mut registers)?;
            *found = registers[Register::R2.index()] & register.kept;
        }
        same((register.name, found), (register.name, [VALUE & register.kept, 0]))?;
    }
    Ok(())
}

fn channel_registers_of_no_thread_are_closed(env: &mut Env) -> Outcome {
    let (faulter, _) = Faulter::run(env, crate::code::undefined(), 0)?;
    for (_, code) in CLOSED {
        let address = code().address();
        let fault = faulter.reply(env, 0, &[address])?;
        is_exception(&fault, address, UNDEFINED, 0)?;
    }
    Ok(())
}

pieces! {
    /// Keeps R0 in TPIDRURW.
    keep_tpidrurw: "mcr p15, 0, r0, c13, c0, 2", "mvn r7, #10", "svc #0", "mrc p15, 0, r2, c13, c0, 2", "udf #0";
    /// Reads TPIDRURW.
    look_tpidrurw: "mrc p15, 0, r2, c13, c0, 2", "udf #0";
    /// Keeps bits of R0 as flags.
    keep_flags: "msr apsr_nzcvqg, r0", "mvn r7, #10", "svc #0", "mrs r2, apsr", "udf #0";
    /// Reads the flags.
    look_flags: "mrs r2, apsr", "udf #0";
    /// Is big endian, and has bit 9 set where it still is.
    keep_order:
        "mov r1, #1", "push {{r1}}", "setend be", "mvn r7, #10", "svc #0", "ldr r2, [sp]", "setend le",
        "lsr r2, r2, #15", "pop {{r1}}", "udf #0";
    /// Has bit 9 set where it is big endian.
    look_order: "mov r1, #1", "push {{r1}}", "ldr r2, [sp]", "lsr r2, r2, #15", "pop {{r1}}", "udf #0";
    /// Writes TEEHBR.
    write_teehbr: "mcr p14, 6, r0, c1, c0, 0", "udf #0";
    /// Reads TEEHBR.
    read_teehbr: "mrc p14, 6, r2, c1, c0, 0", "udf #0";
    /// Writes TEECR.
    write_teecr: "mcr p14, 6, r0, c0, c0, 0", "udf #0";
    /// Writes JOSCR.
    write_joscr: "mcr p14, 7, r0, c1, c0, 0", "udf #0";
    /// Reads JOSCR.
    read_joscr: "mrc p14, 7, r2, c1, c0, 0", "udf #0";
    /// Writes JMCR.
    write_jmcr: "mcr p14, 7, r0, c2, c0, 0", "udf #0";
    /// Reads JMCR.
    read_jmcr: "mrc p14, 7, r2, c2, c0, 0", "udf #0";
    /// Writes DBGDTRTXint.
    write_dbgdtrtxint: "mcr p14, 0, r0, c0, c5, 0", "udf #0";
    /// Reads DBGDTRTXint.
    read_dbgdtrtxint: "mrc p14, 0, r2, c0, c5, 0", "udf #0";
    /// Writes PMCR.
    write_pmcr: "mcr p15, 0, r0, c9, c12, 0", "udf #0";
    /// Reads PMCR.
    read_pmcr: "mrc p15, 0, r2, c9, c12, 0", "udf #0";
    /// Writes PMCNTENSET.
    write_pmcntenset: "mcr p15, 0, r0, c9, c12, 1", "udf #0";
    /// Reads PMCNTENSET.
    read_pmcntenset: "mrc p15, 0, r2, c9, c12, 1", "udf #0";
    /// Writes PMCNTENCLR.
    write_pmcntenclr: "mcr p15, 0, r0, c9, c12, 2", "udf #0";
    /// Reads PMCNTENCLR.
    read_pmcntenclr: "mrc p15, 0, r2, c9, c12, 2", "udf #0";
    /// Writes PMOVSR.
    write_pmovsr: "mcr p15, 0, r0, c9, c12, 3", "udf #0";
    /// Reads PMOVSR.
    read_pmovsr: "mrc p15, 0, r2, c9, c12, 3", "udf #0";
    /// Writes PMSWINC.
    write_pmswinc: "mcr p15, 0, r0, c9, c12, 4", "udf #0";
    /// Writes PMSELR.
    write_pmselr: "mcr p15, 0, r0, c9, c12, 5", "udf #0";
    /// Reads PMSELR.
    read_pmselr: "mrc p15, 0, r2, c9, c12, 5", "udf #0";
    /// Writes PMCCNTR.
    write_pmccntr: "mcr p15, 0, r0, c9, c13, 0", "udf #0";
    /// Reads PMCCNTR.
    read_pmccntr: "mrc p15, 0, r2, c9, c13, 0", "udf #0";
    /// Writes PMXEVTYPER.
    write_pmxevtyper: "mcr p15, 0, r0, c9, c13, 1", "udf #0";
    /// Reads PMXEVTYPER.
    read_pmxevtyper: "mrc p15, 0, r2, c9, c13, 1", "udf #0";
    /// Writes PMXEVCNTR.
    write_pmxevcntr: "mcr p15, 0, r0, c9, c13, 2", "udf #0";
    /// Reads PMXEVCNTR.
    read_pmxevcntr: "mrc p15, 0, r2, c9, c13, 2", "udf #0";
    /// Writes PMUSERENR.
    write_pmuserenr: "mcr p15, 0, r0, c9, c14, 0", "udf #0";
    /// Writes PMOVSSET.
    write_pmovsset: "mcr p15, 0, r0, c9, c14, 3", "udf #0";
    /// Reads PMOVSSET.
    read_pmovsset: "mrc p15, 0, r2, c9, c14, 3", "udf #0";
    /// Writes CNTFRQ.
    write_cntfrq: "mcr p15, 0, r0, c14, c0, 0", "udf #0";
    /// Writes CNTP_TVAL.
    write_cntp_tval: "mcr p15, 0, r0, c14, c2, 0", "udf #0";
    /// Reads CNTP_TVAL.
    read_cntp_tval: "mrc p15, 0, r2, c14, c2, 0", "udf #0";
    /// Writes CNTP_CTL.
    write_cntp_ctl: "mcr p15, 0, r0, c14, c2, 1", "udf #0";
    /// Reads CNTP_CTL.
    read_cntp_ctl: "mrc p15, 0, r2, c14, c2, 1", "udf #0";
    /// Writes CNTV_TVAL.
    write_cntv_tval: "mcr p15, 0, r0, c14, c3, 0", "udf #0";
    /// Reads CNTV_TVAL.
    read_cntv_tval: "mrc p15, 0, r2, c14, c3, 0", "udf #0";
    /// Writes CNTV_CTL.
    write_cntv_ctl: "mcr p15, 0, r0, c14, c3, 1", "udf #0";
    /// Reads CNTV_CTL.
    read_cntv_ctl: "mrc p15, 0, r2, c14, c3, 1", "udf #0";
    /// Writes TPIDRURO.
    write_tpidruro: "mcr p15, 0, r0, c13, c0, 3", "udf #0";
    /// Writes TPIDRPRW.
    write_tpidrprw: "mcr p15, 0, r0, c13, c0, 4", "udf #0";
    /// Reads TPIDRPRW.
    read_tpidrprw: "mrc p15, 0, r2, c13, c0, 4", "udf #0";
    /// Writes CNTP_CVAL.
    write_cntp_cval: "mcrr p15, 2, r0, r0, c14", "udf #0";
    /// Reads CNTP_CVAL.
    read_cntp_cval: "mrrc p15, 2, r2, r3, c14", "udf #0";
    /// Writes CNTV_CVAL.
    write_cntv_cval: "mcrr p15, 3, r0, r0, c14", "udf #0";
    /// Reads CNTV_CVAL.
    read_cntv_cval: "mrrc p15, 3, r2, r3, c14", "udf #0";
}
