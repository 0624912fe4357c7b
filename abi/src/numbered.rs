// SPDX-License-Identifier: MIT OR Apache-2.0
//! One table of numbers: the macro behind every enum of this crate.
//!
//! A row is `Variant = number`, or `Variant = number / number` with the one of AArch32 behind; the enum, the list of all
//! rows, and the conversions are generated from it, so a number is written once.

/// The number of a row on this processor.
#[cfg(not(target_arch = "arm"))]
macro_rules! number_here {
    ($number:literal $($of_aarch32:literal)?) => {
        $number
    };
}
/// The number of a row on this processor.
#[cfg(target_arch = "arm")]
macro_rules! number_here {
    ($number:literal) => {
        $number
    };
    ($number:literal $of_aarch32:literal) => {
        $of_aarch32
    };
}

/// Defines a table of numbers as an enum with `ALL`, `from_word`, `word` and `name`.
macro_rules! numbered {
    ($(#[$meta:meta])* $name:ident: $repr:ident {
        $($(#[$row:meta])* $variant:ident = $number:literal $(/ $of_aarch32:literal)?,)+
    }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr($repr)]
        pub enum $name {
            $($(#[$row])* $variant = number_here!($number $($of_aarch32)?),)+
        }

        impl $name {
            /// Every row, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The row with this number; all 64 bits count.
            #[inline]
            pub const fn from_word(word: u64) -> Option<Self> {
                match word as $repr {
                    $(number_here!($number $($of_aarch32)?) => Some(Self::$variant),)+
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
