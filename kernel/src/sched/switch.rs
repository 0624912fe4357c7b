// SPDX-License-Identifier: MIT OR Apache-2.0
//! Making a thread the one that runs: address space, base registers, floating point.
//!
//! A thread without a usable address space gets the kernel's own top-level table, which maps nothing for users: it
//! faults on its next step. The idle thread touches no user memory and keeps whatever is in the processor, so that
//! the thread that runs before and after a wait pays for no switch. `active_root` is what the processor has; whoever
//! takes an address space away (`Kernel::leave_vspace`) looks at it, not at who runs.

use abi::flags::TCB_FPU_DISABLED;
use arch::{FpuAccess, Machine, PhysAddr, Space};

use crate::Kernel;
use crate::cap::raw::Tag;
use crate::memory::objects::ObjRef;
use crate::object::asid::Asid;
use crate::object::tcb::{Tcb, TcbSlot};

impl<M: Machine> Kernel<M> {
    /// Makes `tcb` the current thread, if it is not.
    #[inline(always)]
    pub(crate) fn switch_to(&mut self, tcb: ObjRef<Tcb>) {
        let old = self.sched.current;
        if tcb != old {
            self.leave_thread_context(old);
            self.sched.current = tcb;
            self.activate_thread_context(tcb);
        }
    }

    /// Puts what belongs to `tcb` into the processor. Its registers are loaded on the way out.
    #[inline(always)]
    pub(crate) fn activate_thread_context(&mut self, tcb: ObjRef<Tcb>) {
        if tcb == self.sched.idle {
            return;
        }
        self.enter_thread_context(tcb, self.root_of(tcb));
    }

    /// The same, where the address space of `tcb` is known to be the one at `root`.
    #[inline(always)]
    pub(crate) fn enter_thread_context(&mut self, tcb: ObjRef<Tcb>, root: PhysAddr) {
        self.activate_root(root);
        self.machine.load_base_registers(self.objs[tcb].context.bases());
        self.switch_fpu(tcb);
    }

    /// The same for `to`, which runs instead of `from`; neither is the idle thread.
    #[allow(unsafe_code)]
    #[inline(always)]
    pub(crate) fn exchange_thread_context(&mut self, from: ObjRef<Tcb>, to: ObjRef<Tcb>, root: PhysAddr) {
        self.activate_root(root);
        // SAFETY: READY: `from` is the current thread and `to` is another, which was blocked or is in a ready queue.
        let (old, new) = unsafe { self.objs.pair_mut_unchecked(from, to) };
        self.machine.exchange_base_registers(&mut old.context, &new.context);
        self.switch_fpu(to);
    }

    /// Stores what user code can change without the kernel: the base registers. `tcb` has run up to now.
    #[inline]
    pub(crate) fn leave_thread_context(&mut self, tcb: ObjRef<Tcb>) {
        if tcb == self.sched.idle {
            return;
        }
        self.save_bases(tcb);
    }

    /// The same for a thread that is not the idle thread.
    #[inline(always)]
    pub(crate) fn save_bases(&mut self, tcb: ObjRef<Tcb>) {
        let bases = self.machine.base_registers();
        self.objs[tcb].context.set_bases(bases);
    }

    /// Stores the floating-point state of `tcb` in it, if it is in the unit; nobody owns the unit then.
    pub(crate) fn release_fpu(&mut self, tcb: ObjRef<Tcb>) {
        if self.fpu_owner == Some(tcb) {
            // The thread that runs may be one without access, and stays so.
            let access = self.fpu_access;
            self.set_fpu_access(FpuAccess::Enabled);
            self.machine.save_fpu(&mut self.objs[tcb].fpu);
            self.fpu_owner = None;
            self.set_fpu_access(access);
        }
    }

    /// Makes a change of the flags of `tcb` felt at once, if it is the one that runs.
    pub(crate) fn apply_fpu_access(&mut self, tcb: ObjRef<Tcb>) {
        if tcb == self.sched.current {
            self.switch_fpu(tcb);
        }
    }

    /// Takes the address space at `root` out of the processor, because it ends.
    pub(crate) fn leave_vspace(&mut self, root: PhysAddr) {
        if self.active_root == root {
            self.activate_root(self.kernel_root);
        }
    }

