// SPDX-License-Identifier: MIT OR Apache-2.0
//! One table of numbers: the macro behind every enum of this crate.
//!
//! A row is `Variant = number`; the enum, the list of all rows, and the conversions are generated from it, so a
//! number is written once.

/// Defines a table of numbers as an enum with `ALL`, `from_word`, `word` and `name`.
macro_rules! numbered {
    ($(#[$meta:meta])* $name:ident: $repr:ident {
        $($(#[$row:meta])* $variant:ident = $number:literal,)+
    }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr($repr)]
        pub enum $name {
            $($(#[$row])* $variant = $number,)+
        }

        impl $name {
            /// Every row, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The row with this number; all 64 bits count.
            #[inline]
            pub const fn from_word(word: u64) -> Option<Self> {
                match word as $repr {
                    $($number => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// The number of this row, as it appears in a register or message.
            #[inline]
            pub const fn word(self) -> u64 {
                self as $repr as u64
            }

            /// The name of this row in the tables under `docs/abi/`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => stringify!($variant),)+
                }
            }
        }
    };
}
