// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests that measure time.
//!
//! They hold when only this instance's instructions count as time, as under `--icount` with one core. With
//! the argument `time=shared` they do not run.

use crate::check::{Outcome, holds, same, tests};
use crate::code;
use crate::env::{Env, HIGH, LOW, MIDDLE, SLICE, append, leave};
use abi::limits::{MAX_PRIORITY, ROOT_TASK_SLICE_US};
use abi::{MessageInfo, flags};
use userland::object::{SchedParameters, SchedParams};
use userland::{Endpoint, INIT_TCB, Notification, Options, Reply, SchedContext, syscall, ticks};

tests!(
    sched_control_configure_flags_changes_a_running_thread,
    sched_context_consumed_is_reported_once,
    sched_context_budget_ends_until_the_period_does,
    sched_context_round_robin_alternates,
    sched_context_sporadic_replenishes_piece_by_piece,
    sched_context_of_yield_gives_up_the_budget,
    sched_context_of_yield_is_charged_in_one_piece,
    sched_context_of_the_root_task_has_the_slice_described,
    reply_donation_charges_the_caller,
);

/// Keeps the processor for a while.
fn spin_for(microseconds: u64, mhz: u64) {
    let start = ticks();
    while ticks().wrapping_sub(start) < microseconds * mhz {
        core::hint::spin_loop();
    }
}

fn sched_control_configure_flags_changes_a_running_thread(env: &mut Env) -> Outcome {
    let place = core::ptr::from_ref(env.left_place(0)) as u64;
    let tcb = env.spawn_at(code::count(), place, None)?;
    let context = env.sched_context(SLICE)?;
    // The thread never blocks: give it a budget that ends, so that the others run again.
    tcb.suspend()?;
    tcb.set_sched_params(
        INIT_TCB,
        SchedParams { mcp: LOW, priority: LOW, context: None, fault_handler: None },
    )?;
    context.bind(tcb)?;
    super::sched_context::configure(env, context, 1_000, 1_000_000)?;
    tcb.resume()?;
    env.settle();
    let first = env.left(0);
    env.settle();
    same((first > 0, env.left(0)), (true, first))?;
    super::sched_context::configure(env, context, 2_000, 1_000_000)?;
    env.settle();
    same(context.consumed()? > 0, true)
}

fn sched_context_consumed_is_reported_once(env: &mut Env) -> Outcome {
    let mhz = env.mhz();
    let (_, context) = super::sched_context::timed(env, MIDDLE, SLICE, move || spin_for(2_000, mhz))?;
    same(context.consumed()?, 0)?;
    env.settle();
    holds(context.consumed()? >= 1_900, "two milliseconds were consumed")?;
    same(context.consumed()?, 0)
}

fn sched_context_budget_ends_until_the_period_does(env: &mut Env) -> Outcome {
    let mhz = env.mhz();
    let time = SchedParameters::periodic(2_000, 40_000);
    let (_, context) = super::sched_context::timed(env, MIDDLE, time, move || {
        loop {
            leave(0, ticks());
        }
    })?;
    let start = ticks();
    env.settle();
    let end = env.left(0);
    holds(end.wrapping_sub(start) >= 1_900 * mhz, "the thread ran for its budget")?;
    holds(context.consumed()? >= 1_900, "its budget was charged")?;
    env.settle();
    same(env.left(0), end)?;
    spin_for(41_000, mhz);
    env.settle();
    holds(env.left(0).wrapping_sub(end) >= 30_000 * mhz, "it ran again a period later")
}

fn sched_context_round_robin_alternates(env: &mut Env) -> Outcome {
    let mhz = env.mhz();
    for mark in [1, 2] {
        let work = move || {
            let start = ticks();
            while ticks().wrapping_sub(start) < 10_000 * mhz {
                leave(mark, ticks());
            }
        };
        super::sched_context::timed(env, MIDDLE, SchedParameters::round_robin(1_000), work)?;
    }
    env.settle();
    // Neither ended long before the other: they took turns.
    let (first, second) = (env.left(1), env.left(2));
    holds(first.abs_diff(second) < 6_000 * mhz, "equals share the processor")
}

