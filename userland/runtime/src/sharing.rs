// SPDX-License-Identifier: MIT OR Apache-2.0
//! What lies between instances: shared regions, lines and status pages.
#![allow(unsafe_code)] // hands mapped memory to shared-region

use crate::allocate::AllocError;
use crate::capability::{
    CPtr, Capability, INIT_VSPACE, IRQ_CONTROL, IrqHandler, LineSignal, Notification, SmallPage,
};
use crate::object::AnyPage;
use crate::root_task::RootTask;
use crate::syscall;
use abi::chunk::skerry;
use abi::status::{State, Word};
use abi::{Rights, VmAttributes};
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};
use shared_region::Region;
use shared_region::channel::Doorbell;

/// Where a region is mapped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mapping {
    /// The first address.
    pub address: u64,
    /// Bytes.
    pub size: u64,
    /// What its frames allow.
    pub rights: Rights,
}

impl RootTask {
    /// Maps a shared region with the rights this instance has.
    pub fn map_region(&mut self, region: &skerry::Region) -> Result<Mapping, AllocError> {
        let (page_bits, rights) = (region.page_bits, Rights(region.rights.into()));
        let address = self.take_addresses(region.size, page_bits);
        for page in 0..u64::from(region.slot_count) {
            let frame = AnyPage::new(CPtr(region.first_slot + page), page_bits);
            let at = address + (page << page_bits);
            self.map(INIT_VSPACE, frame, at, rights, VmAttributes::WRITE_BACK)?;
        }
        Ok(Mapping { address, size: region.size, rights })
    }

    /// Maps a region that this instance may write, for rings and channels.
    pub fn open_region(&mut self, region: &skerry::Region) -> Result<Region<'static>, AllocError> {
        let mapping = self.map_region(region)?;
        let base = NonNull::new(mapping.address as *mut u8).ok_or(AllocError::Slots)?;
        // SAFETY: the frames were just mapped at addresses that nothing else uses, and stay mapped.
        Ok(unsafe { Region::from_mapping(base, mapping.size as usize) })
    }

    /// The handler of a line from another instance, which from now on signals `notification`.
    ///
    /// Signals carry the badge of the capability `notification`.
    pub fn receive_line(
        &mut self,
        from: u32,
        line: u64,
        notification: Notification,
    ) -> Result<IrqHandler, AllocError> {
        let slot = self.slots.take()?;
        IRQ_CONTROL.get_line(line, from, slot.slot())?;
        let handler = IrqHandler(slot);
        handler.set_notification(notification)?;
        Ok(handler)
    }

    /// The right to signal a line to another instance.
    pub fn send_line(&mut self, to: u32, line: u64) -> Result<LineSignal, AllocError> {
        let slot = self.slots.take()?;
        IRQ_CONTROL.issue_line_signal(line, to, slot.slot())?;
        Ok(LineSignal(slot))
    }

    /// A capability to the same notification whose signals carry `badge`.
    pub fn badged(&mut self, notification: Notification, badge: u64) -> Result<Notification, AllocError> {
        let slot = self.slots.take()?;
        slot.slot().mint_from(notification.slot(), Rights::ALL, badge)?;
        Ok(Notification(slot))
    }

    /// The status page whose frame is in `slot`, of this instance or of a peer.
    pub fn map_status(&mut self, slot: u64) -> Result<StatusPage, AllocError> {
        let bits = abi::sizes::SMALL_PAGE_BITS;
        let address = self.take_addresses(1 << bits, bits);
        self.map(INIT_VSPACE, SmallPage(CPtr(slot)), address, Rights::READ, VmAttributes::WRITE_BACK)?;
        Ok(StatusPage { address })
    }
}

impl LineSignal {
    /// Signals the line: never blocks, never fails.
    #[inline]
    pub fn signal(self) {
        syscall::signal(self.cptr());
    }
}

/// A status page, mapped for reading.
#[derive(Clone, Copy, Debug)]
pub struct StatusPage {
    address: u64,
}

impl StatusPage {
    /// The page that init mapped at this address.
    pub(crate) const fn at(address: u64) -> Self {
        Self { address }
    }

    /// A word of the page.
    pub fn word(self, word: Word) -> u64 {
        let place = (self.address as *mut u64).wrapping_add(word.index());
        // SAFETY: the page is mapped readable and stays so; a kernel writes it, and nobody here.
        let word = unsafe { AtomicU64::from_ptr(place) };
        word.load(Ordering::Relaxed)
    }

    /// How the instance is; nothing if its kernel writes what no state is.
    pub fn state(self) -> Option<State> {
        State::from_word(self.word(Word::State))
    }
}

/// A line as the doorbell of a channel, and its receiver's status page where there is one.
#[derive(Clone, Copy, Debug)]
pub struct LineDoorbell {
    signal: LineSignal,
    status: Option<StatusPage>,
}

impl LineDoorbell {
    /// Rings through `signal`; `status` tells when the peer has failed.
    pub const fn new(signal: LineSignal, status: Option<StatusPage>) -> Self {
        Self { signal, status }
    }
}

impl Doorbell for LineDoorbell {
    #[inline]
    fn ring(&self) {
        self.signal.signal();
    }

    fn peer_failed(&self) -> bool {
        let state = self.status.and_then(StatusPage::state);
        matches!(state, Some(State::Failed | State::Halted))
    }
}
