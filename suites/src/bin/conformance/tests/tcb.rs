// SPDX-License-Identifier: MIT OR Apache-2.0
//! Invocations of threads: checks in their order, and what can be seen of their effects.

use crate::check::{Outcome, refused, same, tests};
use crate::env::{DEPTH, Env, HIGH, LOW, MIDDLE, invoke, kind};
use abi::{CapTag, GuardData, Label, ObjectType, Rights};
use userland::object::{SchedParams, Space};
use userland::{
    CNode, CPtr, Capability, Endpoint, Error, INIT_CNODE, INIT_TCB, INIT_VSPACE, LargePage, Notification,
    Options, SchedContext, SmallPage, Tcb, VSpace, syscall,
};

tests!(
    tcb_configure_needs_three_words_and_three_capabilities,
    tcb_configure_checks_the_buffer_first,
    tcb_configure_refuses_roots_of_the_wrong_kind,
    tcb_configure_without_buffer_takes_any_third_capability,
    tcb_configure_checks_the_guard,
    tcb_set_priority_needs_a_word_and_a_thread,
    tcb_set_priority_wants_a_thread_as_authority,
    tcb_set_priority_is_bounded_by_the_authority,
    tcb_set_priority_decides_who_runs,
    tcb_set_mc_priority_is_bounded_by_the_authority,
    tcb_set_mc_priority_may_be_below_the_priority,
    tcb_set_sched_params_needs_two_words_and_three_capabilities,
    tcb_set_sched_params_checks_in_order,
    tcb_set_sched_params_refuses_a_context_in_use,
    tcb_set_sched_params_refuses_to_unbind_the_caller,
    tcb_set_sched_params_checks_the_fault_handler,
    tcb_set_timeout_endpoint_needs_a_capability,
    tcb_set_timeout_endpoint_checks_the_endpoint,
    tcb_set_ipc_buffer_checks_in_order,
    tcb_set_ipc_buffer_takes_larger_frames,
    tcb_set_space_needs_two_words_and_three_capabilities,
    tcb_set_space_checks_in_order,
    tcb_suspend_stops_a_thread,
    tcb_suspend_and_others_refuse_unknown_labels,
    tcb_resume_restarts_a_blocked_system_call,
    tcb_resume_without_time_does_not_run,
    tcb_bind_notification_checks_in_order,
    tcb_bind_notification_wants_one_that_nobody_waits_for,
    tcb_unbind_notification_wants_a_bound_one,
    tcb_unbind_notification_allows_binding_again,
);

/// The spaces of the root task.
fn space() -> Space {
    Space { cspace: INIT_CNODE, guard: GuardData(0), vspace: INIT_VSPACE }
}

fn tcb_configure_needs_three_words_and_three_capabilities(env: &mut Env) -> Outcome {
    let tcb: Tcb = env.make()?;
    let caps = [INIT_CNODE.0, INIT_VSPACE.0, CPtr(0)];
    refused(invoke(tcb, Label::TcbConfigure, &[0, 0], &caps), Error::TruncatedMessage)?;
    refused(invoke(tcb, Label::TcbConfigure, &[0, 0, 0], &caps[..2]), Error::TruncatedMessage)?;
    invoke(tcb, Label::TcbConfigure, &[0, 0, 0], &caps)?;
    Ok(())
}

fn tcb_configure_checks_the_buffer_first(env: &mut Env) -> Outcome {
    let tcb: Tcb = env.make()?;
    let frame: SmallPage = env.make()?;
    let wrong = Space { cspace: CNode(frame.0), guard: GuardData(0), vspace: VSpace(frame.0) };
    let with = |address, cap| tcb.configure(wrong, Some((address, SmallPage(cap))));
    refused(with(0x1001, INIT_CNODE.0), Error::IllegalOperation)?;
    refused(with(0x1100, frame.0), Error::Alignment)?;
    refused(with(0x1400, frame.0), Error::IllegalOperation)?;
    tcb.configure(space(), Some((0x1400, frame)))?;
    Ok(())
}

