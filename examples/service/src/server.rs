// SPDX-License-Identifier: MIT OR Apache-2.0
//! A replica.

use shared_region::channel::ChannelError;
use userland::Program;

use crate::{Failure, LINE, divisors, layout};

/// Serves for ever: it is in the background, so that its instance does not wait for it.
pub(crate) fn run(program: &Program) -> Result<(), Failure> {
    let argument = |name: &'static str| program.argument(name).ok_or(Failure::Argument(name));
    let region = program.region(argument("region")?)?;
    let (ask, answer) = (program.receiver(argument("ask")?)?, program.sender(argument("answer")?)?);
    let opened = region.open().ok_or(Failure::Region)?;
    let mut server = opened.server(&layout(&region)?, answer.doorbell(LINE)).ok_or(Failure::Region)?;
    loop {
        match server.receive() {
            Ok(Some((ticket, number))) => server.reply(ticket, &divisors(number))?,
            Ok(None) => {
                // All answers of a batch ring once. Acknowledged before the next look, no request is overlooked.
                server.flush();
                ask.ack(ask.wait());
            }
            Err(ChannelError::PeerRestarted) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
