// SPDX-License-Identifier: MIT OR Apache-2.0
//! The way to one peer: region, lines, status page.

use abi::chunk::skerry::Peer;
use shared_region::channel::ChannelLayout;
use shared_region::{Region, RegionLayout};
use userland::sharing::LineDoorbell;
use userland::{Error, IrqHandler, Notification, RootTask};

use crate::question::{Answer, Question};
use crate::{CAPACITY, Failure};

/// Lines of every channel: the doorbell and the failure line.
const LINES: usize = 2;

/// Everything between this instance and a peer.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) region: Region<'static>,
    pub(crate) layout: ChannelLayout<Question, Answer>,
    pub(crate) doorbell: LineDoorbell,
    handlers: [IrqHandler; LINES],
}

impl Link {
    /// Opens `region`, and binds both lines from the peer to `notification`.
    pub(crate) fn open(
        task: &mut RootTask,
        region: &str,
        peer: Peer,
        notification: Notification,
    ) -> Result<Self, Failure> {
        let described = task.boot.region(region).ok_or(Failure::Description("region named as the client"))?;
        let layout = RegionLayout::new(described.size as usize).channel(CAPACITY);
        let signal = task.send_line(peer.instance, 0)?;
        let status = task.map_status(peer.status_slot)?;
        let receive = |line| task.receive_line(peer.instance, line, notification);
        let handlers = [0, 1].map(receive);
        let [doorbell, failure] = handlers;
        Ok(Self {
            region: task.open_region(&described)?,
            layout: layout.map_err(|_| Failure::Description("room in the region"))?,
            doorbell: LineDoorbell::new(signal, Some(status)),
            handlers: [doorbell?, failure?],
        })
    }

    /// To be done before each wait: signals since the last one end it at once.
    pub(crate) fn ack(&self) -> Result<(), Error> {
        self.handlers.iter().try_for_each(|handler| handler.ack())
    }
}