fn tcb_configure_refuses_roots_of_the_wrong_kind(env: &mut Env) -> Outcome {
    let tcb: Tcb = env.make()?;
    let unnumbered: VSpace = env.make()?;
    let with = |cspace, vspace| tcb.configure(Space { cspace, guard: GuardData(0), vspace }, None);
    refused(with(CNode(INIT_TCB.0), INIT_VSPACE), Error::IllegalOperation)?;
    refused(with(INIT_CNODE, VSpace(INIT_TCB.0)), Error::IllegalOperation)?;
    refused(with(INIT_CNODE, unnumbered), Error::IllegalOperation)?;
    refused(with(CNode(CPtr(0)), INIT_VSPACE), Error::IllegalOperation)
}

fn tcb_configure_without_buffer_takes_any_third_capability(env: &mut Env) -> Outcome {
    let tcb: Tcb = env.make()?;
    let caps = [INIT_CNODE.0, INIT_VSPACE.0, INIT_TCB.0];
    invoke(tcb, Label::TcbConfigure, &[0, 0, 0], &caps)?;
    Ok(())
}

fn tcb_configure_checks_the_guard(env: &mut Env) -> Outcome {
    let tcb: Tcb = env.make()?;
    let cnode: CNode = env.make_sized(4)?;
    let with = |guard| tcb.configure(Space { cspace: cnode, guard, vspace: INIT_VSPACE }, None);
    refused(with(GuardData::new(0, 61)), Error::IllegalOperation)?;
    with(GuardData::new(0, 60))?;
    // The thread keeps a copy with that guard; the capability itself has none.
    cnode.slot().revoke()?;
    same(kind(cnode.0), Some(CapTag::CNode))
}

fn tcb_set_priority_needs_a_word_and_a_thread(env: &mut Env) -> Outcome {
    let tcb: Tcb = env.make()?;
    for label in [Label::TcbSetPriority, Label::TcbSetMcPriority] {
        refused(invoke(tcb, label, &[], &[INIT_TCB.0]), Error::TruncatedMessage)?;
        refused(invoke(tcb, label, &[0], &[]), Error::TruncatedMessage)?;
    }
    Ok(())
}

fn tcb_set_priority_wants_a_thread_as_authority(env: &mut Env) -> Outcome {
    let tcb: Tcb = env.make()?;
    // The authority decides before the value.
    refused(tcb.set_priority(Tcb(INIT_CNODE.0), 256), Error::InvalidCapability(1))?;
    refused(tcb.set_mc_priority(Tcb(INIT_CNODE.0), 256), Error::InvalidCapability(1))
}

fn tcb_set_priority_is_bounded_by_the_authority(env: &mut Env) -> Outcome {
    let (tcb, weak): (Tcb, Tcb) = (env.make()?, env.make()?);
    refused(tcb.set_priority(INIT_TCB, 256), Error::Range(0, 255))?;
    refused(tcb.set_priority(INIT_TCB, u64::MAX), Error::Range(0, 255))?;
    refused(tcb.set_priority(weak, 1), Error::Range(0, 0))?;
    weak.set_mc_priority(INIT_TCB, 50)?;
    tcb.set_priority(weak, 50)?;
    refused(tcb.set_priority(weak, 51), Error::Range(0, 50))
}

fn tcb_set_priority_decides_who_runs(env: &mut Env) -> Outcome {
    let order = move |mark| move || crate::env::append(0, mark);
    let first = env.spawn(LOW, order(1))?;
    env.spawn(MIDDLE, order(2))?;
    first.set_priority(INIT_TCB, HIGH)?;
    env.settle();
    same(env.left(0), 0x12)
}

fn tcb_set_mc_priority_is_bounded_by_the_authority(env: &mut Env) -> Outcome {
    let (tcb, weak): (Tcb, Tcb) = (env.make()?, env.make()?);
    weak.set_mc_priority(INIT_TCB, 9)?;
    refused(tcb.set_mc_priority(weak, 10), Error::Range(0, 9))?;
    tcb.set_mc_priority(weak, 9)?;
    Ok(())
}

