// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can go wrong, with its payload, encoded in one place.
//!
//! Four kinds that never mix: a [`SyscallError`] is answered to a caller, a [`LookupFailure`] explains a CPtr that
//! led nowhere, a [`Fault`] goes to a thread's handler, and [`Preempted`] means "run the same call again later".

use abi::ErrorCode;
pub use abi::{LookupFailure, LookupSide};

/// Why an invocation is refused (docs/abi/messages-and-errors.md, "Error codes").
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SyscallError {
    /// Argument number.
    InvalidArgument(u64),
    /// Capability number: 0 the invoked one, n the n-th extra one.
    InvalidCapability(u64),
    /// The operation is not possible on this object or in this state.
    IllegalOperation,
    /// An argument is outside `min..=max`.
    RangeError {
        /// Least value allowed.
        min: u64,
        /// Greatest value allowed.
        max: u64,
    },
    /// An address is not aligned.
    AlignmentError,
    /// A slot address does not resolve.
    FailedLookup(LookupSide, LookupFailure),
    /// Too few message registers or extra capabilities.
    TruncatedMessage,
    /// The destination is in use.
    DeleteFirst,
    /// The object has children or other users.
    RevokeFirst,
    /// Bytes still free in the untyped.
    NotEnoughMemory(u64),
}

/// An error as a reply message: label, words, and how many of them count.
pub struct EncodedError {
    /// Label of the reply.
    pub code: ErrorCode,
    /// Message registers.
    pub words: [u64; 5],
    /// Length of the message.
    pub length: usize,
}

impl SyscallError {
    /// The reply message for the error.
    pub const fn encode(self) -> EncodedError {
        let (code, words, length) = match self {
            Self::InvalidArgument(number) => (ErrorCode::InvalidArgument, [number, 0, 0, 0, 0], 1),
            Self::InvalidCapability(number) => (ErrorCode::InvalidCapability, [number, 0, 0, 0, 0], 1),
            Self::IllegalOperation => (ErrorCode::IllegalOperation, [0; 5], 0),
            Self::RangeError { min, max } => (ErrorCode::RangeError, [min, max, 0, 0, 0], 2),
            Self::AlignmentError => (ErrorCode::AlignmentError, [0; 5], 0),
            Self::FailedLookup(side, failure) => {
                let (w, length) = failure.encode();
                (ErrorCode::FailedLookup, [side as u64, w[0], w[1], w[2], w[3]], length + 1)
            }
            Self::TruncatedMessage => (ErrorCode::TruncatedMessage, [0; 5], 0),
            Self::DeleteFirst => (ErrorCode::DeleteFirst, [0; 5], 0),
            Self::RevokeFirst => (ErrorCode::RevokeFirst, [0; 5], 0),
            Self::NotEnoughMemory(free) => (ErrorCode::NotEnoughMemory, [free, 0, 0, 0, 0], 1),
        };
        EncodedError { code, words, length }
    }
}

/// The half of a system call in which a CPtr failed (word 2 of a CapFault).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Sending: 0.
    Send,
    /// Receiving: 1.
    Receive,
}

/// Why a thread cannot go on (docs/abi/messages-and-errors.md, "Fault types").
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// A CPtr given to a system call does not resolve.
    CapFault {
        /// The CPtr.
        address: u64,
        /// Which half of the call.
        phase: Phase,
        /// Why.
        failure: LookupFailure,
    },
    /// The system call number is not one.
    UnknownSyscall {
        /// The number.
        number: u64,
    },
    /// A processor exception other than a page fault.
    UserException {
        /// Vector.
        vector: u64,
        /// Hardware error code, 0 when there is none.
        code: u64,
    },
    /// The budget is used up.
    Timeout {
        /// Data word of the scheduling context.
        data: u64,
    },
    /// A page fault.
    VmFault {
        /// The address touched.
        address: u64,
        /// What the hardware says of it; see [`crate::Event::PageFault`].
        code: u64,
    },
}

/// A fault as stored in a TCB: kind and up to six words; all zero means none.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct RawFault {
    kind: u64,
    words: [u64; 6],
}

impl RawFault {
    const NONE: u64 = 0;
    const CAP_FAULT: u64 = abi::FaultKind::CapFault as u64;
    const UNKNOWN_SYSCALL: u64 = abi::FaultKind::UnknownSyscall as u64;
    const USER_EXCEPTION: u64 = abi::FaultKind::UserException as u64;
    const TIMEOUT: u64 = abi::FaultKind::Timeout as u64;
    const VM_FAULT: u64 = abi::FaultKind::VmFault as u64;

    /// Whether a fault is stored.
    #[inline]
    pub const fn is_some(&self) -> bool {
        self.kind != Self::NONE
    }

    /// Forgets the fault.
    #[inline]
    pub fn clear(&mut self) {
        self.kind = Self::NONE;
    }

    /// Stores `fault`. Callers that know its kind have no choice to make.
    #[inline(always)]
    pub fn set(&mut self, fault: Fault) {
        *self = match fault {
            Fault::CapFault { address, phase, failure } => {
                let (w, _) = failure.encode();
                let phase = matches!(phase, Phase::Receive) as u64;
                Self { kind: Self::CAP_FAULT, words: [address, phase, w[0], w[1], w[2], w[3]] }
            }
            Fault::UnknownSyscall { number } => {
                Self { kind: Self::UNKNOWN_SYSCALL, words: [number, 0, 0, 0, 0, 0] }
            }
            Fault::UserException { vector, code } => {
                Self { kind: Self::USER_EXCEPTION, words: [vector, code, 0, 0, 0, 0] }
            }
            Fault::Timeout { data } => Self { kind: Self::TIMEOUT, words: [data, 0, 0, 0, 0, 0] },
            Fault::VmFault { address, code } => {
                Self { kind: Self::VM_FAULT, words: [address, code, 0, 0, 0, 0] }
            }
        };
    }

    /// The stored fault.
    pub const fn get(&self) -> Option<Fault> {
        let w = &self.words;
        Some(match self.kind {
            Self::CAP_FAULT => Fault::CapFault {
                address: w[0],
                phase: if w[1] == 0 { Phase::Send } else { Phase::Receive },
                failure: match LookupFailure::decode([w[2], w[3], w[4], w[5]]) {
                    Some(failure) => failure,
                    None => LookupFailure::InvalidRoot,
                },
            },
            Self::UNKNOWN_SYSCALL => Fault::UnknownSyscall { number: w[0] },
            Self::USER_EXCEPTION => Fault::UserException { vector: w[0], code: w[1] },
            Self::TIMEOUT => Fault::Timeout { data: w[0] },
            Self::VM_FAULT => Fault::VmFault { address: w[0], code: w[1] },
            _ => return None,
        })
    }
}

/// The operation stopped at a preemption point in a consistent state; the system call is to be run again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Preempted;