    /// The address space at `root`, for the machine.
    #[inline(always)]
    pub(crate) fn space(&self, root: PhysAddr) -> Space {
        Space { root, is_active: root == self.active_root }
    }

    /// The top-level table for `tcb`: that of its VSpace capability, as long as the ASID table knows it.
    #[inline(always)]
    fn root_of(&self, tcb: ObjRef<Tcb>) -> PhysAddr {
        match self.fast_root(tcb) {
            Some(root) => root,
            None => self.looked_up_root_of(tcb),
        }
    }

    /// The address space of `tcb`, if it can be switched to without a look at the ASID table.
    #[inline(always)]
    pub(crate) fn fast_root(&self, tcb: ObjRef<Tcb>) -> Option<PhysAddr> {
        let root = self.objs[tcb.slot(TcbSlot::VSpace)].cap.assigned_root()?;
        if self.has_lost_pools { None } else { Some(root) }
    }

    #[cold]
    fn looked_up_root_of(&self, tcb: ObjRef<Tcb>) -> PhysAddr {
        let cap = self.objs[tcb.slot(TcbSlot::VSpace)].cap;
        if cap.has_tag(Tag::VSpace)
            && let Some(asid) = Asid::from_word(cap.asid_word())
            && self.lookup_vspace(asid) == Some(cap.address())
        {
            return cap.address();
        }
        self.kernel_root
    }

    #[inline]
    pub(crate) fn activate_root(&mut self, root: PhysAddr) {
        // Tables are in the kernel's window, so what a pointer has room for tells them apart.
        if self.active_root.0 as usize != root.0 as usize {
            self.machine.activate_vspace(root);
            self.active_root = root;
        }
    }

    /// Eager switching: a thread that runs with the unit on finds its own state there.
    #[inline(always)]
    fn switch_fpu(&mut self, tcb: ObjRef<Tcb>) {
        if u64::from(self.objs[tcb].flags) & TCB_FPU_DISABLED != 0 {
            return self.set_fpu_access(FpuAccess::Disabled);
        }
        self.set_fpu_access(FpuAccess::Enabled);
        if self.fpu_owner != Some(tcb) {
            self.load_own_fpu(tcb);
        }
    }

    #[inline(always)]
    fn load_own_fpu(&mut self, tcb: ObjRef<Tcb>) {
        if let Some(owner) = self.fpu_owner {
            self.machine.save_fpu(&mut self.objs[owner].fpu);
        }
        self.machine.load_fpu(&self.objs[tcb].fpu);
        self.fpu_owner = Some(tcb);
    }

    #[inline]
    fn set_fpu_access(&mut self, access: FpuAccess) {
        if self.fpu_access != access {
            self.machine.set_fpu_access(access);
            self.fpu_access = access;
        }
    }
}

#[cfg(test)]
mod tests {
    use abi::Register;
    use arch::{Context, Effect, FpuState};

    use super::*;
    use crate::cap::Cap;
    use crate::object::asid::AsidPool;
    use crate::testing::TestKernel;

    /// A thread in an address space of its own, number `asid`, in pool 0.
    fn thread_in_space(test: &mut TestKernel, asid: u16) -> (ObjRef<Tcb>, PhysAddr) {
        let root = test.memory(12);
        let pool = test.kernel.asids[0].unwrap_or_else(|| test.object::<AsidPool>(12));
        test.kernel.asids[0] = Some(pool);
        test.kernel.objs[pool].roots[usize::from(asid)] = root.0;
        let cnode = test.cnode(4);
        let tcb = test.thread(cnode);
        test.kernel.objs[tcb.slot(TcbSlot::VSpace)].cap = Cap::VSpace { root, asid: Some(Asid(asid)) }.pack();
        (tcb, root)
    }

    fn roots_loaded(test: &mut TestKernel) -> Vec<PhysAddr> {
        let effects = test.kernel.machine.take_effects().into_iter();
        effects
            .filter_map(|effect| if let Effect::ActivateVSpace(root) = effect { Some(root) } else { None })
            .collect()
    }

