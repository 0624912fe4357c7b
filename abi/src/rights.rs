// SPDX-License-Identifier: MIT OR Apache-2.0
//! The rights word of capabilities.

/// Rights a copy keeps; bits above the lowest four are ignored.
#[doc(alias = "seL4_CapRights_t")]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[repr(transparent)]
pub struct Rights(pub u64);

impl Rights {
    /// No rights.
    pub const NONE: Self = Self(0);
    /// Send, or write to a frame.
    pub const WRITE: Self = Self(1 << 0);
    /// Receive, or read a frame.
    pub const READ: Self = Self(1 << 1);
    /// Send capabilities along.
    pub const GRANT: Self = Self(1 << 2);
    /// Let the receiver reply.
    pub const GRANT_REPLY: Self = Self(1 << 3);
    /// Write and read.
    pub const READ_WRITE: Self = Self(Self::WRITE.0 | Self::READ.0);
    /// All but write.
    pub const NO_WRITE: Self = Self(Self::ALL.0 & !Self::WRITE.0);
    /// All but read.
    pub const NO_READ: Self = Self(Self::ALL.0 & !Self::READ.0);
    /// All four rights.
    pub const ALL: Self = Self(0xf);

    /// Is the write (send) right there?
    #[inline]
    pub const fn can_write(self) -> bool {
        self.0 & Self::WRITE.0 != 0
    }

    /// Is the read (receive) right there?
    #[inline]
    pub const fn can_read(self) -> bool {
        self.0 & Self::READ.0 != 0
    }

    /// Is the grant right there?
    #[inline]
    pub const fn can_grant(self) -> bool {
        self.0 & Self::GRANT.0 != 0
    }

    /// Is the grant-reply right there?
    #[inline]
    pub const fn can_grant_reply(self) -> bool {
        self.0 & Self::GRANT_REPLY.0 != 0
    }

    /// The rights both words have.
    #[inline]
    pub const fn intersect(self, other: Self) -> Self {
        Self(self.0 & other.0 & Self::ALL.0)
    }

    /// The word.
    #[inline]
    pub const fn word(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_rights_have_the_words_programs_expect() {
        assert_eq!(Rights::ALL.word(), 15);
        assert_eq!(Rights::READ_WRITE.word(), 3);
        assert_eq!(Rights::NO_READ.word(), 13);
        assert_eq!(Rights::NO_WRITE.word(), 14);
        assert_eq!(Rights::NONE.word(), 0);
    }

    #[test]
    fn bits_above_the_rights_are_ignored() {
        let rights = Rights(0xfff0 | 0b0101);
        assert!(rights.can_write() && rights.can_grant());
        assert!(!rights.can_read() && !rights.can_grant_reply());
        assert_eq!(rights.intersect(Rights::ALL), Rights(0b0101));
    }
}