fn tcb_set_mc_priority_may_be_below_the_priority(env: &mut Env) -> Outcome {
    let (tcb, other): (Tcb, Tcb) = (env.make()?, env.make()?);
    tcb.set_priority(INIT_TCB, 100)?;
    tcb.set_mc_priority(INIT_TCB, 3)?;
    refused(other.set_priority(tcb, 4), Error::Range(0, 3))
}

fn tcb_set_sched_params_needs_two_words_and_three_capabilities(env: &mut Env) -> Outcome {
    let tcb: Tcb = env.make()?;
    let caps = [INIT_TCB.0, CPtr(0), CPtr(0)];
    refused(invoke(tcb, Label::TcbSetSchedParams, &[0], &caps), Error::TruncatedMessage)?;
    refused(invoke(tcb, Label::TcbSetSchedParams, &[0, 0], &caps[..2]), Error::TruncatedMessage)?;
    invoke(tcb, Label::TcbSetSchedParams, &[0, 0], &caps)?;
    Ok(())
}

/// Parameters that the kernel accepts for a thread that does not run.
const NOTHING: SchedParams = SchedParams { mcp: 0, priority: 0, context: None, fault_handler: None };

fn tcb_set_sched_params_checks_in_order(env: &mut Env) -> Outcome {
    let (tcb, weak): (Tcb, Tcb) = (env.make()?, env.make()?);
    weak.set_mc_priority(INIT_TCB, 5)?;
    let bad_context = Some(SchedContext(INIT_TCB.0));
    let bad_handler = Some(Endpoint(INIT_TCB.0));
    let params = SchedParams { mcp: 6, priority: 6, context: bad_context, fault_handler: bad_handler };
    refused(tcb.set_sched_params(Tcb(INIT_CNODE.0), params), Error::InvalidCapability(1))?;
    refused(tcb.set_sched_params(weak, params), Error::Range(0, 5))?;
    refused(tcb.set_sched_params(weak, SchedParams { mcp: 5, ..params }), Error::Range(0, 5))?;
    let params = SchedParams { mcp: 5, priority: 5, ..params };
    refused(tcb.set_sched_params(weak, params), Error::InvalidCapability(2))?;
    let params = SchedParams { context: None, ..params };
    refused(tcb.set_sched_params(weak, params), Error::InvalidCapability(3))
}

fn tcb_set_sched_params_refuses_a_context_in_use(env: &mut Env) -> Outcome {
    let (tcb, other): (Tcb, Tcb) = (env.make()?, env.make()?);
    let (one, two) = (env.sched_context(crate::env::SLICE)?, env.sched_context(crate::env::SLICE)?);
    let with = |context| SchedParams { context: Some(context), ..NOTHING };
    tcb.set_sched_params(INIT_TCB, with(one))?;
    refused(other.set_sched_params(INIT_TCB, with(one)), Error::IllegalOperation)?;
    refused(tcb.set_sched_params(INIT_TCB, with(two)), Error::IllegalOperation)?;
    tcb.set_sched_params(INIT_TCB, with(one))?;
    tcb.set_sched_params(INIT_TCB, NOTHING)?;
    other.set_sched_params(INIT_TCB, with(one))?;
    Ok(())
}

fn tcb_set_sched_params_refuses_to_unbind_the_caller(_: &mut Env) -> Outcome {
    let params = SchedParams { mcp: 255, priority: 255, ..NOTHING };
    refused(INIT_TCB.set_sched_params(INIT_TCB, params), Error::IllegalOperation)
}

