// SPDX-License-Identifier: MIT OR Apache-2.0
//! Error codes of kernel replies and the encoding of a failed lookup.

numbered! {
    /// The label of a kernel reply.
    ErrorCode: u64 {
        /// The invocation was carried out.
        NoError = 0,
        /// MR 0: the number of the argument.
        InvalidArgument = 1,
        /// MR 0: 0 for the invoked capability, n for the n-th extra one.
        InvalidCapability = 2,
        /// The operation does not exist here or its conditions do not hold.
        IllegalOperation = 3,
        /// MR 0, MR 1: the least and the greatest value allowed.
        RangeError = 4,
        /// An address is not aligned.
        AlignmentError = 5,
        /// MR 0: 1 if a source was looked up; then the failure from [`FAILED_LOOKUP_BASE`] on.
        FailedLookup = 6,
        /// Too few words or capabilities were sent.
        TruncatedMessage = 7,
        /// The slot, entry or pool is in use.
        DeleteFirst = 8,
        /// The capability has children, or the resource was issued already.
        RevokeFirst = 9,
        /// MR 0: the bytes still free in the untyped.
        NotEnoughMemory = 10,
    }
}

impl ErrorCode {
    /// The length of the kernel's reply; without the lookup failure for [`ErrorCode::FailedLookup`], whose
    /// words are [`LookupFailureKind::words`] more.
    #[inline]
    pub const fn message_length(self) -> usize {
        match self {
            Self::InvalidArgument | Self::InvalidCapability | Self::NotEnoughMemory => 1,
            Self::RangeError => 2,
            Self::FailedLookup => FAILED_LOOKUP_BASE,
            Self::NoError
            | Self::IllegalOperation
            | Self::AlignmentError
            | Self::TruncatedMessage
            | Self::DeleteFirst
            | Self::RevokeFirst => 0,
        }
    }
}

/// The message register where the lookup failure starts in a FailedLookup reply.
pub const FAILED_LOOKUP_BASE: usize = 1;

numbered! {
    /// Why a capability address did not resolve; the first word of an encoded lookup failure.
    LookupFailureKind: u64 {
        /// The root is no CNode. Nothing follows.
        InvalidRoot = 1,
        /// The slot is empty or holds the wrong thing. Bits left follow.
        MissingCapability = 2,
        /// The address ended in the middle of a CNode. Bits left and bits found follow.
        DepthMismatch = 3,
        /// The address differs from the guard. Bits left, the guard and its size follow.
        GuardMismatch = 4,
    }
}

impl LookupFailureKind {
    /// The number of words of the encoded failure, its kind included.
    #[inline]
    pub const fn words(self) -> usize {
        self as usize
    }
}

/// Which address of an invocation did not resolve (word 0 of a FailedLookup reply).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LookupSide {
    /// The destination.
    Target = 0,
    /// The source or pivot.
    Source = 1,
}

/// Why a CPtr does not lead to a capability (docs/abi/messages-and-errors.md, "Lookup failure").
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LookupFailure {
    /// The root is not a CNode.
    InvalidRoot,
    /// The slot is empty or holds the wrong kind of capability, or a table is missing.
    MissingCapability {
        /// Address bits not yet translated.
        bits_left: u64,
    },
    /// The address ends inside a CNode, or goes on behind something else.
    DepthMismatch {
        /// Bits available at that level.
        bits_left: u64,
        /// Bits the CNode wanted.
        bits_found: u64,
    },
    /// The guard differs.
    GuardMismatch {
        /// Bits available at that level.
        bits_left: u64,
        /// Guard of the CNode.
        guard: u64,
        /// Its size.
        guard_bits: u64,
    },
}

impl LookupFailure {
    /// The words of the failure, zero behind the last, and how many there are.
    #[inline]
    pub const fn encode(self) -> ([u64; 4], usize) {
        match self {
            Self::InvalidRoot => ([LookupFailureKind::InvalidRoot as u64, 0, 0, 0], 1),
            Self::MissingCapability { bits_left } => {
                ([LookupFailureKind::MissingCapability as u64, bits_left, 0, 0], 2)
            }
            Self::DepthMismatch { bits_left, bits_found } => {
                ([LookupFailureKind::DepthMismatch as u64, bits_left, bits_found, 0], 3)
            }
            Self::GuardMismatch { bits_left, guard, guard_bits } => {
                ([LookupFailureKind::GuardMismatch as u64, bits_left, guard, guard_bits], 4)
            }
        }
    }

    /// The failure that `words` encode; nothing for a kind that does not exist.
    pub const fn decode(words: [u64; 4]) -> Option<Self> {
        let [kind, bits_left, second, third] = words;
        let Some(kind) = LookupFailureKind::from_word(kind) else { return None };
        Some(match kind {
            LookupFailureKind::InvalidRoot => Self::InvalidRoot,
            LookupFailureKind::MissingCapability => Self::MissingCapability { bits_left },
            LookupFailureKind::DepthMismatch => Self::DepthMismatch { bits_left, bits_found: second },
            LookupFailureKind::GuardMismatch => {
                Self::GuardMismatch { bits_left, guard: second, guard_bits: third }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_eleven_error_codes_from_zero() {
        for (index, &code) in ErrorCode::ALL.iter().enumerate() {
            assert_eq!(code.word(), index as u64);
        }
        assert_eq!(ErrorCode::ALL.len(), 11);
    }

    #[test]
    fn a_failed_lookup_is_two_to_five_words_long() {
        let lengths: Vec<usize> = LookupFailureKind::ALL
            .iter()
            .map(|kind| ErrorCode::FailedLookup.message_length() + kind.words())
            .collect();
        assert_eq!(lengths, [2, 3, 4, 5]);
    }

    #[test]
    fn a_lookup_failure_reads_back_from_its_words() {
        let failures = [
            LookupFailure::InvalidRoot,
            LookupFailure::MissingCapability { bits_left: 7 },
            LookupFailure::DepthMismatch { bits_left: 5, bits_found: 8 },
            LookupFailure::GuardMismatch { bits_left: 64, guard: 5, guard_bits: 51 },
        ];
        for (failure, &kind) in failures.into_iter().zip(LookupFailureKind::ALL) {
            let (words, length) = failure.encode();
            assert_eq!((words[0], length), (kind.word(), kind.words()));
            assert_eq!(LookupFailure::decode(words), Some(failure));
        }
        assert_eq!(LookupFailure::decode([5, 0, 0, 0]), None);
    }
}
