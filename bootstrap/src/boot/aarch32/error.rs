// SPDX-License-Identifier: MIT OR Apache-2.0
//! What of a machine of Arm cannot be used: its cores, or what its device tree says.

use core::fmt;

use bootstrap::device_tree::TreeError;

/// Why a machine cannot be used.
#[derive(Debug)]
pub(crate) enum MachineError {
    /// Its device tree.
    Tree(TreeError),
    /// A core about which nothing is known.
    Core {
        /// Its name for itself.
        midr: u32,
    },
}

impl From<TreeError> for MachineError {
    fn from(error: TreeError) -> Self {
        Self::Tree(error)
    }
}

impl fmt::Display for MachineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tree(error) => write!(f, "{error}"),
            Self::Core { midr } => write!(
                f,
                "MIDR {midr:#010x} names a core that is not known; expected a Cortex-A7 or Cortex-A15 of any revision \
                 (0x410fc07., 0x410fc0f.); start a machine that has these (QEMU: -cpu cortex-a15)"
            ),
        }
    }
}
