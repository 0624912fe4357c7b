// SPDX-License-Identifier: MIT OR Apache-2.0
//! Time: frequency of the time-stamp counter and of the local-APIC timer, and waiting for time to pass.
//!
//! A wait for *time* spins on the counter without `pause`: under instruction-counted emulation `pause` hands the
//! processor to the other cores, and a delay of milliseconds becomes one of minutes. A wait for another *core* does
//! the opposite (`cpu::relax`).

use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering};

use bootstrap::calibration::{self, Comparison, Run, Source};

use super::apic;
use super::cpu::{cpuid, in_byte, out_byte, timestamp};
use crate::boot::error::BootError;

const PIT_HZ: u64 = 1_193_182;
const PIT_CHANNEL_2: u16 = 0x42;
const PIT_COMMAND: u16 = 0x43;
/// Channel 2, low then high byte, mode 0 (output rises at the end of the count).
const PIT_ONE_SHOT: u8 = 0b1011_0000;
const GATE_PORT: u16 = 0x61;
const GATE: u8 = 1 << 0;
const SPEAKER: u8 = 1 << 1;
const OUTPUT: u8 = 1 << 5;
/// One measurement: 10 ms.
const PIT_COUNT: u16 = (PIT_HZ / 100) as u16;
/// Measurements before the sharpest has to do: on a busy host none may be sharp.
const MAX_RUNS: usize = 40;
/// Measurements that come to nothing before the timer counts as missing.
const MAX_FAILURES: u32 = 8;
/// Polls of the output bit before a measurement comes to nothing.
const MAX_POLLS: u32 = 4_000_000;
/// Length of the measurement of the local-APIC timer.
const APIC_RUN_US: u64 = 10_000;
/// Such measurements before the sharpest has to do.
const MAX_APIC_RUNS: usize = 20;

static TSC_MHZ: AtomicU32 = AtomicU32::new(0);

/// What was measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clocks {
    /// Whole megahertz, as the interface reports it.
    pub(crate) tsc_mhz: u32,
    pub(crate) source: Source,
    /// Local-APIC timer, divider 1.
    pub(crate) apic_timer_hz: u64,
}

impl Clocks {
    /// Local-APIC timer ticks in 2^20 ticks of the time-stamp counter.
    pub(crate) fn timer_ratio(&self) -> u64 {
        (self.apic_timer_hz << 20) / (u64::from(self.tsc_mhz) * 1_000_000)
    }
}

/// Finds the frequency of the counter and of the local-APIC timer. The local APIC is still as the firmware left it.
pub(crate) fn calibrate() -> Result<Clocks, BootError> {
    let (tsc_mhz, source) = match tsc_from_cpuid() {
        Some(found) => found,
        None => tsc_from_pit()?,
    };
    TSC_MHZ.store(tsc_mhz, Ordering::Relaxed);
    Ok(Clocks { tsc_mhz, source, apic_timer_hz: apic_timer_hz(tsc_mhz) })
}

fn tsc_from_cpuid() -> Option<(u32, Source)> {
    let crystal = cpuid(0x15, 0);
    let hypervisor = cpuid(0x4000_0010, 0);
    if let Some(mhz) = calibration::crystal_mhz(crystal.eax, crystal.ebx, crystal.ecx) {
        return Some((mhz, Source::Crystal));
    }
    let is_guest = cpuid(1, 0).ecx & 1 << 31 != 0;
    (is_guest && hypervisor.eax >= 1000).then_some((hypervisor.eax / 1000, Source::Hypervisor))
}

/// Three measurements against PIT channel 2 that agree within 0.1 %.
fn tsc_from_pit() -> Result<(u32, Source), BootError> {
    let mhz = |ticks: u64| calibration::whole_mhz(ticks * PIT_HZ / u64::from(PIT_COUNT));
    let mut runs = Vec::with_capacity(MAX_RUNS);
    let mut failures = 0;
    while runs.len() < MAX_RUNS && failures < MAX_FAILURES {
        match pit_run() {
            Some(run) => runs.push(run),
            None => failures += 1,
        }
        if let Some(ticks) = calibration::agreed_ticks(&runs) {
            return Ok((mhz(ticks), Source::Pit));
        }
    }
    match calibration::sharpest_ticks(&runs) {
        Some(ticks) => Ok((mhz(ticks), Source::DisturbedPit)),
        None => Err(BootError::Processor("a clock: CPUID names none, and the PIT does not count")),
    }
}

/// Ticks of the counter during one count of the PIT. `None` when its output was up at once: there is no such timer, or
/// this processor was taken away for the whole count.
fn pit_run() -> Option<Run> {
    let gate = in_byte(GATE_PORT) & !SPEAKER & !GATE;
    out_byte(GATE_PORT, gate);
    out_byte(PIT_COMMAND, PIT_ONE_SHOT);
    out_byte(PIT_CHANNEL_2, PIT_COUNT as u8);
    out_byte(PIT_CHANNEL_2, (PIT_COUNT >> 8) as u8);
    let before = timestamp();
    out_byte(GATE_PORT, gate | GATE);
    let begun = timestamp();
    let mut low = begun;
    for polls in 0..MAX_POLLS {
        let is_over = in_byte(GATE_PORT) & OUTPUT != 0;
        let now = timestamp();
        if is_over {
            return (polls > 1).then(|| between((before, begun), (low, now)));
        }
        low = now;
    }
    None
}

fn between(start: (u64, u64), end: (u64, u64)) -> Run {
    let ticks = (end.0 + end.1) / 2 - (start.0 + start.1) / 2;
    Run { ticks, blur: (start.1 - start.0) + (end.1 - end.0) }
}

/// A host that takes the processor away between the readings of the two counters would falsify every deadline.
fn apic_timer_hz(tsc_mhz: u32) -> u64 {
    let compared = calibration::compare(MAX_APIC_RUNS, apic_timer_run);
    apic::start_timer(0);
    compared.hz(tsc_mhz)
}

fn apic_timer_run() -> Comparison {
    let reading = || {
        let before = timestamp();
        let count = apic::timer_count();
        (count, (before, timestamp()))
    };
    apic::start_timer(u32::MAX);
    let (first, start) = reading();
    delay_us(APIC_RUN_US);
    let (last, end) = reading();
    Comparison { run: between(start, end), counted: u64::from(first - last) }
}

/// Counter ticks of `us` microseconds.
pub(crate) fn ticks(us: u64) -> u64 {
    us * u64::from(TSC_MHZ.load(Ordering::Relaxed))
}

/// Lets `us` microseconds pass.
pub(crate) fn delay_us(us: u64) {
    let start = timestamp();
    while timestamp() - start < ticks(us) {}
}
