// SPDX-License-Identifier: MIT OR Apache-2.0
//! What happens to others when an object goes.

use crate::check::{Failure, Outcome, refused, same, tests};
use crate::code;
use crate::env::{Env, HIGH, MIDDLE, SLICE, append, kind, leave};
use abi::{CapTag, FaultKind, GuardData, MessageInfo, ObjectType, Rights};
use userland::object::Space;
use userland::syscall::{self, Received};
use userland::{
    CNode, CPtr, Capability, Endpoint, Error, INIT_CNODE, INIT_VSPACE, Message, Notification, Options, Reply,
    SchedContext, Slot, Tcb, VSpace,
};

tests!(
    cnode_cancel_badged_sends_restarts_only_senders_with_the_badge,
    cnode_delete_of_a_large_cnode_lets_higher_priorities_run,
    cnode_revoke_of_many_children_succeeds,
    endpoint_deleted_restarts_its_senders,
    endpoint_deleted_stops_threads_that_send_faults,
    tcb_deleted_does_not_run_any_more,
    tcb_deleted_frees_what_it_was_bound_to,
    tcb_configure_refuses_to_replace_the_last_capability_of_a_cnode,
    tcb_set_space_is_stripped_by_revoking_the_source,
    vspace_deleted_makes_its_threads_fault,
    untyped_revoke_deletes_threads_with_what_they_hold,
);

/// A thread that sends through `endpoint` and then leaves a mark.
fn sender(env: &mut Env, endpoint: Endpoint, mark: u64) -> Result<Tcb, Failure> {
    env.spawn(MIDDLE, move || {
        syscall::send(endpoint.0, MessageInfo::new(mark, 0, 0, 0), [0; 4]);
        append(0, mark);
    })
}

fn cnode_cancel_badged_sends_restarts_only_senders_with_the_badge(env: &mut Env) -> Outcome {
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    let (five, six) = (env.badged(endpoint, 5)?, env.badged(endpoint, 6)?);
    let user = env.copy(five, Rights::ALL)?;
    sender(env, user, 1)?;
    env.settle();
    sender(env, six, 2)?;
    env.settle();
    // The user's capability goes first, so that its call finds nothing when it is made again.
    five.slot().revoke()?;
    same(kind(user.0), Some(CapTag::Null))?;
    env.settle();
    same(env.left(0), 0)?;
    five.slot().cancel_badged_sends()?;
    env.settle();
    same(env.left(0), 1)?;
    same(env.take(endpoint, reply)?.badge, 6)?;
    same(syscall::nb_recv(endpoint.0, reply.0), Received::default())
}

fn cnode_delete_of_a_large_cnode_lets_higher_priorities_run(env: &mut Env) -> Outcome {
    let cnode: CNode = env.make_sized(12)?;
    let endpoint: Endpoint = env.make()?;
    for index in 0..4096 {
        Slot { root: cnode, index, depth: 12 }.copy_from(endpoint.slot(), Rights::ALL)?;
    }
    let context = env.sched_context(userland::object::SchedParameters::round_robin(100))?;
    let thread = env.thread(Options::new(MIDDLE, Some(context)))?;
    // It restarts whenever its slice ends, and finishes all the same.
    thread.start(move || leave(0, u64::from(cnode.slot().delete().is_ok())))?;
    env.settle();
    same((env.left(0), kind(cnode.0)), (1, Some(CapTag::Null)))
}

fn cnode_revoke_of_many_children_succeeds(env: &mut Env) -> Outcome {
    let endpoint: Endpoint = env.make()?;
    let first = env.slots(512)?;
    for index in 0..512 {
        CPtr(first.0 + index).slot().mint_from(endpoint.slot(), Rights::ALL, index % 3)?;
    }
    endpoint.slot().revoke()?;
    same((0..512).find(|index| kind(CPtr(first.0 + index)) != Some(CapTag::Null)), None)
}

fn endpoint_deleted_restarts_its_senders(env: &mut Env) -> Outcome {
    let endpoint: Endpoint = env.make()?;
    sender(env, endpoint, 1)?;
    env.settle();
    endpoint.slot().delete()?;
    // The call is made again; a Send to an empty slot does nothing.
    env.settle();
    same(env.left(0), 1)
}

