// SPDX-License-Identifier: MIT OR Apache-2.0
//! What was tried, what came of it, and what should have.

use crate::Failure;
use crate::intruder::Fault;
use userland::{Error, println, report_row};

/// How an attempt ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Answer {
    /// The kernel refused.
    Refused(Error),
    /// The processor stopped the thread that tried.
    Stopped(Fault),
    /// There is nothing to try it with.
    Nothing,
    /// It succeeded.
    Allowed,
}

impl<T> From<Result<T, Error>> for Answer {
    fn from(result: Result<T, Error>) -> Self {
        match result {
            Ok(_) => Self::Allowed,
            Err(error) => Self::Refused(error),
        }
    }
}

/// The attempts so far.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    made: u32,
    surprises: u32,
}

impl Attempts {
    /// An invocation that has to be refused with this error.
    pub(crate) fn refused<T>(&mut self, what: &str, got: Result<T, Error>, documented: Error) {
        self.compare(what, got.into(), Answer::Refused(documented));
    }

    /// Code that has to fault like this.
    pub(crate) fn stopped(&mut self, what: &str, got: Fault, documented: Fault) {
        self.compare(what, Answer::Stopped(got), Answer::Stopped(documented));
    }

    /// Something that an attack would start from, and that must not be there.
    pub(crate) fn absent(&mut self, what: &str, is_there: bool) {
        self.compare(what, if is_there { Answer::Allowed } else { Answer::Nothing }, Answer::Nothing);
    }

    fn compare(&mut self, what: &str, got: Answer, documented: Answer) {
        self.made += 1;
        if got == documented {
            println!("{what}: {got:?}, as documented");
        } else {
            self.surprises += 1;
            println!("{what}: {got:?}, NOT as documented: {documented:?}");
        }
    }

    /// Reports the sum.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        let Self { made, surprises } = self;
        report_row(format_args!("{{\"attempts\":{made},\"not_as_documented\":{surprises}}}"));
        if surprises == 0 { Ok(()) } else { Err(Failure::Surprises(surprises)) }
    }
}
