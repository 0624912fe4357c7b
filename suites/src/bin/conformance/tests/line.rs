// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lines between instances. Alone on a machine, an instance has none and is refused every one.

use crate::check::{Outcome, refused, same, tests};
use crate::env::{DEPTH, Env, invoke, kind};
use abi::chunk::skerry::{Channel, Direction};
use abi::{CapTag, Label, Rights};
use userland::{
    Capability, Error, INIT_CNODE, INIT_TCB, IRQ_CONTROL, InstanceControl, IrqHandler, LineSignal, Message,
    Slot, syscall,
};

tests!(
    irq_control_issue_line_signal_checks_in_order,
    irq_control_issue_line_signal_is_as_often_as_wanted,
    irq_control_issue_line_signal_has_no_rights_and_no_badge,
    irq_control_get_line_checks_in_order,
    irq_control_get_line_gives_a_line_once,
    irq_handler_ack_lines_takes_a_word,
    instance_control_stop_needs_its_capability,
    instance_control_start_needs_its_capability,
);

/// A number that no instance has.
const NOBODY: u32 = 255;

fn first(env: &Env, direction: Direction) -> Option<Channel> {
    env.boot.chunk()?.channels().find(|channel| u64::from(channel.direction) == direction.word())
}

/// The checks that the two invocations have in common.
fn check_common(env: &mut Env, label: Label, channel: Option<Channel>) -> Outcome {
    let slot = env.slot()?;
    let words = [99, u64::from(NOBODY), slot.0, DEPTH + 1];
    refused(invoke(IRQ_CONTROL, label, &words[..3], &[INIT_CNODE.0]), Error::TruncatedMessage)?;
    refused(invoke(IRQ_CONTROL, label, &words, &[]), Error::TruncatedMessage)?;
    let own = abi::widen(env.boot.info().node_id);
    for peer in [u64::from(NOBODY), own, u64::MAX] {
        let words = [99, peer, slot.0, DEPTH + 1];
        refused(invoke(IRQ_CONTROL, label, &words, &[INIT_CNODE.0]), Error::InvalidArgument(1))?;
    }
    let Some(channel) = channel else { return Ok(()) };
    let with = |line, depth, index| {
        invoke(IRQ_CONTROL, label, &[line, channel.peer.into(), index, depth], &[INIT_CNODE.0]).map(|_| ())
    };
    let lines = u64::from(channel.lines);
    refused(with(lines, DEPTH + 1, slot.0), Error::Range(0, lines - 1))?;
    refused(with(u64::MAX, DEPTH + 1, slot.0), Error::Range(0, lines - 1))?;
    refused(with(lines - 1, DEPTH + 1, slot.0), Error::Range(1, DEPTH))?;
    refused(with(lines - 1, DEPTH, INIT_TCB.0.0), Error::DeleteFirst)
}

fn irq_control_issue_line_signal_checks_in_order(env: &mut Env) -> Outcome {
    let channel = first(env, Direction::Send);
    check_common(env, Label::IssueLineSignal, channel)
}

/// The last line of the first channel to another instance, which is used by nothing else.
fn signal(env: &mut Env) -> Result<Option<LineSignal>, crate::check::Failure> {
    let Some(channel) = first(env, Direction::Send) else { return Ok(None) };
    let slot = env.slot()?;
    IRQ_CONTROL.issue_line_signal(u64::from(channel.lines) - 1, channel.peer, slot.slot())?;
    Ok(Some(LineSignal(slot)))
}

fn irq_control_issue_line_signal_is_as_often_as_wanted(env: &mut Env) -> Outcome {
    let (Some(one), Some(two)) = (signal(env)?, signal(env)?) else { return Ok(()) };
    same([kind(one.0), kind(two.0)], [Some(CapTag::LineSignal); 2])?;
    let copy = env.copy(one, Rights::NONE)?;
    one.slot().revoke()?;
    same([kind(copy.0), kind(two.0)], [Some(CapTag::Null), Some(CapTag::LineSignal)])
}

fn irq_control_issue_line_signal_has_no_rights_and_no_badge(env: &mut Env) -> Outcome {
    let Some(line) = signal(env)? else { return Ok(()) };
    let weak = env.copy(line, Rights::NONE)?;
    let minted = env.badged(line, 77)?;
    for cap in [line, weak, minted] {
        syscall::signal(cap.0);
        let reply = Message::new(abi::Label::TcbSuspend.word(), &[1, 2]).invoke(cap.0)?;
        same((reply.badge, reply.info.word()), (0, 0))?;
    }
    Ok(())
}

fn irq_control_get_line_checks_in_order(env: &mut Env) -> Outcome {
    let channel = first(env, Direction::Receive);
    check_common(env, Label::GetLine, channel)
}

fn irq_handler_ack_lines_takes_a_word(env: &mut Env) -> Outcome {
    let Some(channel) = first(env, Direction::Receive) else { return Ok(()) };
    let slot = env.slot()?;
    IRQ_CONTROL.get_line(u64::from(channel.lines) - 1, channel.peer, slot.slot())?;
    let handler = IrqHandler(slot);
    refused(invoke(handler, Label::IrqHandlerAckLines, &[], &[]), Error::TruncatedMessage)?;
    handler.ack_lines(u64::MAX)?;
    handler.slot().delete()?;
    Ok(())
}

fn irq_control_get_line_gives_a_line_once(env: &mut Env) -> Outcome {
    let Some(channel) = first(env, Direction::Receive) else { return Ok(()) };
    let line = u64::from(channel.lines) - 1;
    let (slot, other) = (env.slot()?, env.slot()?);
    IRQ_CONTROL.get_line(line, channel.peer, slot.slot())?;
    same(kind(slot), Some(CapTag::IrqHandler))?;
    // That the line is taken decides before the slot.
    let nowhere = Slot { depth: DEPTH + 1, ..other.slot() };
    refused(IRQ_CONTROL.get_line(line, channel.peer, nowhere), Error::RevokeFirst)?;
    slot.slot().delete()?;
    IRQ_CONTROL.get_line(line, channel.peer, other.slot())?;
    Ok(())
}

fn instance_control_stop_needs_its_capability(_: &mut Env) -> Outcome {
    refused(InstanceControl(IRQ_CONTROL.0).stop(), Error::IllegalOperation)
}

fn instance_control_start_needs_its_capability(_: &mut Env) -> Outcome {
    refused(InstanceControl(IRQ_CONTROL.0).start(), Error::IllegalOperation)
}
