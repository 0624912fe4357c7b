// SPDX-License-Identifier: MIT OR Apache-2.0
//! The ABI variant of an instance, as a description holds it.

use abi::Variant;
use serde::{Deserialize, Serialize};

/// An ABI variant that is encoded as one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "u64", try_from = "u64")]
pub struct Abi(Variant);

/// A word that stands for no variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:#x} is no ABI variant; image and boot code differ in version")]
pub struct UnknownVariant(u64);

impl Default for Abi {
    fn default() -> Self {
        Abi(Variant::BASE)
    }
}

impl From<Variant> for Abi {
    fn from(variant: Variant) -> Self {
        Abi(variant)
    }
}

impl From<Abi> for Variant {
    fn from(abi: Abi) -> Self {
        abi.0
    }
}

impl From<Abi> for u64 {
    fn from(abi: Abi) -> Self {
        abi.0.to_word()
    }
}

impl TryFrom<u64> for Abi {
    type Error = UnknownVariant;

    fn try_from(word: u64) -> Result<Self, UnknownVariant> {
        Variant::from_word(word).map(Abi).ok_or(UnknownVariant(word))
    }
}
