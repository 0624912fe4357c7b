// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading one TOML table by its keys: what is missing, unknown or of the wrong type becomes a mistake, and
//! reading goes on.

use std::ops::Range;

use skerry_system::Item;
use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use super::mistakes::{Mistake, suggestion};
use super::places::{Places, WHOLE};

/// A key that a table may have, and how it is written.
pub(super) type Key = (&'static str, &'static str);

/// What reading has found so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) mistakes: Vec<Mistake>,
    pub(super) places: Places,
}

impl Findings {
    /// Reports a mistake at a key of an item.
    pub(super) fn mistake(&mut self, item: Item, key: &'static str, mistake: Mistake) {
        self.places.add_mistake(item, key);
        self.mistakes.push(mistake);
    }
}

/// A number with the prefix of its radix: as the file has it.
fn written(integer: &DeInteger<'_>) -> String {
    let prefix = match integer.radix() {
        2 => "0b",
        8 => "0o",
        16 => "0x",
        _ => "",
    };
    format!("{prefix}{}", integer.as_str())
}

/// One table being read.
pub(super) struct Table<'a> {
    table: &'a DeTable<'a>,
    pub(super) item: Item,
    keys: &'static [Key],
    span: Range<usize>,
}

impl<'a> Table<'a> {
    /// Begins to read a table that may have these keys.
    pub(super) fn new(
        table: &'a DeTable<'a>,
        span: Range<usize>,
        item: Item,
        keys: &'static [Key],
        found: &mut Findings,
    ) -> Self {
        for key in table.keys() {
            let name = key.get_ref().as_ref();
            if !keys.iter().any(|(known, _)| *known == name) {
                let help = suggestion(name, keys.iter().map(|(known, _)| *known));
                found.mistakes.push(Mistake::new(key.span(), format!("unknown key `{name}`")).help(help));
            }
        }
        found.places.add(item, WHOLE, span.clone());
        Table { table, item, keys, span }
    }

    /// Whether a key is given.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Where a key's value is, or the whole table.
    pub(super) fn span(&self, key: &str) -> Range<usize> {
        self.table.get(key).map_or(self.span.clone(), Spanned::span)
    }

    /// A value of any type.
    pub(super) fn value(&self, key: &'static str, found: &mut Findings) -> Option<&'a Spanned<DeValue<'a>>> {
        let value = self.table.get(key)?;
        found.places.add(self.item, key, value.span());
        Some(value)
    }

    /// Reports that a key that must be given is not.
    pub(super) fn missing(&self, key: &'static str, found: &mut Findings) {
        let what = format!("the key `{key}` is missing");
        let mistake = Mistake::new(self.span.clone(), what).help(format!("add: {}", self.example(key)));
        found.mistake(self.item, key, mistake);
    }

    /// Reports that a value is not what the key expects.
    pub(super) fn unfit(&self, key: &'static str, what: String, found: &mut Findings) {
        let mistake = Mistake::new(self.span(key), what).help(format!("write it as: {}", self.example(key)));
        found.mistake(self.item, key, mistake);
    }

    /// A text, if the key is given.
    pub(super) fn text(&self, key: &'static str, found: &mut Findings) -> Option<&'a str> {
        let value = self.value(key, found)?.get_ref();
        value.as_str().or_else(|| self.wrong_type(key, value, found))
    }

    /// A text that must be given.
    pub(super) fn needed_text(&self, key: &'static str, found: &mut Findings) -> Option<&'a str> {
        if !self.has(key) {
            self.missing(key, found);
        }
        self.text(key, found)
    }

    /// A number that fits `T`, if the key is given.
    pub(super) fn number<T: TryFrom<u64>>(&self, key: &'static str, found: &mut Findings) -> Option<T> {
        let value = self.value(key, found)?.get_ref();
        let Some(integer) = value.as_integer() else { return self.wrong_type(key, value, found) };
        let number = u64::from_str_radix(integer.as_str(), integer.radix()).ok();
        let fitting = number.and_then(|number| T::try_from(number).ok());
        if fitting.is_none() {
            self.unfit(key, format!("`{key}` cannot be {}", written(integer)), found);
        }
        fitting
    }

    /// A number that must be given.
    pub(super) fn needed_number<T: TryFrom<u64>>(
        &self,
        key: &'static str,
        found: &mut Findings,
    ) -> Option<T> {
        if !self.has(key) {
            self.missing(key, found);
        }
        self.number(key, found)
    }

    /// `true` or `false`, if the key is given.
    pub(super) fn flag(&self, key: &'static str, found: &mut Findings) -> Option<bool> {
        let value = self.value(key, found)?.get_ref();
        value.as_bool().or_else(|| self.wrong_type(key, value, found))
    }

    /// One of several words, if the key is given.
    pub(super) fn choice<T: Copy>(
        &self,
        key: &'static str,
        choices: &[(&'static str, T)],
        found: &mut Findings,
    ) -> Option<T> {
        let word = self.text(key, found)?;
        let chosen = choices.iter().find(|(name, _)| *name == word).map(|(_, choice)| *choice);
        if chosen.is_none() {
            let help = suggestion(word, choices.iter().map(|(name, _)| *name));
            let mistake = Mistake::new(self.span(key), format!("`{key}` cannot be `{word}`")).help(help);
            found.mistake(self.item, key, mistake);
        }
        chosen
    }

    /// The values of an array, if the key is given.
    pub(super) fn list(&self, key: &'static str, found: &mut Findings) -> Option<&'a [Spanned<DeValue<'a>>]> {
        let value = self.value(key, found)?.get_ref();
        match value.as_array() {
            Some(array) => Some(array),
            None => self.wrong_type(key, value, found),
        }
    }

    fn wrong_type<T>(&self, key: &'static str, value: &DeValue<'_>, found: &mut Findings) -> Option<T> {
        self.unfit(key, format!("`{key}` cannot be of type {}", value.type_str()), found);
        None
    }

    fn example(&self, key: &str) -> &'static str {
        self.keys.iter().find(|(name, _)| *name == key).map_or("", |(_, example)| example)
    }
}
