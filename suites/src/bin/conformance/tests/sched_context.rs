// SPDX-License-Identifier: MIT OR Apache-2.0
//! Scheduling contexts and the control over them: checks in their order, and the time that threads get.

use crate::check::{Failure, Outcome, holds, refused, same, tests};
use crate::env::{Env, HIGH, LOW, MIDDLE, SLICE, append, invoke, leave};
use abi::limits::{MIN_BUDGET_US, max_period_us};
use abi::{Label, cut, sizes, widen};
use userland::object::SchedParameters;
use userland::syscall;
use userland::{
    CPtr, Capability, Error, INIT_SCHED_CONTEXT, INIT_TCB, Notification, Options, SchedContext, Tcb,
};

tests!(
    sched_control_configure_flags_refuses_other_labels,
    sched_control_configure_flags_needs_five_words_and_a_context,
    sched_control_configure_flags_bounds_budget_and_period,
    sched_control_configure_flags_wants_a_context,
    sched_control_configure_flags_bounds_refills_by_the_size,
    sched_control_configure_flags_first_failing_check_decides,
    sched_context_refuses_other_labels,
    sched_context_bind_checks_in_order,
    sched_context_bind_takes_notifications,
    sched_context_bind_refuses_a_blocked_thread_without_released_time,
    sched_context_bind_makes_a_thread_run,
    sched_context_unbind_refuses_the_callers_own,
    sched_context_unbind_stops_the_thread,
    sched_context_unbind_object_checks_in_order,
    sched_context_deleted_leaves_the_thread_without_time,
    sched_context_yield_to_checks_in_order,
    sched_context_yield_to_runs_the_thread_first,
    sched_context_yield_to_a_lower_priority_returns_at_once,
);

/// What an error tells of a time: one word.
fn told(time: u64) -> u64 {
    widen(cut(time))
}

/// The greatest period.
fn longest(env: &Env) -> u64 {
    max_period_us(env.mhz())
}

pub(super) fn configure(
    env: &Env,
    context: SchedContext,
    budget_us: u64,
    period_us: u64,
) -> Result<(), Error> {
    env.boot.sched_control().configure(context, SchedParameters::periodic(budget_us, period_us))
}

/// A thread with this time.
pub(super) fn timed(
    env: &mut Env,
    priority: u64,
    time: SchedParameters,
    work: impl FnOnce() + Send + 'static,
) -> Result<(Tcb, SchedContext), Failure> {
    let context = env.sched_context(time)?;
    let thread = env.thread(Options::new(priority, Some(context)))?;
    thread.start(work)?;
    Ok((thread.tcb, context))
}

fn sched_control_configure_flags_refuses_other_labels(env: &mut Env) -> Outcome {
    let control = env.boot.sched_control();
    refused(invoke(control, Label::SchedContextBind, &[], &[]), Error::IllegalOperation)
}

fn sched_control_configure_flags_needs_five_words_and_a_context(env: &mut Env) -> Outcome {
    let context: SchedContext = env.make_sized(sizes::MIN_SCHED_CONTEXT_BITS)?;
    let control = env.boot.sched_control();
    let words = [0, 0, 99, 0, 0];
    let label = Label::SchedControlConfigureFlags;
    refused(invoke(control, label, &words, &[]), Error::TruncatedMessage)?;
    refused(invoke(control, label, &words[..4], &[context.0]), Error::TruncatedMessage)
}

fn sched_control_configure_flags_bounds_budget_and_period(env: &mut Env) -> Outcome {
    let context: SchedContext = env.make_sized(sizes::MIN_SCHED_CONTEXT_BITS)?;
    let longest = longest(env);
    let bounds = Error::Range(MIN_BUDGET_US, told(longest));
    for (budget, period) in [
        (longest + 1, longest + 1),
        (u64::MAX, 0),
        (100, longest + 1),
        (19, 100),
        (0, 100),
        (19, 19),
        (20, 19),
        (20, 0),
    ] {
        refused(configure(env, context, budget, period), bounds)?;
    }
    refused(configure(env, context, 101, 100), Error::Range(MIN_BUDGET_US, 100))?;
    configure(env, context, 20, 20)?;
    configure(env, context, 20, longest)?;
    configure(env, context, longest, longest)?;
    Ok(())
}

fn sched_control_configure_flags_wants_a_context(env: &mut Env) -> Outcome {
    refused(configure(env, SchedContext(INIT_TCB.0), 100, 100), Error::InvalidCapability(1))
}

