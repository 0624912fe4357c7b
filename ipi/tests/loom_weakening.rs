// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every ordering of the protocol is needed: loom finds a failure as soon as one of them is weaker.
#![cfg(loom)]

mod models;

use ipi::weakening;
use std::thread;

#[test]
fn weakening_any_ordering_is_found() {
    let mut unnoticed = Vec::new();
    for (site, ordering) in weakening::steps() {
        weakening::set(Some((site, ordering)));
        // A thread per attempt, because a failed exploration leaves its thread's state behind.
        let found = models::MODELS.into_iter().find(|model| {
            let (name, run) = (model.name, model.clone());
            thread::Builder::new()
                .name(name.into())
                .spawn(move || run.check(run.preemptions))
                .expect("threads")
                .join()
                .is_err()
        });
        match found {
            Some(model) => println!("{site:?} as {ordering:?}: found by {}", model.name),
            None => unnoticed.push((site, ordering)),
        }
    }
    weakening::set(None);
    assert!(unnoticed.is_empty(), "no failure found with {unnoticed:?}");
}