    fn switch(test: &mut TestKernel, from: ObjRef<Tcb>, to: ObjRef<Tcb>) {
        test.kernel.leave_thread_context(from);
        test.kernel.sched.current = to;
        test.kernel.activate_thread_context(to);
    }

    #[test]
    fn a_switch_loads_the_root_only_when_it_changes() {
        let mut test = TestKernel::new();
        let (a, root) = thread_in_space(&mut test, 1);
        let cnode = test.cnode(4);
        let b = test.thread(cnode);
        test.kernel.objs[b.slot(TcbSlot::VSpace)].cap = test.kernel.objs[a.slot(TcbSlot::VSpace)].cap;
        let idle = test.kernel.sched.idle;
        switch(&mut test, idle, a);
        assert_eq!(roots_loaded(&mut test), [root]);
        switch(&mut test, a, b);
        switch(&mut test, b, idle);
        switch(&mut test, idle, a);
        assert_eq!(roots_loaded(&mut test), []);
    }

    #[test]
    fn a_thread_without_usable_address_space_runs_on_the_kernel_root() {
        let mut test = TestKernel::new();
        let (a, root) = thread_in_space(&mut test, 1);
        let idle = test.kernel.sched.idle;
        let kernel_root = test.kernel.kernel_root;
        let slot = a.slot(TcbSlot::VSpace);
        // Only with its pool does a number end that a thread still uses.
        test.kernel.has_lost_pools = true;
        let unusable = [
            Cap::Null,
            Cap::VSpace { root, asid: None },
            Cap::VSpace { root, asid: Some(Asid(2)) },
            Cap::VSpace { root, asid: Some(Asid(513)) },
            Cap::Domain,
        ];
        for cap in unusable {
            test.kernel.objs[slot].cap = Cap::VSpace { root, asid: Some(Asid(1)) }.pack();
            switch(&mut test, idle, a);
            test.kernel.objs[slot].cap = cap.pack();
            test.kernel.machine.take_effects();
            switch(&mut test, idle, a);
            assert_eq!(roots_loaded(&mut test), [kernel_root], "{cap:?}");
        }
    }

    #[test]
    fn base_registers_follow_the_thread_also_when_user_code_changes_them() {
        let mut test = TestKernel::new();
        let (a, _) = thread_in_space(&mut test, 1);
        let (b, root) = thread_in_space(&mut test, 2);
        let [first, second] =
            [Register::FIRST_BASE, Register::FIRST_BASE + 1].map(|index| Register::ALL[index]);
        test.kernel.objs[a].context.set(first, 0x1000);
        test.kernel.objs[b].context.set(second, 0x2000);
        let idle = test.kernel.sched.idle;
        let bases = |values: [u64; 2]| {
            let mut context = Context::default();
            context.set(first, values[0]);
            context.set(second, values[1]);
            context.bases()
        };
        switch(&mut test, idle, a);
        assert_eq!(test.kernel.machine.bases, bases([0x1000, 0]));
        test.kernel.machine.bases = bases([0x1000, 0x3000]);
        switch(&mut test, a, b);
        assert_eq!(test.kernel.machine.bases, bases([0, 0x2000]));
        switch(&mut test, b, a);
        assert_eq!(test.kernel.machine.bases, bases([0x1000, 0x3000]));
        test.kernel.machine.bases = bases([0x1000, 0x4000]);
        test.kernel.exchange_thread_context(a, b, root);
        assert_eq!(test.kernel.machine.bases, bases([0, 0x2000]));
        assert_eq!(test.kernel.objs[a].context.bases(), bases([0x1000, 0x4000]));
    }

    #[test]
    fn the_first_thread_of_a_fresh_kernel_gets_its_floating_point_state() {
        let mut test = TestKernel::new();
        let (a, _) = thread_in_space(&mut test, 1);
        test.kernel.machine.fpu = FpuState::marked(9);
        let idle = test.kernel.sched.idle;
        switch(&mut test, idle, a);
        assert_eq!(test.kernel.machine.fpu, FpuState::default());
        assert!(test.kernel.machine.take_effects().contains(&Effect::FpuAccess(FpuAccess::Enabled)));
    }

