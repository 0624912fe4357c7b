// SPDX-License-Identifier: MIT OR Apache-2.0
//! The bootinfo of this root task.
#![allow(unsafe_code)] // reads the pages that the kernel filled

use crate::capability::{CPtr, SchedControl, SmallPage, Untyped};
use abi::chunk::skerry::{Channel, Direction, Peer, Region, SkerryChunk};
use abi::chunk::{ChunkId, Chunks};
use abi::{BootInfo, UntypedDesc};

/// What the kernel told this root task.
#[derive(Clone, Copy, Debug)]
pub struct Boot {
    info: &'static BootInfo,
    extra: &'static [u8],
}

impl Boot {
    /// The bootinfo at an address, with the extra bootinfo behind it.
    ///
    /// # Safety
    ///
    /// `address` is what the kernel passed in the first register, and nobody writes or unmaps the bootinfo or the extra bootinfo.
    pub unsafe fn from_address(address: u64) -> Self {
        // SAFETY: the kernel put a bootinfo there; it stays as it is.
        let info = unsafe { &*(address as *const BootInfo) };
        let extra = (address + BootInfo::EXTRA_OFFSET) as *const u8;
        // SAFETY: `extra_len` bytes are mapped from the next page on; they stay as they are.
        let extra = unsafe { core::slice::from_raw_parts(extra, info.extra_len as usize) };
        Self { info, extra }
    }

    /// The structure itself.
    pub const fn info(&self) -> &'static BootInfo {
        self.info
    }

    /// What the plan gave this instance; nothing if a plain program owns the machine.
    pub fn chunk(&self) -> Option<SkerryChunk<'static>> {
        SkerryChunk::find(self.extra)
    }

    /// The chunks of the extra bootinfo.
    pub const fn chunks(&self) -> Chunks<'static> {
        Chunks::new(self.extra)
    }

    /// Whole megahertz of the TSC.
    pub fn tsc_mhz(&self) -> Option<u32> {
        self.chunks().find(ChunkId::X86TscFrequency).and_then(|chunk| chunk.tsc_mhz())
    }

    /// The words of the arguments.
    pub fn arguments(&self) -> core::str::SplitAsciiWhitespace<'static> {
        self.chunk().map_or("", |chunk| chunk.arguments()).split_ascii_whitespace()
    }

    /// The text behind `name=` in the arguments.
    pub fn argument(&self, name: &str) -> Option<&'static str> {
        self.arguments().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
    }

    /// The other instance with this name.
    pub fn peer(&self, name: &str) -> Option<Peer> {
        self.chunk()?.peers().find(|peer| peer.name.as_str() == name)
    }

    /// The shared region with this name.
    pub fn region(&self, name: &str) -> Option<Region> {
        self.chunk()?.regions().find(|region| region.name.as_str() == name)
    }

    /// The channel to or from an instance.
    pub fn channel(&self, peer: u32, direction: Direction) -> Option<Channel> {
        let wanted =
            |channel: &Channel| channel.peer == peer && u64::from(channel.direction) == direction.word();
        self.chunk()?.channels().find(wanted)
    }

    /// The untypeds, with what each covers.
    pub fn untypeds(&self) -> impl Iterator<Item = (Untyped, UntypedDesc)> {
        self.info.untyped.slots().zip(self.info.untyped_list).map(|(slot, desc)| (Untyped(CPtr(slot)), desc))
    }

    /// The control over scheduling contexts.
    pub const fn sched_control(&self) -> SchedControl {
        SchedControl(CPtr(self.info.sched_control.slots().start))
    }

    /// The frame of the image that an address lies in; nothing if it lies outside.
    pub fn image_frame(&self, address: u64) -> Option<SmallPage> {
        let mut frames = self.info.user_image_frames.slots();
        let index = address.checked_sub(IMAGE_START)? >> abi::sizes::SMALL_PAGE_BITS;
        let slot = frames.nth(usize::try_from(index).ok()?)?;
        Some(SmallPage(CPtr(slot)))
    }
}

/// Where the image of a root task starts; `link.ld` says so too.
pub const IMAGE_START: u64 = 0x40_0000;

#[cfg(test)]
mod tests {
    use super::*;
    use abi::chunk::skerry::{Contents, Name};
    use abi::{SlotRegion, WORD_BYTES, Word, cut};

    /// A bootinfo page and the extra bootinfo behind it, as the kernel lays them out.
    fn boot() -> Boot {
        let mut info = BootInfo::EMPTY;
        info.untyped = SlotRegion::new(40, 42);
        info.untyped_list[1] = UntypedDesc::new(0x20_0000, 21, false);
        info.user_image_frames = SlotRegion::new(20, 30);
        let name = |text| Name::new(text).expect("short");
        let channel = Channel { peer: 3, direction: 1, lines: 8, flags: 1, name: name("a-b") };
        let contents = Contents {
            instance: 2,
            arguments: "only=untyped verbose",
            channels: &[channel],
            ..Contents::default()
        };
        let mut extra = vec![0; abi::chunk::TSC_LEN + contents.encoded_len()];
        let tsc = abi::chunk::write_tsc_frequency(&mut extra, 2596).expect("fits");
        contents.encode(&mut extra[tsc..]).expect("fits");
        info.extra_len = cut(extra.len() as u64);

        let words = BootInfo::EXTRA_OFFSET as usize / WORD_BYTES;
        let mut pages: Vec<Word> = vec![0; words + extra.len().div_ceil(WORD_BYTES)];
        pages[..BootInfo::WORDS].copy_from_slice(&info.to_words());
        for (word, bytes) in pages[words..].iter_mut().zip(extra.chunks(WORD_BYTES)) {
            let mut padded = [0; WORD_BYTES];
            padded[..bytes.len()].copy_from_slice(bytes);
            *word = Word::from_le_bytes(padded);
        }
        let pages: &'static [Word] = Box::leak(pages.into_boxed_slice());
        // SAFETY: the pages are laid out as by the kernel, and leaked.
        unsafe { Boot::from_address(pages.as_ptr() as u64) }
    }

    #[test]
    fn the_chunk_behind_the_bootinfo_is_found() {
        let boot = boot();
        assert_eq!(boot.chunk().map(|chunk| chunk.instance()), Some(2));
        assert_eq!(boot.tsc_mhz(), Some(2596));
        assert_eq!(boot.channel(3, Direction::Send).map(|channel| channel.lines), Some(8));
        assert!(boot.channel(3, Direction::Receive).is_none());
        assert!(boot.peer("north").is_none() && boot.region("shared").is_none());
    }

    #[test]
    fn arguments_are_words_and_some_have_values() {
        let boot = boot();
        assert_eq!(boot.arguments().collect::<Vec<_>>(), ["only=untyped", "verbose"]);
        assert_eq!(boot.argument("only"), Some("untyped"));
        assert_eq!(boot.argument("verbose"), None);
    }

    #[test]
    fn untypeds_go_with_their_slots() {
        let untypeds: Vec<(Untyped, u8)> =
            boot().untypeds().map(|(untyped, desc)| (untyped, desc.size_bits)).collect();
        assert_eq!(untypeds, [(Untyped(CPtr(40)), 0), (Untyped(CPtr(41)), 21)]);
    }

    #[test]
    fn an_address_of_the_image_has_a_frame() {
        let boot = boot();
        assert_eq!(boot.image_frame(IMAGE_START + 0x1fff), Some(SmallPage(CPtr(21))));
        assert_eq!(boot.image_frame(IMAGE_START - 1), None);
        assert_eq!(boot.image_frame(IMAGE_START + 10 * 4096), None);
    }
}
