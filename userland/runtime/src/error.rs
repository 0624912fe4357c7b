// SPDX-License-Identifier: MIT OR Apache-2.0
//! Errors of invocations, as values.

use abi::{ErrorCode, FAILED_LOOKUP_BASE, LookupFailure, LookupFailureKind, LookupSide, MessageInfo};
use core::fmt;

/// Why an invocation was refused, with the words of the kernel's reply.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Error {
    /// The argument with this number is wrong.
    InvalidArgument(u64),
    /// The capability with this number is wrong; 0 is the invoked one.
    InvalidCapability(u64),
    /// The operation does not exist here or its conditions do not hold.
    IllegalOperation,
    /// An argument is outside these bounds, both included.
    Range(u64, u64),
    /// An address is not aligned.
    Alignment,
    /// A slot, table or root was not found.
    FailedLookup(LookupSide, LookupFailure),
    /// Too few words or capabilities were sent.
    TruncatedMessage,
    /// The slot, entry or pool is in use.
    DeleteFirst,
    /// The capability has children, or the resource was issued already.
    RevokeFirst,
    /// Only so many bytes are free.
    NotEnoughMemory(u64),
    /// A reply whose label or length no kernel sends.
    Malformed(MessageInfo),
}

/// The most words an error reply has.
pub(crate) const MAX_WORDS: usize = FAILED_LOOKUP_BASE + LookupFailureKind::GuardMismatch.words();

/// Reads the words of an encoded failure, of which there must be exactly as many as its kind has.
fn lookup_failure(words: &[u64]) -> Option<LookupFailure> {
    let mut padded = [0; LookupFailureKind::GuardMismatch.words()];
    padded.get_mut(..words.len())?.copy_from_slice(words);
    LookupFailure::decode(padded).filter(|failure| failure.encode().1 == words.len())
}

impl Error {
    /// Reads an error reply; `words` are all its message registers.
    pub(crate) fn decode(info: MessageInfo, words: &[u64]) -> Self {
        let error = match (ErrorCode::from_word(info.label()), words) {
            (Some(ErrorCode::InvalidArgument), &[number]) => Some(Self::InvalidArgument(number)),
            (Some(ErrorCode::InvalidCapability), &[number]) => Some(Self::InvalidCapability(number)),
            (Some(ErrorCode::IllegalOperation), []) => Some(Self::IllegalOperation),
            (Some(ErrorCode::RangeError), &[min, max]) => Some(Self::Range(min, max)),
            (Some(ErrorCode::AlignmentError), []) => Some(Self::Alignment),
            (Some(ErrorCode::FailedLookup), &[source, ref failure @ ..]) => {
                let side = if source == 0 { LookupSide::Target } else { LookupSide::Source };
                lookup_failure(failure).map(|failure| Self::FailedLookup(side, failure))
            }
            (Some(ErrorCode::TruncatedMessage), []) => Some(Self::TruncatedMessage),
            (Some(ErrorCode::DeleteFirst), []) => Some(Self::DeleteFirst),
            (Some(ErrorCode::RevokeFirst), []) => Some(Self::RevokeFirst),
            (Some(ErrorCode::NotEnoughMemory), &[free]) => Some(Self::NotEnoughMemory(free)),
            _ => None,
        };
        error.unwrap_or(Self::Malformed(info))
    }

    /// The code of the reply; nothing if it had none.
    pub const fn code(self) -> Option<ErrorCode> {
        Some(match self {
            Self::InvalidArgument(_) => ErrorCode::InvalidArgument,
            Self::InvalidCapability(_) => ErrorCode::InvalidCapability,
            Self::IllegalOperation => ErrorCode::IllegalOperation,
            Self::Range(..) => ErrorCode::RangeError,
            Self::Alignment => ErrorCode::AlignmentError,
            Self::FailedLookup(..) => ErrorCode::FailedLookup,
            Self::TruncatedMessage => ErrorCode::TruncatedMessage,
            Self::DeleteFirst => ErrorCode::DeleteFirst,
            Self::RevokeFirst => ErrorCode::RevokeFirst,
            Self::NotEnoughMemory(_) => ErrorCode::NotEnoughMemory,
            Self::Malformed(_) => return None,
        })
    }

    /// The failure of a target that does not exist because a page table or capability is missing.
    pub const fn missing(bits_left: u64) -> Self {
        Self::FailedLookup(LookupSide::Target, LookupFailure::MissingCapability { bits_left })
    }

    /// The failure of a source whose slot is empty.
    pub const fn missing_source(bits_left: u64) -> Self {
        Self::FailedLookup(LookupSide::Source, LookupFailure::MissingCapability { bits_left })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl core::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(code: ErrorCode, words: &[u64]) -> Error {
        Error::decode(MessageInfo::new(code.word(), 0, 0, words.len()), words)
    }

    #[test]
    fn every_error_carries_the_words_of_its_reply() {
        assert_eq!(decode(ErrorCode::InvalidArgument, &[3]), Error::InvalidArgument(3));
        assert_eq!(decode(ErrorCode::InvalidCapability, &[1]), Error::InvalidCapability(1));
        assert_eq!(decode(ErrorCode::RangeError, &[1, 64]), Error::Range(1, 64));
        assert_eq!(decode(ErrorCode::NotEnoughMemory, &[4096]), Error::NotEnoughMemory(4096));
        assert_eq!(decode(ErrorCode::DeleteFirst, &[]), Error::DeleteFirst);
    }

    #[test]
    fn a_failed_lookup_says_what_was_looked_up_and_why_it_failed() {
        assert_eq!(decode(ErrorCode::FailedLookup, &[0, 2, 30]), Error::missing(30));
        assert_eq!(
            decode(ErrorCode::FailedLookup, &[1, 4, 64, 5, 51]),
            Error::FailedLookup(
                LookupSide::Source,
                LookupFailure::GuardMismatch { bits_left: 64, guard: 5, guard_bits: 51 }
            )
        );
        assert_eq!(
            decode(ErrorCode::FailedLookup, &[0, 1]),
            Error::FailedLookup(LookupSide::Target, LookupFailure::InvalidRoot)
        );
    }

    #[test]
    fn a_reply_of_the_wrong_length_or_label_is_malformed() {
        let malformed = [
            decode(ErrorCode::RangeError, &[1]),
            decode(ErrorCode::DeleteFirst, &[0]),
            decode(ErrorCode::FailedLookup, &[0, 2]),
            decode(ErrorCode::FailedLookup, &[0, 9, 9]),
            Error::decode(MessageInfo::new(11, 0, 0, 0), &[]),
        ];
        assert!(malformed.iter().all(|error| matches!(error, Error::Malformed(_)) && error.code().is_none()));
    }

    #[test]
    fn codes_match_the_errors() {
        for &code in ErrorCode::ALL.iter().filter(|&&code| code != ErrorCode::NoError) {
            let words: &[u64] = match code {
                ErrorCode::FailedLookup => &[0, 2, 21],
                _ => &[1, 2][..code.message_length()],
            };
            assert_eq!(decode(code, words).code(), Some(code));
        }
    }
}
