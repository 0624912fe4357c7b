// SPDX-License-Identifier: MIT OR Apache-2.0
//! No interleaving lets both ends of a ring touch a slot at once, or loses, repeats or mixes up messages.
#![cfg(loom)]

mod models;

#[test]
fn no_interleaving_fails() {
    for model in models::MODELS {
        println!("{}", model.name);
        model.check();
    }
}
