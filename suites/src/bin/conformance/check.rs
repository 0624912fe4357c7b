// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests, and how they fail.

use crate::env::Env;
use core::fmt::{self, Debug};
use core::panic::Location;
use userland::{AllocError, Error, print};

/// A test: its name, and what it does.
#[derive(Clone, Copy)]
pub(crate) struct Test {
    pub(crate) name: &'static str,
    pub(crate) run: fn(&mut Env) -> Outcome,
}

/// How a test ends.
pub(crate) type Outcome = Result<(), Failure>;

/// Lists the tests of a file.
macro_rules! tests {
    ($($name:ident),+ $(,)?) => {
        pub(crate) const TESTS: &[$crate::check::Test] =
            &[$($crate::check::Test { name: stringify!($name), run: $name }),+];
    };
}
pub(crate) use tests;

/// A test failed, and why was said when it did: the line of the test goes on with it.
#[derive(Debug)]
pub(crate) struct Failure(());

impl Failure {
    /// Says what was noticed at the caller's line.
    #[track_caller]
    pub(crate) fn new(reason: fmt::Arguments<'_>) -> Self {
        let place = Location::caller();
        let file = place.file().rsplit('/').next().unwrap_or_default();
        print!("FAILED: {file}:{}: {reason}", place.line());
        Self(())
    }
}

impl From<AllocError> for Failure {
    #[track_caller]
    fn from(error: AllocError) -> Self {
        Self::new(format_args!("cannot allocate: {error}"))
    }
}

impl From<Error> for Failure {
    #[track_caller]
    fn from(error: Error) -> Self {
        Self::new(format_args!("refused: {error}"))
    }
}

/// Fails unless the two are equal.
#[track_caller]
pub(crate) fn same<T: PartialEq + Debug>(found: T, expected: T) -> Outcome {
    if found == expected {
        return Ok(());
    }
    Err(Failure::new(format_args!("found {found:x?}, expected {expected:x?}")))
}

/// Fails unless an invocation was refused with this error.
#[track_caller]
pub(crate) fn refused<T: Debug>(result: Result<T, Error>, expected: Error) -> Outcome {
    match result {
        Err(error) if error == expected => Ok(()),
        found => Err(Failure::new(format_args!("found {found:?}, expected the error {expected:?}"))),
    }
}

/// Fails unless `holds`; `what` says what should be so.
#[track_caller]
pub(crate) fn holds(holds: bool, what: &str) -> Outcome {
    if holds { Ok(()) } else { Err(Failure::new(format_args!("does not hold: {what}"))) }
}
