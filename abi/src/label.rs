// SPDX-License-Identifier: MIT OR Apache-2.0
//! Invocation labels.
//!
//! A label selects an operation together with the type of the invoked capability; a label that does not belong
//! to that type gives IllegalOperation. Skerry's own labels start at [`Label::FIRST_OWN`], so that no upstream
//! label ever moves.
//!
//! The numbers below are those of the base build. Operations that only other builds have stand from
//! [`Label::FIRST_OF_VARIANTS`] on; no message ever carries such a number. [`crate::Variant::label`] translates what a
//! message carries.

numbered! {
    /// The label of a message that invokes a kernel object.
    Label: u64 {
        /// Makes objects from untyped memory.
        UntypedRetype = 1,
        /// Reads a thread's registers.
        TcbReadRegisters = 2,
        /// Writes a thread's registers.
        TcbWriteRegisters = 3,
        /// Copies registers between threads.
        TcbCopyRegisters = 4,
        /// Sets a thread's spaces and IPC buffer.
        TcbConfigure = 5,
        /// Sets a thread's priority.
        TcbSetPriority = 6,
        /// Sets a thread's maximum controlled priority.
        TcbSetMcPriority = 7,
        /// Sets priorities, scheduling context and fault handler.
        TcbSetSchedParams = 8,
        /// Sets the endpoint that timeout faults go to.
        TcbSetTimeoutEndpoint = 9,
        /// Sets a thread's IPC buffer.
        TcbSetIpcBuffer = 10,
        /// Sets a thread's fault handler and spaces.
        TcbSetSpace = 11,
        /// Stops a thread.
        TcbSuspend = 12,
        /// Makes a thread continue at its saved instruction.
        TcbResume = 13,
        /// Binds a notification to a thread.
        TcbBindNotification = 14,
        /// Dissolves that bond.
        TcbUnbindNotification = 15,
        /// Sets a thread's FS base.
        TcbSetTlsBase = 16,
        /// Clears and sets a thread's flags.
        TcbSetFlags = 17,
        /// Deletes all descendants of a capability.
        CNodeRevoke = 18,
        /// Deletes a capability.
        CNodeDelete = 19,
        /// Restarts the senders queued with one badge.
        CNodeCancelBadgedSends = 20,
        /// Copies a capability.
        CNodeCopy = 21,
        /// Copies a capability with a badge or guard.
        CNodeMint = 22,
        /// Moves a capability.
        CNodeMove = 23,
        /// Moves a capability and sets its guard.
        CNodeMutate = 24,
        /// Moves two capabilities at once.
        CNodeRotate = 25,
        /// The generic way to an IRQ handler; refused where there is an IOAPIC.
        IrqControlGet = 26,
        /// Lets the interrupt come again.
        IrqHandlerAck = 27,
        /// Sets the notification that an interrupt signals.
        IrqHandlerSetNotification = 28,
        /// Removes that notification.
        IrqHandlerClear = 29,
        /// Moves a thread to a domain.
        DomainSetSet = 30,
        /// Writes an entry of the domain schedule.
        DomainScheduleConfigure = 31,
        /// Starts the domain schedule at an entry.
        DomainScheduleSetStart = 32,
        /// Gives a scheduling context its budget and period.
        SchedControlConfigureFlags = 33,
        /// Binds a thread or notification to a scheduling context.
        SchedContextBind = 34,
        /// Dissolves all bonds of a scheduling context.
        SchedContextUnbind = 35,
        /// Dissolves one bond of a scheduling context.
        SchedContextUnbindObject = 36,
        /// Returns and clears the time consumed.
        SchedContextConsumed = 37,
        /// Runs the bound thread before the caller.
        SchedContextYieldTo = 38,
        /// Maps a page-directory pointer table.
        PdptMap = 39,
        /// Unmaps it.
        PdptUnmap = 40,
        /// Maps a page directory.
        PageDirectoryMap = 41,
        /// Unmaps it.
        PageDirectoryUnmap = 42,
        /// Maps a page table.
        PageTableMap = 43,
        /// Unmaps it.
        PageTableUnmap = 44,
        /// Maps a frame.
        PageMap = 45,
        /// Unmaps it.
        PageUnmap = 46,
        /// Returns a frame's physical address. On AArch32 the labels before are those of [`crate::aarch32::CacheLabel`].
        PageGetAddress = 47 / 51,
        /// Makes an ASID pool from untyped memory.
        AsidControlMakePool = 48,
        /// Gives an address space an ASID.
        AsidPoolAssign = 49,
        /// Makes a capability to a range of IO ports.
        IoPortControlIssue = 50,
        /// Reads a byte from a port, which AArch32 has none of.
        IoPortIn8 = 51 / 47,
        /// Reads two bytes from a port.
        IoPortIn16 = 52,
        /// Reads four bytes from a port.
        IoPortIn32 = 53,
        /// Writes a byte to a port.
        IoPortOut8 = 54,
        /// Writes two bytes to a port.
        IoPortOut16 = 55,
        /// Writes four bytes to a port.
        IoPortOut32 = 56,
        /// Makes an IRQ handler for an IOAPIC pin.
        IrqControlGetIoApic = 57,
        /// Makes an IRQ handler for a message-signalled interrupt.
        IrqControlGetMsi = 58,
        /// Sets a hardware breakpoint or watchpoint of a thread.
        TcbSetBreakpoint = 0x800,
        /// Reads it.
        TcbGetBreakpoint = 0x801,
        /// Clears it.
        TcbUnsetBreakpoint = 0x802,
        /// Makes a thread stop after a number of instructions.
        TcbConfigureSingleStepping = 0x803,
        /// Reads a model-specific register of a guest.
        VcpuReadMsr = 0x804,
        /// Writes a model-specific register of a guest.
        VcpuWriteMsr = 0x805,
        /// Maps an IO page table.
        IoPageTableMap = 0x806,
        /// Unmaps it.
        IoPageTableUnmap = 0x807,
        /// Maps a frame for a device.
        PageMapIo = 0x808,
        /// Maps a frame for a guest.
        PageMapEpt = 0x809,
        /// Gives a thread the memory of a guest.
        TcbSetEptRoot = 0x80a,
        /// Binds a virtual processor to a thread.
        VcpuSetTcb = 0x80b,
        /// Reads a field of a virtual processor.
        VcpuReadVmcs = 0x80c,
        /// Writes a field of a virtual processor.
        VcpuWriteVmcs = 0x80d,
        /// Lets a guest use IO ports directly.
        VcpuEnableIoPort = 0x80e,
        /// Stops that.
        VcpuDisableIoPort = 0x80f,
        /// Writes the general registers of a guest.
        VcpuWriteRegisters = 0x810,
        /// Maps a guest's page-directory pointer table.
        EptPdptMap = 0x811,
        /// Unmaps it.
        EptPdptUnmap = 0x812,
        /// Maps a guest's page directory.
        EptPdMap = 0x813,
        /// Unmaps it.
        EptPdUnmap = 0x814,
        /// Maps a guest's page table.
        EptPtMap = 0x815,
        /// Unmaps it.
        EptPtUnmap = 0x816,
        /// Makes a signal cap for a line to another instance.
        IssueLineSignal = 0x1000,
        /// Makes an IRQ handler for a line from another instance.
        GetLine = 0x1001,
        /// Stops another instance.
        InstanceStop = 0x1002,
        /// Starts another instance afresh.
        InstanceStart = 0x1003,
        /// Takes the debug and benchmark calls away from a thread, for good.
        TcbForbidDebug = 0x1004,
        /// Allows the next signal of several lines of a channel.
        IrqHandlerAckLines = 0x1005,
    }
}

