// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where in the text each item and each of its keys is.

use std::ops::Range;

use skerry_system::Item;

/// The places of a description's items and keys.
#[derive(Debug, Default)]
pub(super) struct Places {
    keys: Vec<(Item, &'static str, Range<usize>)>,
    wrong: Vec<(Item, &'static str)>,
}

/// The key that a whole item is found under.
pub(super) const WHOLE: &str = "";

impl Places {
    /// Remembers where the value of a key is.
    pub(super) fn add(&mut self, item: Item, key: &'static str, span: Range<usize>) {
        self.keys.push((item, key, span));
    }

    /// Remembers that a mistake was found at a key, so that what follows from it is not reported as well.
    pub(super) fn add_mistake(&mut self, item: Item, key: &'static str) {
        self.wrong.push((item, key));
    }

    /// Whether a mistake that validation found only follows from one found before.
    pub(super) fn is_known_mistake(&self, item: Item, field: &str) -> bool {
        let ends = |key: &str| matches!(key, "from" | "to");
        let key = key_of(field);
        self.wrong.iter().any(|&(wrong, at)| wrong == item && (at == key || (ends(at) && ends(key))))
    }

    /// The instance that comes last in the file.
    pub(super) fn last_instance(&self) -> Item {
        let mut items = self.keys.iter().rev().map(|(item, ..)| *item);
        items.find(|item| matches!(item, Item::Instance(_))).unwrap_or(Item::System)
    }

    /// The place of a field; of the whole item when the file does not mention it.
    pub(super) fn find(&self, item: Item, field: &str) -> Range<usize> {
        let place = |key: &str| self.keys.iter().find(|(other, name, _)| *other == item && *name == key);
        place(key_of(field)).or_else(|| place(WHOLE)).map_or(0..0, |(_, _, span)| span.clone())
    }
}

/// The key in the file for a field of the description.
fn key_of(field: &str) -> &str {
    match field {
        "instances" => "instance",
        "root_task" => "program",
        "cnode_bits" => "cnode-bits",
        "boot_slice_us" => "boot-slice-us",
        "if_silent" => "if-silent",
        "budget_us" => "budget-us",
        "period_us" => "period-us",
        "restart_limit" => "restart-limit",
        "on_timeout" => "on-timeout",
        "timeout_handler" => "timeout-handler",
        other => other,
    }
}

/// The item of the same kind at another position.
pub(super) fn sibling(item: Item, position: usize) -> Item {
    match item {
        Item::System => Item::System,
        Item::Instance(_) => Item::Instance(position),
        Item::Region(_) => Item::Region(position),
        Item::Member { region, .. } => Item::Member { region, member: position },
        Item::Channel(_) => Item::Channel(position),
        Item::Device(_) => Item::Device(position),
        Item::Program(_) => Item::Program(position),
        Item::Entry { program, list, .. } => Item::Entry { program, list, position },
    }
}