fn tcb_set_sched_params_checks_the_fault_handler(env: &mut Env) -> Outcome {
    let tcb: Tcb = env.make()?;
    let endpoint: Endpoint = env.make()?;
    for rights in [Rights::ALL, Rights(0b0101), Rights(0b1001)] {
        let handler = env.copy(endpoint, rights)?;
        tcb.set_sched_params(INIT_TCB, SchedParams { fault_handler: Some(handler), ..NOTHING })?;
    }
    for rights in [Rights::READ_WRITE, Rights(0b1110), Rights::WRITE] {
        let handler = env.copy(endpoint, rights)?;
        let params = SchedParams { fault_handler: Some(handler), ..NOTHING };
        refused(tcb.set_sched_params(INIT_TCB, params), Error::InvalidCapability(3))?;
    }
    Ok(())
}

fn tcb_set_timeout_endpoint_needs_a_capability(env: &mut Env) -> Outcome {
    let tcb: Tcb = env.make()?;
    refused(invoke(tcb, Label::TcbSetTimeoutEndpoint, &[], &[]), Error::TruncatedMessage)
}

fn tcb_set_timeout_endpoint_checks_the_endpoint(env: &mut Env) -> Outcome {
    let tcb: Tcb = env.make()?;
    let endpoint: Endpoint = env.make()?;
    tcb.set_timeout_endpoint(Some(endpoint))?;
    tcb.set_timeout_endpoint(None)?;
    refused(tcb.set_timeout_endpoint(Some(Endpoint(INIT_TCB.0))), Error::InvalidCapability(1))?;
    let weak = env.copy(endpoint, Rights::READ_WRITE)?;
    refused(tcb.set_timeout_endpoint(Some(weak)), Error::InvalidCapability(1))
}

fn tcb_set_ipc_buffer_checks_in_order(env: &mut Env) -> Outcome {
    let tcb: Tcb = env.make()?;
    let frame: SmallPage = env.make()?;
    refused(invoke(tcb, Label::TcbSetIpcBuffer, &[], &[frame.0]), Error::TruncatedMessage)?;
    refused(invoke(tcb, Label::TcbSetIpcBuffer, &[0x1000], &[]), Error::TruncatedMessage)?;
    tcb.set_ipc_buffer(0, SmallPage(INIT_TCB.0))?;
    refused(tcb.set_ipc_buffer(0x1001, SmallPage(INIT_TCB.0)), Error::IllegalOperation)?;
    refused(tcb.set_ipc_buffer(0x1001, frame), Error::Alignment)?;
    let device = env.boot.untypeds().find(|(_, desc)| desc.is_device == 1 && desc.size_bits >= 12);
    if let Some((device, _)) = device {
        let slot = env.slot()?;
        device.retype(ObjectType::SmallPage, 0, slot, 1)?;
        refused(tcb.set_ipc_buffer(0x1001, SmallPage(slot)), Error::IllegalOperation)?;
    }
    tcb.set_ipc_buffer(0x1000, frame)?;
    Ok(())
}

fn tcb_set_ipc_buffer_takes_larger_frames(env: &mut Env) -> Outcome {
    let tcb: Tcb = env.make()?;
    let frame: LargePage = env.make()?;
    tcb.set_ipc_buffer(0x12_3400, SmallPage(frame.0))?;
    Ok(())
}

fn tcb_set_space_needs_two_words_and_three_capabilities(env: &mut Env) -> Outcome {
    let tcb: Tcb = env.make()?;
    let caps = [CPtr(0), INIT_CNODE.0, INIT_VSPACE.0];
    refused(invoke(tcb, Label::TcbSetSpace, &[0], &caps), Error::TruncatedMessage)?;
    refused(invoke(tcb, Label::TcbSetSpace, &[0, 0], &caps[..2]), Error::TruncatedMessage)?;
    invoke(tcb, Label::TcbSetSpace, &[0, 0], &caps)?;
    Ok(())
}

fn tcb_set_space_checks_in_order(env: &mut Env) -> Outcome {
    let tcb: Tcb = env.make()?;
    let bad_handler = Some(Endpoint(INIT_TCB.0));
    let bad = Space { cspace: CNode(INIT_TCB.0), ..space() };
    refused(tcb.set_space(bad_handler, bad), Error::IllegalOperation)?;
    let bad = Space { vspace: VSpace(INIT_TCB.0), ..space() };
    refused(tcb.set_space(bad_handler, bad), Error::IllegalOperation)?;
    refused(tcb.set_space(bad_handler, space()), Error::InvalidCapability(1))?;
    tcb.set_space(None, space())?;
    Ok(())
}