fn endpoint_deleted_stops_threads_that_send_faults(env: &mut Env) -> Outcome {
    let (endpoint, other): (Endpoint, Endpoint) = (env.make()?, env.make()?);
    let reply: Reply = env.make()?;
    let tcb = env.spawn_at(code::undefined(), 0, Some(endpoint))?;
    env.settle();
    let space = Space { cspace: INIT_CNODE, guard: GuardData(0), vspace: INIT_VSPACE };
    tcb.set_space(Some(other), space)?;
    endpoint.slot().delete()?;
    env.settle();
    same(syscall::nb_recv(other.0, reply.0), Received::default())?;
    tcb.resume()?;
    same(env.receive(other, reply)?.info.label(), FaultKind::UserException.word())
}

fn tcb_deleted_does_not_run_any_more(env: &mut Env) -> Outcome {
    let notification: Notification = env.make()?;
    let tcb = env.spawn(HIGH, move || {
        syscall::wait(notification.0);
        leave(0, 1);
    })?;
    env.settle();
    tcb.slot().delete()?;
    let badged = env.badged(notification, 4)?;
    syscall::signal(badged.0);
    env.settle();
    same((env.left(0), env.poll(notification)), (0, 4))
}

fn tcb_deleted_frees_what_it_was_bound_to(env: &mut Env) -> Outcome {
    let (tcb, other): (Tcb, Tcb) = (env.make()?, env.make()?);
    let (notification, context): (Notification, SchedContext) = (env.make()?, env.sched_context(SLICE)?);
    tcb.bind_notification(notification)?;
    context.bind(tcb)?;
    tcb.slot().delete()?;
    other.bind_notification(notification)?;
    context.bind(other)?;
    Ok(())
}

fn tcb_configure_refuses_to_replace_the_last_capability_of_a_cnode(env: &mut Env) -> Outcome {
    let tcb: Tcb = env.make()?;
    let cnode: CNode = env.make_sized(4)?;
    let own = Space { cspace: cnode, guard: GuardData(0), vspace: INIT_VSPACE };
    let root = Space { cspace: INIT_CNODE, ..own };
    tcb.configure(own, None)?;
    tcb.configure(own, None)?;
    cnode.slot().delete()?;
    refused(tcb.configure(root, None), Error::IllegalOperation)?;
    refused(tcb.set_space(Some(Endpoint(INIT_CNODE.0)), root), Error::IllegalOperation)
}

fn tcb_set_space_is_stripped_by_revoking_the_source(env: &mut Env) -> Outcome {
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    let root = env.slot()?;
    // A capability space of its own, whose slot 1 holds the endpoint.
    let cnode: CNode = env.make_sized(4)?;
    root.slot().mint_from(cnode.slot(), Rights::ALL, GuardData::new(0, 60).word())?;
    Slot { root: cnode, index: 1, depth: 4 }.copy_from(endpoint.slot(), Rights::ALL)?;
    let tcb = env.spawn_at(code::send(), 1, Some(endpoint))?;
    let space = Space { cspace: CNode(root), guard: GuardData(0), vspace: INIT_VSPACE };
    tcb.set_space(Some(endpoint), space)?;
    cnode.slot().revoke()?;
    // Without a root its send fails at once.
    let fault = env.receive(endpoint, reply)?;
    same([fault.info.label(), fault.word(1), fault.word(3)], [FaultKind::CapFault.word(), 1, 1])
}

fn vspace_deleted_makes_its_threads_fault(env: &mut Env) -> Outcome {
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    let vspace: VSpace = env.vspace()?;
    let context = env.sched_context(SLICE)?;
    let options = Options { fault_handler: Some(endpoint), vspace, ..Options::new(MIDDLE, Some(context)) };
    env.thread(options)?.start_at(code::spin().address(), 0)?;
    // The thread's copy goes with the capability it was made from.
    vspace.slot().revoke()?;
    vspace.slot().delete()?;
    same(env.receive(endpoint, reply)?.info.label(), FaultKind::VmFault.word())
}

fn untyped_revoke_deletes_threads_with_what_they_hold(env: &mut Env) -> Outcome {
    let memory = env.untyped(12)?;
    let slot = env.slot()?;
    memory.retype(ObjectType::Tcb, 0, slot, 1)?;
    let tcb = Tcb(slot);
    let cnode: CNode = env.make_sized(4)?;
    tcb.configure(Space { cspace: cnode, guard: GuardData(0), vspace: INIT_VSPACE }, None)?;
    cnode.slot().delete()?;
    memory.slot().revoke()?;
    same(kind(slot), Some(CapTag::Null))?;
    memory.retype(ObjectType::Tcb, 0, slot, 1)?;
    Message::new(0, &[]).nb_send(slot);
    Ok(())
}
