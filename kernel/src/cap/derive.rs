// SPDX-License-Identifier: MIT OR Apache-2.0
//! Making one capability from another: rights, badges and guards, derivation.

use abi::Rights;
use arch::Machine;

use super::Cap;
use super::slot::SlotRef;
use crate::Kernel;
use crate::error::SyscallError;

/// Whether a badge may be set (docs/abi/invocations.md, "Badge and guard data").
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DataRule {
    /// Mint and TCB spaces.
    Mint,
    /// Mutate and Rotate.
    Mutate,
}

impl Cap {
    /// The capability with its rights cut down to `rights`.
    pub(crate) fn mask_rights(self, _rights: Rights) -> Self {
        unimplemented!()
    }

    /// The capability with a new badge or guard; null when `rule` does not allow it.
    pub(crate) fn update_data(self, _data: u64, _rule: DataRule) -> Self {
        unimplemented!()
    }
}

impl<M: Machine> Kernel<M> {
    pub(crate) fn derive_cap(&self, _slot: SlotRef, _cap: Cap) -> Result<Cap, SyscallError> {
        unimplemented!()
    }
}
