// SPDX-License-Identifier: MIT OR Apache-2.0
//! Making one capability from another: rights, badges and guards, derivation.

use abi::sizes::WORD_BITS;
use abi::{GuardData, Rights};
use arch::{Machine, PageAccess};

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

/// What is left of the access of a frame capability; writing without reading is nothing.
pub(crate) const fn mask_access(access: PageAccess, rights: Rights) -> PageAccess {
    match access {
        PageAccess::ReadWrite if rights.can_read() && rights.can_write() => PageAccess::ReadWrite,
        PageAccess::ReadWrite | PageAccess::ReadOnly if rights.can_read() => PageAccess::ReadOnly,
        _ => PageAccess::KernelOnly,
    }
}

impl Cap {
    /// The capability with its rights cut down to `mask`.
    #[doc(alias = "maskCapRights")]
    pub(crate) fn mask_rights(self, mask: Rights) -> Self {
        match self {
            Self::Endpoint { endpoint, badge, rights } => {
                Self::Endpoint { endpoint, badge, rights: rights.intersect(mask) }
            }
            Self::Notification { notification, badge, rights } => {
                Self::Notification { notification, badge, rights: rights.intersect(mask) }
            }
            Self::Reply { reply, rights } => Self::Reply { reply, rights: rights.intersect(mask) },
            Self::Frame { base, size, access, is_device, mapping } => {
                Self::Frame { base, size, access: mask_access(access, mask), is_device, mapping }
            }
            other => other,
        }
    }

    /// The capability with a new badge or guard; null when `rule` does not allow it.
    #[doc(alias = "updateCapData")]
    pub(crate) fn update_data(self, data: u64, rule: DataRule) -> Self {
        match self {
            Self::Endpoint { endpoint, badge: 0, rights } if rule == DataRule::Mint => {
                Self::Endpoint { endpoint, badge: data, rights }
            }
            Self::Notification { notification, badge: 0, rights } if rule == DataRule::Mint => {
                Self::Notification { notification, badge: data, rights }
            }
            Self::Endpoint { .. } | Self::Notification { .. } => Self::Null,
            Self::CNode { slots, radix, .. } => {
                let data = GuardData(data);
                if data.guard_bits() + u32::from(radix) > WORD_BITS {
                    return Self::Null;
                }
                Self::CNode { slots, radix, guard: data.guard(), guard_bits: data.guard_bits() as u8 }
            }
            other => other,
        }
    }
}

impl<M: Machine> Kernel<M> {
    /// What a copy of the capability in `slot` would be, with `cap` already cut down from it; null when there are no
    /// copies of its kind.
    pub(crate) fn derive_cap(&self, slot: SlotRef, cap: Cap) -> Result<Cap, SyscallError> {
        match cap {
            Cap::Zombie { .. } | Cap::IrqControl | Cap::IoPortControl => Ok(Cap::Null),
            Cap::Untyped { .. } if self.has_children(slot) => Err(SyscallError::RevokeFirst),
            Cap::Frame { base, size, access, is_device, .. } => {
                Ok(Cap::Frame { base, size, access, is_device, mapping: None })
            }
            Cap::Table { mapping: None, .. } | Cap::VSpace { asid: None, .. } | Cap::IoPageTable { .. } => {
                Err(SyscallError::IllegalOperation)
            }
            other => Ok(other),
        }
    }
}

#[cfg(test)]
mod tests;