fn tcb_suspend_stops_a_thread(env: &mut Env) -> Outcome {
    let notification: Notification = env.make()?;
    let tcb = env.spawn(MIDDLE, move || {
        syscall::wait(notification.0);
        crate::env::leave(0, 1);
    })?;
    env.settle();
    tcb.suspend()?;
    syscall::signal(notification.0);
    env.settle();
    // The signal found nobody waiting.
    same((env.left(0), env.poll(notification)), (0, 0))
}

fn tcb_suspend_and_others_refuse_unknown_labels(env: &mut Env) -> Outcome {
    let tcb: Tcb = env.make()?;
    refused(invoke(tcb, Label::CNodeRevoke, &[1, DEPTH], &[]), Error::IllegalOperation)?;
    refused(userland::Message::new(60, &[]).invoke(tcb.0), Error::IllegalOperation)
}

fn tcb_resume_restarts_a_blocked_system_call(env: &mut Env) -> Outcome {
    let notification: Notification = env.make()?;
    let tcb = env.spawn(MIDDLE, move || crate::env::leave(0, syscall::wait(notification.0).badge))?;
    env.settle();
    tcb.resume()?;
    env.settle();
    same(env.left(0), 0)?;
    let badged = env.badged(notification, 9)?;
    syscall::signal(badged.0);
    env.settle();
    same(env.left(0), 9)
}

fn tcb_resume_without_time_does_not_run(env: &mut Env) -> Outcome {
    let thread = env.thread(Options::new(MIDDLE, None))?;
    thread.start(|| crate::env::leave(0, 1))?;
    let tcb = thread.tcb;
    env.settle();
    same(env.left(0), 0)?;
    env.sched_context(crate::env::SLICE)?.bind(tcb)?;
    env.settle();
    same(env.left(0), 1)
}

fn tcb_bind_notification_checks_in_order(env: &mut Env) -> Outcome {
    let (tcb, other): (Tcb, Tcb) = (env.make()?, env.make()?);
    let notification: Notification = env.make()?;
    refused(invoke(tcb, Label::TcbBindNotification, &[], &[]), Error::TruncatedMessage)?;
    refused(tcb.bind_notification(Notification(INIT_TCB.0)), Error::IllegalOperation)?;
    let deaf = env.copy(notification, Rights::WRITE)?;
    refused(tcb.bind_notification(deaf), Error::IllegalOperation)?;
    tcb.bind_notification(notification)?;
    refused(other.bind_notification(notification), Error::IllegalOperation)?;
    let second: Notification = env.make()?;
    refused(tcb.bind_notification(second), Error::IllegalOperation)
}

fn tcb_bind_notification_wants_one_that_nobody_waits_for(env: &mut Env) -> Outcome {
    let notification: Notification = env.make()?;
    env.spawn(MIDDLE, move || {
        syscall::wait(notification.0);
    })?;
    env.settle();
    let tcb: Tcb = env.make()?;
    refused(tcb.bind_notification(notification), Error::IllegalOperation)
}

fn tcb_unbind_notification_wants_a_bound_one(env: &mut Env) -> Outcome {
    let tcb: Tcb = env.make()?;
    refused(tcb.unbind_notification(), Error::IllegalOperation)
}

fn tcb_unbind_notification_allows_binding_again(env: &mut Env) -> Outcome {
    let (tcb, other): (Tcb, Tcb) = (env.make()?, env.make()?);
    let notification: Notification = env.make()?;
    tcb.bind_notification(notification)?;
    tcb.unbind_notification()?;
    other.bind_notification(notification)?;
    other.slot().delete()?;
    tcb.bind_notification(notification)?;
    Ok(())
}
