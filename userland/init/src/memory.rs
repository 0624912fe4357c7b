// SPDX-License-Identifier: MIT OR Apache-2.0
//! Memory of a program: frames mapped in its address space, and filled through a window in init's.
#![allow(unsafe_code)] // the window

use alloc::vec::Vec;

use abi::sizes::SMALL_PAGE_BITS;
use abi::{ObjectType, Rights, VmAttributes, limits, start};
use skerry_system::launch::Page;
use userland::object::Frame;
use userland::{AllocError, CPtr, Capability, INIT_VSPACE, RootTask, SmallPage, VSpace};

pub(crate) const PAGE: u64 = 1 << SMALL_PAGE_BITS;
/// Where init maps the frame that it fills, far from everything that the runtime maps.
const WINDOW: u64 = start::AREA;

/// A place for one capability of init that is used and deleted again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scratch(pub(crate) CPtr);

/// Takes `count` new frames.
pub(crate) fn frames(root: &mut RootTask, count: u64) -> Result<Vec<SmallPage>, AllocError> {
    let most = limits::MAX_RETYPE_OBJECTS.ilog2();
    let mut frames = Vec::new();
    while (frames.len() as u64) < count {
        let bits = (count - frames.len() as u64).ilog2().min(most);
        let untyped = root.untyped(SMALL_PAGE_BITS + bits)?;
        let first = root.slots.take_many(1 << bits)?;
        untyped.retype(ObjectType::SmallPage, 0, first, 1 << bits)?;
        frames.extend((0..1 << bits).map(|n| SmallPage(CPtr(first.0 + n))));
    }
    Ok(frames)
}

/// Maps a frame of data for a program.
pub(crate) fn map(
    root: &mut RootTask,
    vspace: VSpace,
    (address, frame): (u64, impl Frame),
    is_writable: bool,
) -> Result<(), AllocError> {
    let rights = if is_writable { Rights::READ_WRITE } else { Rights::READ };
    root.map(vspace, frame, address, rights, VmAttributes::EXECUTE_NEVER)
}

/// Maps a frame of a program's image.
pub(crate) fn map_image(
    root: &mut RootTask,
    vspace: VSpace,
    page: &Page,
    frame: SmallPage,
) -> Result<(), AllocError> {
    if !page.is_executable {
        return map(root, vspace, (page.address, frame), page.is_writable);
    }
    let rights = if page.is_writable { Rights::READ_WRITE } else { Rights::READ };
    root.map(vspace, frame, page.address, rights, VmAttributes::WRITE_BACK)
}

/// Clears a frame and lets `fill` write to it.
pub(crate) fn overwrite(
    root: &mut RootTask,
    scratch: Scratch,
    frame: SmallPage,
    fill: impl FnOnce(&mut [u8]),
) -> Result<(), AllocError> {
    let slot = scratch.0.slot();
    slot.copy_from(frame.slot(), Rights::ALL)?;
    let mut mapped = map(root, INIT_VSPACE, (WINDOW, SmallPage(scratch.0)), true);
    if mapped.is_ok() {
        // SAFETY: the frame was just mapped there for writing, init has one thread, and the program does not run.
        let page = unsafe { core::slice::from_raw_parts_mut(WINDOW as *mut u8, PAGE as usize) };
        page.fill(0);
        fill(page);
        // The program may fetch instructions from it.
        mapped = SmallPage(scratch.0).unify(0..PAGE).map_err(AllocError::from);
    }
    // Deleting the last capability to a mapping removes the mapping.
    slot.delete()?;
    mapped
}