fn sched_control_configure_flags_bounds_refills_by_the_size(env: &mut Env) -> Outcome {
    for (bits, extra) in [(7, 0), (8, 8), (9, 24), (10, 56)] {
        let context: SchedContext = env.make_sized(bits)?;
        let with = |extra_refills| {
            let time = SchedParameters { extra_refills, ..SchedParameters::periodic(100, 1000) };
            env.boot.sched_control().configure(context, time)
        };
        with(extra)?;
        refused(with(extra + 1), Error::Range(0, extra))?;
        refused(with(u64::MAX), Error::Range(0, extra))?;
    }
    Ok(())
}

fn sched_control_configure_flags_first_failing_check_decides(env: &mut Env) -> Outcome {
    let (wrong, longest) = (SchedContext(INIT_TCB.0), longest(env));
    let small: SchedContext = env.make_sized(sizes::MIN_SCHED_CONTEXT_BITS)?;
    let with = |context, budget_us, period_us| {
        let time = SchedParameters { extra_refills: 99, ..SchedParameters::periodic(budget_us, period_us) };
        env.boot.sched_control().configure(context, time)
    };
    refused(with(wrong, 19, longest + 1), Error::Range(MIN_BUDGET_US, told(longest)))?;
    refused(with(wrong, 200, 100), Error::Range(MIN_BUDGET_US, 100))?;
    refused(with(wrong, 100, 100), Error::InvalidCapability(1))?;
    refused(with(small, 100, 100), Error::Range(0, 0))
}

fn sched_context_refuses_other_labels(env: &mut Env) -> Outcome {
    let context = env.sched_context(SLICE)?;
    refused(invoke(context, Label::SchedControlConfigureFlags, &[], &[]), Error::IllegalOperation)
}

fn sched_context_bind_checks_in_order(env: &mut Env) -> Outcome {
    let (tcb, other): (Tcb, Tcb) = (env.make()?, env.make()?);
    let (context, second) = (env.sched_context(SLICE)?, env.sched_context(SLICE)?);
    refused(invoke(context, Label::SchedContextBind, &[], &[]), Error::TruncatedMessage)?;
    refused(invoke(context, Label::SchedContextBind, &[], &[second.0]), Error::InvalidCapability(1))?;
    refused(invoke(context, Label::SchedContextBind, &[], &[CPtr(0)]), Error::InvalidCapability(1))?;
    context.bind(tcb)?;
    refused(context.bind(other), Error::IllegalOperation)?;
    refused(second.bind(tcb), Error::IllegalOperation)?;
    second.bind(other)?;
    Ok(())
}

fn sched_context_bind_takes_notifications(env: &mut Env) -> Outcome {
    let (one, two): (Notification, Notification) = (env.make()?, env.make()?);
    let (context, second) = (env.sched_context(SLICE)?, env.sched_context(SLICE)?);
    context.bind(one)?;
    refused(context.bind(two), Error::IllegalOperation)?;
    refused(second.bind(one), Error::IllegalOperation)?;
    // A thread besides the notification is no obstacle.
    let tcb: Tcb = env.make()?;
    context.bind(tcb)?;
    Ok(())
}

fn sched_context_bind_refuses_a_blocked_thread_without_released_time(env: &mut Env) -> Outcome {
    let notification: Notification = env.make()?;
    let (tcb, context) = timed(env, MIDDLE, SLICE, move || {
        syscall::wait(notification.0);
    })?;
    env.settle();
    context.unbind()?;
    let inactive: SchedContext = env.make_sized(sizes::MIN_SCHED_CONTEXT_BITS)?;
    refused(inactive.bind(tcb), Error::IllegalOperation)?;
    context.bind(tcb)?;
    Ok(())
}

fn sched_context_bind_makes_a_thread_run(env: &mut Env) -> Outcome {
    let thread = env.thread(Options::new(MIDDLE, None))?;
    thread.start(|| leave(0, 1))?;
    let tcb = thread.tcb;
    let unconfigured: SchedContext = env.make_sized(sizes::MIN_SCHED_CONTEXT_BITS)?;
    unconfigured.bind(tcb)?;
    env.settle();
    same(env.left(0), 0)?;
    configure(env, unconfigured, 5_000, 5_000)?;
    env.settle();
    same(env.left(0), 1)
}

