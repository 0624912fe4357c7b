// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frames of registers, cut out of the device untypeds that cover them.

use alloc::vec::Vec;

use abi::ObjectType;
use abi::sizes::SMALL_PAGE_BITS;
use userland::{AllocError, Boot, CPtr, RootTask, SmallPage, Untyped};

use crate::memory::PAGE;

/// Device memory that no frame was made of yet.
pub(crate) struct DeviceMemory {
    free: Vec<Piece>,
}

/// An untyped without children.
#[derive(Clone, Copy)]
struct Piece {
    untyped: Untyped,
    start: u64,
    bits: u32,
}

impl Piece {
    fn holds(&self, address: u64) -> bool {
        address.checked_sub(self.start).is_some_and(|offset| offset >> self.bits == 0)
    }
}

impl DeviceMemory {
    /// All device memory of the instance.
    pub(crate) fn new(boot: &Boot) -> Self {
        let device = boot.untypeds().filter(|(_, desc)| desc.is_device != 0);
        let piece = |(untyped, desc): (Untyped, abi::UntypedDesc)| Piece {
            untyped,
            start: abi::widen(desc.paddr),
            bits: desc.size_bits.into(),
        };
        Self { free: device.map(piece).collect() }
    }

    /// The frames of the registers from `base` on; nothing if the instance does not have them.
    pub(crate) fn frames(
        &mut self,
        root: &mut RootTask,
        base: u64,
        size: u64,
    ) -> Result<Option<Vec<SmallPage>>, AllocError> {
        let mut frames = Vec::new();
        for page in 0..size / PAGE {
            match self.frame(root, base + page * PAGE)? {
                Some(frame) => frames.push(frame),
                None => return Ok(None),
            }
        }
        Ok(Some(frames))
    }

    /// Halves the piece that holds the page until nothing else is in it.
    fn frame(&mut self, root: &mut RootTask, address: u64) -> Result<Option<SmallPage>, AllocError> {
        let Some(index) = self.free.iter().position(|piece| piece.holds(address)) else { return Ok(None) };
        let mut piece = self.free.swap_remove(index);
        while piece.bits > SMALL_PAGE_BITS {
            let bits = piece.bits - 1;
            let first = root.slots.take_many(2)?;
            piece.untyped.retype(ObjectType::Untyped, bits, first, 2)?;
            let half = |n: u64| Piece {
                untyped: Untyped(CPtr(first.0 + n)),
                start: piece.start + (n << bits),
                bits,
            };
            let (low, high) = (half(0), half(1));
            let (taken, kept) = if high.holds(address) { (high, low) } else { (low, high) };
            self.free.push(kept);
            piece = taken;
        }
        let slot = root.slots.take()?;
        piece.untyped.retype(ObjectType::SmallPage, 0, slot, 1)?;
        Ok(Some(SmallPage(slot)))
    }
}
