// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every ordering of the ring is needed: loom finds a failure as soon as one of them is relaxed.
#![cfg(loom)]

mod models;

use shared_region::{Site, weakening};
use std::thread;

#[test]
fn relaxing_any_ordering_is_found() {
    let mut unnoticed = Vec::new();
    for site in Site::ALL {
        weakening::set(Some(site));
        // A thread per attempt, because a failed exploration leaves its thread's state behind.
        let found = models::MODELS.into_iter().find(|model| {
            let run = model.clone();
            thread::Builder::new()
                .name(run.name.into())
                .spawn(move || run.check())
                .expect("threads")
                .join()
                .is_err()
        });
        match found {
            Some(model) => println!("{site:?} relaxed: found by {}", model.name),
            None => unnoticed.push(site),
        }
    }
    weakening::set(None);
    assert!(unnoticed.is_empty(), "no failure found with {unnoticed:?} relaxed");
}