fn sched_context_unbind_refuses_the_callers_own(_: &mut Env) -> Outcome {
    refused(INIT_SCHED_CONTEXT.unbind(), Error::IllegalOperation)?;
    refused(INIT_SCHED_CONTEXT.unbind_object(INIT_TCB), Error::IllegalOperation)
}

fn sched_context_unbind_stops_the_thread(env: &mut Env) -> Outcome {
    let notification: Notification = env.make()?;
    let (tcb, context) = timed(env, MIDDLE, SLICE, move || {
        syscall::wait(notification.0);
        leave(0, 1);
    })?;
    env.settle();
    context.unbind()?;
    syscall::signal(notification.0);
    env.settle();
    same(env.left(0), 0)?;
    context.bind(tcb)?;
    env.settle();
    same(env.left(0), 1)
}

fn sched_context_unbind_object_checks_in_order(env: &mut Env) -> Outcome {
    let (tcb, other): (Tcb, Tcb) = (env.make()?, env.make()?);
    let notification: Notification = env.make()?;
    let context = env.sched_context(SLICE)?;
    let label = Label::SchedContextUnbindObject;
    refused(invoke(context, label, &[], &[]), Error::TruncatedMessage)?;
    refused(invoke(context, label, &[], &[context.0]), Error::InvalidCapability(1))?;
    context.bind(tcb)?;
    refused(context.unbind_object(other), Error::IllegalOperation)?;
    refused(context.unbind_object(notification), Error::IllegalOperation)?;
    context.unbind_object(tcb)?;
    context.bind(notification)?;
    context.unbind_object(notification)?;
    refused(context.unbind_object(notification), Error::IllegalOperation)
}

fn sched_context_deleted_leaves_the_thread_without_time(env: &mut Env) -> Outcome {
    let notification: Notification = env.make()?;
    let (tcb, context) = timed(env, MIDDLE, SLICE, move || {
        syscall::wait(notification.0);
        leave(0, 1);
    })?;
    env.settle();
    context.slot().delete()?;
    syscall::signal(notification.0);
    env.settle();
    same(env.left(0), 0)?;
    env.sched_context(SLICE)?.bind(tcb)?;
    env.settle();
    same(env.left(0), 1)
}

fn sched_context_yield_to_checks_in_order(env: &mut Env) -> Outcome {
    let context = env.sched_context(SLICE)?;
    refused(context.yield_to(), Error::IllegalOperation)?;
    refused(INIT_SCHED_CONTEXT.yield_to(), Error::IllegalOperation)?;
    // A thread that cannot run: the call returns at once.
    let tcb: Tcb = env.make()?;
    context.bind(tcb)?;
    same(context.yield_to()?, 0)?;
    // Above the caller's maximum controlled priority it is refused.
    tcb.set_priority(INIT_TCB, HIGH)?;
    let caller =
        env.spawn(MIDDLE, move || leave(0, u64::from(context.yield_to() == Err(Error::IllegalOperation))))?;
    caller.set_mc_priority(INIT_TCB, MIDDLE)?;
    env.settle();
    same(env.left(0), 1)
}

fn sched_context_yield_to_runs_the_thread_first(env: &mut Env) -> Outcome {
    let (tcb, context) = timed(env, MIDDLE, SLICE, || append(0, 1))?;
    tcb.suspend()?;
    env.spawn(MIDDLE, || append(0, 2))?;
    let caller = env.spawn(MIDDLE, move || {
        append(0, 3);
        leave(1, u64::from(context.yield_to().is_ok()));
        append(0, 4);
    })?;
    caller.set_mc_priority(INIT_TCB, HIGH)?;
    tcb.resume()?;
    caller.set_priority(INIT_TCB, MIDDLE)?;
    env.settle();
    // The thread runs as soon as the caller yields to it, wherever it was in the queue.
    let order = env.left(0);
    holds(order == 0x3142 || order == 0x1342, "the thread runs before the caller goes on")?;
    same(env.left(1), 1)
}

fn sched_context_yield_to_a_lower_priority_returns_at_once(env: &mut Env) -> Outcome {
    let (_, context) = timed(env, LOW, SLICE, || append(0, 2))?;
    env.spawn(MIDDLE, move || {
        leave(1, context.yield_to().unwrap_or(77));
        append(0, 1);
    })?;
    env.settle();
    same([env.left(0), env.left(1)], [0x12, 0])
}
