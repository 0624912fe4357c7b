// SPDX-License-Identifier: MIT OR Apache-2.0
//! Domains and their schedule.

use crate::check::{Outcome, refused, tests};
use crate::env::{Env, invoke};
use abi::Label;
use abi::limits::{DOMAIN_SCHEDULES, DOMAINS, MAX_DOMAIN_DURATION};
use userland::{Capability, DOMAIN, Error, INIT_CNODE, INIT_TCB, Tcb};

tests!(
    domain_set_refuses_other_labels,
    domain_set_set_checks_in_order,
    domain_set_set_moves_a_thread,
    domain_set_schedule_configure_checks_in_order,
    domain_set_schedule_configure_writes_an_entry,
    domain_set_schedule_set_start_checks_in_order,
);

fn domain_set_refuses_other_labels(_: &mut Env) -> Outcome {
    refused(invoke(DOMAIN, Label::TcbSetPriority, &[0], &[INIT_TCB.0]), Error::IllegalOperation)
}

fn domain_set_set_checks_in_order(_: &mut Env) -> Outcome {
    refused(invoke(DOMAIN, Label::DomainSetSet, &[], &[INIT_TCB.0]), Error::TruncatedMessage)?;
    refused(invoke(DOMAIN, Label::DomainSetSet, &[DOMAINS], &[]), Error::InvalidArgument(0))?;
    refused(invoke(DOMAIN, Label::DomainSetSet, &[0], &[]), Error::TruncatedMessage)?;
    refused(DOMAIN.set(u64::MAX, Tcb(INIT_CNODE.cptr())), Error::InvalidArgument(0))?;
    refused(DOMAIN.set(0, Tcb(INIT_CNODE.cptr())), Error::InvalidArgument(1))
}

fn domain_set_set_moves_a_thread(env: &mut Env) -> Outcome {
    let tcb: Tcb = env.make()?;
    DOMAIN.set(0, tcb)?;
    DOMAIN.set(0, INIT_TCB)?;
    Ok(())
}

fn domain_set_schedule_configure_checks_in_order(_: &mut Env) -> Outcome {
    let last = DOMAIN_SCHEDULES - 2;
    refused(invoke(DOMAIN, Label::DomainScheduleConfigure, &[0, 0], &[]), Error::TruncatedMessage)?;
    let configure = |index, domain, duration| DOMAIN.schedule_configure(index, domain, duration);
    refused(configure(last + 1, DOMAINS, u64::MAX), Error::Range(0, last))?;
    refused(configure(u64::MAX, 0, 1), Error::Range(0, last))?;
    refused(configure(0, DOMAINS, u64::MAX), Error::Range(0, DOMAINS - 1))?;
    refused(configure(0, 0, MAX_DOMAIN_DURATION + 1), Error::InvalidArgument(2))?;
    refused(configure(0, 0, 0), Error::InvalidArgument(2))
}

fn domain_set_schedule_configure_writes_an_entry(_: &mut Env) -> Outcome {
    DOMAIN.schedule_configure(0, 0, 1_000_000)?;
    DOMAIN.schedule_configure(0, 0, MAX_DOMAIN_DURATION)?;
    Ok(())
}

fn domain_set_schedule_set_start_checks_in_order(_: &mut Env) -> Outcome {
    refused(invoke(DOMAIN, Label::DomainScheduleSetStart, &[], &[]), Error::TruncatedMessage)?;
    refused(DOMAIN.schedule_set_start(DOMAIN_SCHEDULES), Error::Range(0, DOMAIN_SCHEDULES - 1))?;
    refused(DOMAIN.schedule_set_start(DOMAIN_SCHEDULES - 1), Error::InvalidArgument(0))?;
    DOMAIN.schedule_set_start(0)?;
    Ok(())
}
