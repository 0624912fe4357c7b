// SPDX-License-Identifier: MIT OR Apache-2.0
//! Mapped frames that tests look into.
#![allow(unsafe_code)] // reads and writes what a test mapped

use crate::check::Failure;
use crate::env::Env;
use abi::{Rights, VmAttributes};
use userland::object::{Frame, Table};
use userland::{Error, INIT_VSPACE, PageDirectory, PageTable, Pdpt, VSpace};

pub(crate) use crate::machine::{ADDRESS, FAR_ADDRESS};

/// How table and frame are cached in all tests but those about it.
pub(crate) const CACHED: VmAttributes = VmAttributes::WRITE_BACK;

/// A frame mapped in the suite's address space, at [`ADDRESS`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    address: u64,
}

impl Window {
    /// Maps a frame, and the tables it needs.
    pub(crate) fn map(env: &mut Env, frame: impl Frame, rights: Rights) -> Result<Self, Failure> {
        map(env, INIT_VSPACE, frame, ADDRESS, rights)?;
        Ok(Self { address: ADDRESS })
    }

    /// Maps another frame there.
    pub(crate) fn remap(self, frame: impl Frame, rights: Rights) -> Result<(), Error> {
        frame.map(INIT_VSPACE, self.address, rights, CACHED)
    }

    /// A word of the frame.
    pub(crate) fn get(self, index: usize) -> u64 {
        let place = (self.address as *const u64).wrapping_add(index);
        // SAFETY: tests look only into frames that they mapped, which hold nothing but words.
        unsafe { place.read_volatile() }
    }

    /// Writes a word of the frame.
    pub(crate) fn set(self, index: usize, word: u64) {
        let place = (self.address as *mut u64).wrapping_add(index);
        // SAFETY: as for `get`; the frame belongs to the test.
        unsafe { place.write_volatile(word) }
    }
}

/// Maps a frame, and the tables it needs.
pub(crate) fn map(
    env: &mut Env,
    vspace: VSpace,
    frame: impl Frame,
    address: u64,
    rights: Rights,
) -> Result<(), Failure> {
    for _ in 0..3 {
        match frame.map(vspace, address, rights, CACHED) {
            Err(error) if error == Error::missing(39) => env.make::<Pdpt>()?.map(vspace, address, CACHED)?,
            Err(error) if error == Error::missing(30) => {
                env.make::<PageDirectory>()?.map(vspace, address, CACHED)?;
            }
            Err(error) if error == Error::missing(21) => {
                env.make::<PageTable>()?.map(vspace, address, CACHED)?;
            }
            result => return Ok(result?),
        }
    }
    Ok(frame.map(vspace, address, rights, CACHED)?)
}
