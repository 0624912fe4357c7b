// SPDX-License-Identifier: MIT OR Apache-2.0
//! A machine that records effects instead of having them, for tests on a workstation.

use crate::{
    BaseRegisters, CacheOperation, CoreId, FpuAccess, FpuState, Machine, PhysAddr, Pin, PinMask, PinRoute,
    PortWidth, Space, StopReason, Ticks, VirtAddr,
};

/// One recorded effect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// `activate_vspace`
    ActivateVSpace(PhysAddr),
    /// `invalidate_page` in the active address space
    InvalidatePage(VirtAddr),
    /// `invalidate_all` of the active address space
    InvalidateAll,
    /// `set_fpu_access`
    FpuAccess(FpuAccess),
    /// `end_of_interrupt`
    EndOfInterrupt,
    /// `route_pin`
    RoutePin(Pin, PinRoute),
    /// `mask_pin`
    MaskPin(Pin, PinMask),
    /// `read_port`
    ReadPort(u16, PortWidth),
    /// `write_port`
    WritePort(u16, PortWidth, u32),
    /// `ring_doorbell`
    Doorbell(CoreId),
    /// `stop_core`
    StopCore(CoreId),
    /// `start_core`
    StartCore(CoreId),
    /// `stop_self`
    StopSelf(StopReason),
}

/// Simulated processor: time moves only when a test moves it.
#[derive(Clone, Default)]
pub struct SimMachine {
    /// The time `now` answers.
    pub time: Ticks,
    /// The deadline last asked for.
    pub deadline: Ticks,
    /// How often a deadline was asked for.
    pub deadlines_set: usize,
    /// What `has_pending_interrupt` answers.
    pub interrupt_pending: bool,
    /// Debug console output.
    pub console: Vec<u8>,
    /// Everything else, in order.
    pub effects: Vec<Effect>,
    /// The floating-point unit.
    pub fpu: FpuState,
    /// The base registers.
    pub bases: BaseRegisters,
    /// The interrupt that was taken and not ended, on x86.
    pub in_service: Option<u8>,
    /// What `read_port` answers.
    pub port_value: u32,
    /// How often `publish_tables` was called.
    pub tables_published: usize,
    /// What was forgotten of address spaces that were not active: a page, or all.
    pub inactive: Vec<(PhysAddr, Option<VirtAddr>)>,
    /// What was done to caches: operation, address, bytes.
    pub caches: Vec<(CacheOperation, VirtAddr, u64)>,
    /// What `stack_high_water` answers.
    pub stack_high_water: u64,
}

impl SimMachine {
    /// Takes the effects recorded so far.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        core::mem::take(&mut self.effects)
    }

    pub(crate) fn record(&mut self, effect: Effect) {
        self.effects.push(effect);
    }
}

impl Machine for SimMachine {
    fn now(&self) -> Ticks {
        self.time
    }
    fn set_deadline(&mut self, deadline: Ticks) {
        self.deadline = deadline;
        self.deadlines_set += 1;
    }
    fn put_char(&mut self, byte: u8) {
        self.console.push(byte);
    }
    fn activate_vspace(&mut self, root: PhysAddr) {
        self.record(Effect::ActivateVSpace(root));
    }
    fn publish_tables(&mut self) {
        self.tables_published += 1;
    }
    fn invalidate_page(&mut self, space: Space, address: VirtAddr) {
        match space.is_active {
            true => self.record(Effect::InvalidatePage(address)),
            false => self.inactive.push((space.root, Some(address))),
        }
    }
    fn invalidate_all(&mut self, space: Space) {
        match space.is_active {
            true => self.record(Effect::InvalidateAll),
            false => self.inactive.push((space.root, None)),
        }
    }
    fn save_fpu(&mut self, state: &mut FpuState) {
        *state = self.fpu;
    }
    fn load_fpu(&mut self, state: &FpuState) {
        self.fpu = *state;
    }
    fn set_fpu_access(&mut self, access: FpuAccess) {
        self.record(Effect::FpuAccess(access));
    }
    fn base_registers(&self) -> BaseRegisters {
        self.bases
    }
    fn load_base_registers(&mut self, bases: BaseRegisters) {
        self.bases = bases;
    }
    fn has_pending_interrupt(&self) -> bool {
        self.interrupt_pending
    }
    fn end_of_interrupt(&mut self) {
        self.in_service = None;
        self.record(Effect::EndOfInterrupt);
    }
    fn route_pin(&mut self, pin: Pin, route: PinRoute) {
        self.record(Effect::RoutePin(pin, route));
    }
    fn mask_pin(&mut self, pin: Pin, mask: PinMask) {
        self.record(Effect::MaskPin(pin, mask));
    }
    fn stack_high_water(&self) -> u64 {
        self.stack_high_water
    }
    fn ring_doorbell(&mut self, core: CoreId) {
        self.record(Effect::Doorbell(core));
    }
    fn maintain_caches(&mut self, operation: CacheOperation, start: VirtAddr, bytes: u64) {
        self.caches.push((operation, start, bytes));
    }
    fn flush_caches(&mut self) {}
    fn stop_core(&mut self, core: CoreId) {
        self.record(Effect::StopCore(core));
    }
    fn start_core(&mut self, core: CoreId) {
        self.record(Effect::StartCore(core));
    }
    fn stop_self(&mut self, reason: StopReason) {
        self.record(Effect::StopSelf(reason));
    }
}
