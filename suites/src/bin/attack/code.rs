// SPDX-License-Identifier: MIT OR Apache-2.0
//! Code to be tried: functions of a few instructions, which end with one that does not exist.

/// Gets its argument in the first register. What is let through comes to its end.
pub(crate) type Code = extern "C" fn() -> !;

/// Functions of these instructions and the last one.
macro_rules! codes {
    (end = $end:literal; $($(#[$meta:meta])* $name:ident = $($line:literal),+;)+) => {
        $(
            $(#[$meta])*
            #[unsafe(naked)]
            pub(crate) extern "C" fn $name() -> ! {
                core::arch::naked_asm!($($line,)+ $end)
            }
        )+
    };
}

pub(crate) use codes;