    #[test]
    fn floating_point_state_is_switched_eagerly_but_stays_over_the_idle_thread() {
        let mut test = TestKernel::new();
        let (a, _) = thread_in_space(&mut test, 1);
        let (b, _) = thread_in_space(&mut test, 2);
        let idle = test.kernel.sched.idle;
        switch(&mut test, idle, a);
        test.kernel.machine.fpu = FpuState::marked(1);
        switch(&mut test, a, idle);
        assert_eq!(test.kernel.fpu_owner, Some(a));
        switch(&mut test, idle, b);
        assert_eq!(test.kernel.objs[a].fpu, FpuState::marked(1));
        test.kernel.machine.fpu = FpuState::marked(2);
        switch(&mut test, b, a);
        assert_eq!(test.kernel.machine.fpu, FpuState::marked(1));
        assert_eq!(test.kernel.objs[b].fpu, FpuState::marked(2));
    }

    #[test]
    fn a_thread_without_fpu_leaves_the_owner_in_the_unit_and_gets_its_own_state_back_later() {
        let mut test = TestKernel::new();
        let (a, _) = thread_in_space(&mut test, 1);
        let (b, _) = thread_in_space(&mut test, 2);
        let idle = test.kernel.sched.idle;
        test.kernel.objs[b].flags = TCB_FPU_DISABLED as u8;
        test.kernel.objs[b].fpu = FpuState::marked(2);
        switch(&mut test, idle, a);
        test.kernel.machine.fpu = FpuState::marked(1);
        test.kernel.machine.take_effects();
        switch(&mut test, a, b);
        assert!(test.kernel.machine.take_effects().contains(&Effect::FpuAccess(FpuAccess::Disabled)));
        assert_eq!(test.kernel.fpu_owner, Some(a));
        assert_eq!(test.kernel.machine.fpu, FpuState::marked(1));
        test.kernel.objs[b].flags = 0;
        test.kernel.apply_fpu_access(b);
        assert_eq!(test.kernel.machine.fpu, FpuState::marked(2));
        assert_eq!(test.kernel.objs[a].fpu, FpuState::marked(1));
        assert_eq!(test.kernel.fpu_access, FpuAccess::Enabled);
    }

    #[test]
    fn releasing_the_unit_stores_the_state_of_its_owner_only() {
        let mut test = TestKernel::new();
        let (a, _) = thread_in_space(&mut test, 1);
        let (b, _) = thread_in_space(&mut test, 2);
        let idle = test.kernel.sched.idle;
        switch(&mut test, idle, a);
        test.kernel.machine.fpu = FpuState::marked(1);
        test.kernel.release_fpu(b);
        assert_eq!(test.kernel.fpu_owner, Some(a));
        test.kernel.release_fpu(a);
        assert_eq!((test.kernel.fpu_owner, test.kernel.objs[a].fpu), (None, FpuState::marked(1)));
    }

    #[test]
    fn releasing_the_unit_gives_no_access_to_a_thread_that_has_none() {
        let mut test = TestKernel::new();
        let (a, _) = thread_in_space(&mut test, 1);
        let (b, _) = thread_in_space(&mut test, 2);
        let idle = test.kernel.sched.idle;
        test.kernel.objs[b].flags = TCB_FPU_DISABLED as u8;
        switch(&mut test, idle, a);
        switch(&mut test, a, b);
        test.kernel.release_fpu(a);
        assert_eq!(test.kernel.fpu_access, FpuAccess::Disabled);
        let last = test.kernel.machine.take_effects().pop();
        assert_eq!(last, Some(Effect::FpuAccess(FpuAccess::Disabled)));
    }

    #[test]
    fn leaving_an_address_space_matters_only_while_it_is_active() {
        let mut test = TestKernel::new();
        let (a, root) = thread_in_space(&mut test, 1);
        let (_, other) = thread_in_space(&mut test, 2);
        let idle = test.kernel.sched.idle;
        switch(&mut test, idle, a);
        switch(&mut test, a, idle);
        test.kernel.machine.take_effects();
        test.kernel.leave_vspace(other);
        assert_eq!(roots_loaded(&mut test), []);
        test.kernel.leave_vspace(root);
        assert_eq!(roots_loaded(&mut test), [test.kernel.kernel_root]);
    }
}
