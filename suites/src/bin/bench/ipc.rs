// SPDX-License-Identifier: MIT OR Apache-2.0
//! Messages between two threads: Call, ReplyRecv, Send.

use crate::lab::{BASE, ENTERED, HIGHER, LEFT, Lab, Partner, Place};
use crate::series::Series;
use crate::stub::{self, stamp};
use abi::MessageInfo;
use abi::flags::TCB_FPU_DISABLED;
use abi::sizes::WORD_BITS;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use userland::{AllocError, CPtr, Endpoint, INIT_CNODE, INIT_TCB, IpcBuffer, Notification, Reply, Tcb};

/// Words of the reply.
static REPLY_WORDS: AtomicU64 = AtomicU64::new(0);

/// Measures Call and ReplyRecv with messages of these lengths, in another and in the same address space.
#[inline(never)]
pub(crate) fn call_and_reply(lab: &mut Lab<'_>, lengths: &[usize]) -> Result<(), AllocError> {
    for (place, suffix) in [(Place::Elsewhere, ""), (Place::Here, ", same address space")] {
        let pair = Pair::new(lab, Partner::passive(place))?;
        for &words in lengths {
            pair.measure(lab, words, suffix)?;
        }
        if place == Place::Elsewhere {
            pair.set_fpu(Fpu::Owned)?;
            pair.measure(lab, 0, ", FPU owners")?;
            pair.set_fpu(Fpu::Off)?;
        }
    }
    Ok(())
}

/// Measures Call and ReplyRecv with a server that has a scheduling context of its own.
pub(crate) fn call_active_server(lab: &mut Lab<'_>) -> Result<(), AllocError> {
    let pair = Pair::new(lab, Partner::active(Place::Elsewhere, BASE))?;
    [0, 10].iter().try_for_each(|&words| pair.measure(lab, words, ", active server"))
}

/// Whether threads have floating-point state.
#[derive(Clone, Copy)]
enum Fpu {
    /// Using the unit faults.
    Off,
    /// The unit is switched with the thread.
    Owned,
}

/// The measuring thread and a server.
pub(crate) struct Pair {
    endpoint: Endpoint,
    server: Tcb,
    partner: Partner,
}

impl Pair {
    /// Makes the server, which runs as `partner` says.
    pub(crate) fn new(lab: &mut Lab<'_>, partner: Partner) -> Result<Self, AllocError> {
        let endpoint: Endpoint = lab.task.make()?;
        let reply: Reply = lab.task.make()?;
        let server = lab.partner(partner, move || serve(endpoint, reply))?;
        Ok(Self { endpoint, server: server.tcb, partner })
    }

    /// Gives both threads floating-point state, or takes it from them.
    fn set_fpu(&self, fpu: Fpu) -> Result<(), AllocError> {
        let (clear, set) = match fpu {
            Fpu::Off => (0, TCB_FPU_DISABLED),
            Fpu::Owned => (TCB_FPU_DISABLED, 0),
        };
        for tcb in [INIT_TCB, self.server] {
            tcb.set_flags(clear, set)?;
        }
        Ok(())
    }

    /// Calls the server.
    #[inline(always)]
    pub(crate) fn call(&self, info: MessageInfo) {
        stub::call(self.endpoint.0, info);
    }

    /// Measures with messages of so many words.
    #[inline(never)]
    fn measure(&self, lab: &Lab<'_>, words: usize, suffix: &str) -> Result<(), AllocError> {
        let info = MessageInfo::new(0, 0, 0, words);
        REPLY_WORDS.store(words as u64, Relaxed);
        let [call, reply] = Series::take_two(|| {
            let start = stamp();
            self.call(info);
            let end = stamp();
            Ok([ENTERED.load(Relaxed) - start, end - LEFT.load(Relaxed)])
        })?;
        call.report_with(format_args!("Call, {words} words{suffix}"), lab.cost.pair, self.partner);
        reply.report_with(format_args!("ReplyRecv, {words} words{suffix}"), lab.cost.stored, self.partner);
        Ok(())
    }
}

fn serve(endpoint: Endpoint, reply: Reply) {
    stub::recv(endpoint.0, reply.0);
    loop {
        ENTERED.store(stamp(), Relaxed);
        let info = MessageInfo::new(0, 0, 0, REPLY_WORDS.load(Relaxed) as usize);
        LEFT.store(stamp(), Relaxed);
        stub::reply_recv(endpoint.0, info, reply.0);
    }
}

/// Measures Send to a receiver that takes the processor at once.
#[inline(never)]
pub(crate) fn send_to_higher(lab: &mut Lab<'_>) -> Result<(), AllocError> {
    let endpoint: Endpoint = lab.task.make()?;
    let reply: Reply = lab.task.make()?;
    let receiver = Partner::active(Place::Elsewhere, HIGHER);
    lab.partner(receiver, move || {
        loop {
            stub::recv(endpoint.0, reply.0);
            ENTERED.store(stamp(), Relaxed);
        }
    })?;
    let series = Series::take(|| {
        let start = stamp();
        stub::send(endpoint.0, MessageInfo(0));
        Ok(ENTERED.load(Relaxed) - start)
    })?;
    series.report_with("Send, 0 words, to a higher-priority receiver", lab.cost.pair, receiver);
    Ok(())
}

/// Measures Call and ReplyRecv with a capability that the receiver keeps.
#[inline(never)]
pub(crate) fn call_with_capability(lab: &mut Lab<'_>) -> Result<(), AllocError> {
    let endpoint: Endpoint = lab.task.make()?;
    let reply: Reply = lab.task.make()?;
    let given: Notification = lab.task.make()?;
    let place = lab.task.slots.take()?;
    let own_place = lab.task.slots.take()?;
    lab.server(Place::Elsewhere, move || exchange(endpoint, reply, given.0, place))?;
    IpcBuffer::current().set_receive_slot(INIT_CNODE.0, own_place.0, WORD_BITS as u64);
    let [there, back] = Series::take_two(|| {
        IpcBuffer::current().set_cap(0, given.0);
        let start = stamp();
        stub::call(endpoint.0, CAPABILITY);
        let end = stamp();
        own_place.slot().delete()?;
        Ok([ENTERED.load(Relaxed) - start, end - LEFT.load(Relaxed)])
    })?;
    there.report("Call, 0 words and a capability", lab.cost.pair);
    back.report("ReplyRecv, 0 words and a capability", lab.cost.stored);
    Ok(())
}

/// A message that is nothing but a capability.
const CAPABILITY: MessageInfo = MessageInfo::new(0, 0, 1, 0);

/// Receives capabilities into `place`, deletes each, and answers with another.
fn exchange(endpoint: Endpoint, reply: Reply, given: CPtr, place: CPtr) {
    IpcBuffer::current().set_receive_slot(INIT_CNODE.0, place.0, WORD_BITS as u64);
    stub::recv(endpoint.0, reply.0);
    loop {
        ENTERED.store(stamp(), Relaxed);
        // An empty slot may be deleted too: the kernel refuses nothing here.
        let _ = place.slot().delete();
        IpcBuffer::current().set_cap(0, given);
        LEFT.store(stamp(), Relaxed);
        stub::reply_recv(endpoint.0, CAPABILITY, reply.0);
    }
}