fn sched_context_sporadic_replenishes_piece_by_piece(env: &mut Env) -> Outcome {
    let mhz = env.mhz();
    let context: SchedContext = env.make_sized(8)?;
    let time = SchedParameters {
        extra_refills: 8,
        flags: flags::SCHED_CONTEXT_SPORADIC,
        ..SchedParameters::periodic(2_000, 60_000)
    };
    env.boot.sched_control().configure(context, time)?;
    let notification: Notification = env.make()?;
    let thread = env.thread(Options::new(MIDDLE, Some(context)))?;
    thread.start(move || {
        for round in 1.. {
            syscall::wait(notification.0);
            spin_for(800, mhz);
            leave(0, round);
        }
    })?;
    // Two pieces of 800 microseconds fit into the budget; the third waits for the first one's replenishment.
    for _ in 0..3 {
        env.settle();
        syscall::signal(notification.0);
    }
    env.settle();
    same(env.left(0), 2)?;
    spin_for(61_000, mhz);
    env.settle();
    same(env.left(0), 3)
}

fn sched_context_of_yield_gives_up_the_budget(env: &mut Env) -> Outcome {
    let mhz = env.mhz();
    let time = SchedParameters::periodic(2_000, 40_000);
    let (_, context) = super::sched_context::timed(env, MIDDLE, time, || {
        append(0, 1);
        syscall::yield_now();
        append(0, 2);
    })?;
    env.settle();
    same(env.left(0), 1)?;
    holds(context.consumed()? < 2_000, "only the time used is reported")?;
    spin_for(41_000, mhz);
    env.settle();
    same(env.left(0), 0x12)
}

/// The thread gives up the first of its two refills by Yield, and has the second one when that is due. Meanwhile the timer
/// fires that was set for the short slice of the thread that woke it, which charges nobody.
fn sched_context_of_yield_is_charged_in_one_piece(env: &mut Env) -> Outcome {
    let mhz = env.mhz();
    let (begin, go): (Notification, Notification) = (env.make()?, env.make()?);
    let (_, context) = super::sched_context::timed(env, MIDDLE, SLICE, move || {
        spin_for(800, mhz);
        syscall::wait(begin.0);
        spin_for(800, mhz);
        syscall::yield_now();
        leave(0, 1);
    })?;
    super::sched_context::timed(env, HIGH, SchedParameters::round_robin(400), move || {
        syscall::wait(go.0);
        syscall::signal(begin.0);
    })?;
    let time =
        SchedParameters { flags: flags::SCHED_CONTEXT_SPORADIC, ..SchedParameters::periodic(2_000, 40_000) };
    env.boot.sched_control().configure(context, time)?;
    env.settle();
    spin_for(20_000, mhz);
    syscall::signal(go.0);
    env.settle();
    same(env.left(0), 0)?;
    spin_for(30_000, mhz);
    env.settle();
    same(env.left(0), 1)
}

fn sched_context_of_the_root_task_has_the_slice_described(env: &mut Env) -> Outcome {
    let described = env.boot.argument("boot-slice-us").and_then(|slice| slice.parse().ok());
    let slice = described.unwrap_or(ROOT_TASK_SLICE_US) * env.mhz();
    // An equal that runs whenever the slice is over, and at once gives the processor back.
    super::sched_context::timed(env, MAX_PRIORITY, SLICE, || {
        loop {
            leave(0, ticks());
            syscall::yield_now();
        }
    })?;
    syscall::yield_now();
    let begin = env.left(0);
    while env.left(0) == begin {
        core::hint::spin_loop();
    }
    let lasted = env.left(0).wrapping_sub(begin);
    holds(lasted.abs_diff(slice) < slice / 20, "the root task ran for its slice")
}

fn reply_donation_charges_the_caller(env: &mut Env) -> Outcome {
    let (endpoint, reply): (Endpoint, Reply) = (env.make()?, env.make()?);
    let mhz = env.mhz();
    super::reply::passive(env, move || {
        syscall::recv(endpoint.0, reply.0);
        spin_for(2_000, mhz);
        syscall::reply_recv(endpoint.0, MessageInfo::default(), [0; 4], reply.0);
    })?;
    let context: SchedContext = env.sched_context(SchedParameters::periodic(50_000, 100_000))?;
    let thread = env.thread(Options::new(MIDDLE, Some(context)))?;
    thread.start(move || {
        syscall::call(endpoint.0, MessageInfo::default(), [0; 4]);
        leave(0, 1);
    })?;
    env.settle();
    same(env.left(0), 1)?;
    holds(context.consumed()? >= 1_900, "the two milliseconds of the server are the caller's")
}