impl Label {
    /// The lowest label that is Skerry's own.
    pub const FIRST_OWN: u64 = 0x1000;

    /// The lowest number that stands for an operation of variants only.
    pub const FIRST_OF_VARIANTS: u64 = 0x800;

    /// Does this operation exist only in builds other than the base build?
    #[inline]
    pub const fn is_of_variants_only(self) -> bool {
        self.word() >= Self::FIRST_OF_VARIANTS && self.word() < Self::FIRST_OWN
    }

    /// Does upstream's base build have this label, with the same number?
    #[inline]
    pub const fn is_upstream(self) -> bool {
        self.word() < Self::FIRST_OF_VARIANTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upstream_labels_run_from_one_to_fifty_eight_without_a_hole() {
        let upstream = Label::ALL.iter().filter(|label| label.is_upstream());
        let mut upstream: Vec<u64> = upstream.map(|label| label.word()).collect();
        upstream.sort_unstable();
        assert_eq!(upstream, (1..=58).collect::<Vec<u64>>());
    }

    #[test]
    fn every_label_is_found_by_its_word() {
        for &label in Label::ALL {
            assert_eq!(Label::from_word(label.word()), Some(label));
        }
        assert_eq!(Label::from_word(0), None);
        assert_eq!(Label::from_word(59), None);
        assert_eq!(Label::from_word(0x1006), None);
        assert_eq!(Label::from_word(Label::FIRST_OF_VARIANTS), Some(Label::TcbSetBreakpoint));
    }
}
