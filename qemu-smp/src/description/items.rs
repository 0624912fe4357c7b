// SPDX-License-Identifier: MIT OR Apache-2.0
//! The items of a description: which keys each has, and what becomes of them.
//!
//! A value that cannot be read is replaced by a harmless one and its place marked, so that the rest can be checked.

mod programs;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use abi::Variant;
use skerry_system::{
    Access, Channel, Description, Device, DeviceKind, INIT, Idle, Instance, Item, Member, Mode, Region,
    Silent, Size,
};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::mistakes::{Mistake, suggestion};
use super::places::Places;
use super::table::{Findings, Key, Table};
use crate::machine::parse_size;
use crate::variant;

const TOP: &[Key] = &[
    ("system", "[system]"),
    ("instance", "[[instance]]"),
    ("region", "[[region]]"),
    ("channel", "[[channel]]"),
    ("device", "[[device]]"),
    ("program", "[[program]]"),
];
const SYSTEM: &[Key] = &[("name", "name = \"ping-pong\"")];
const INSTANCE: &[Key] = &[
    ("name", "name = \"worker\""),
    ("program", "program = \"ping-pong\""),
    ("arguments", "arguments = [\"one\", \"two\"]"),
    ("core", "core = 1"),
    ("memory", "memory = \"256M\", \"25%\" or \"rest\""),
    ("idle", "idle = \"halt\""),
    ("abi", "abi = \"microkit-2.3-debug\""),
    ("cnode-bits", "cnode-bits = 13"),
    ("boot-slice-us", "boot-slice-us = 5000"),
    ("if-silent", "if-silent = \"fail\""),
];
const REGION: &[Key] = &[
    ("name", "name = \"frames\""),
    ("size", "size = \"64K\""),
    ("members", "members = [{ instance = \"worker\", rights = \"rw\" }]"),
];
const MEMBER: &[Key] = &[("instance", "instance = \"worker\""), ("rights", "rights = \"rw\"")];
const CHANNEL: &[Key] = &[
    ("name", "name = \"commands\""),
    ("from", "from = \"worker\""),
    ("to", "to = \"worker\""),
    ("lines", "lines = 8"),
    ("ack", "ack = true"),
];
const DEVICE: &[Key] = &[
    ("name", "name = \"uart\""),
    ("owner", "owner = \"worker\""),
    ("kind", "kind = \"ports\""),
    ("base", "base = 0xfd000000"),
    ("size", "size = \"64K\""),
    ("first", "first = 0x3f8"),
    ("last", "last = 0x3ff"),
    ("index", "index = 0"),
    ("trusted", "trusted = true"),
];

/// Lines of a channel unless it says otherwise.
const DEFAULT_LINES: u32 = 8;
/// Stands for an instance whose name is wrong.
const NOBODY: usize = usize::MAX;

/// What was read.
pub(super) struct Read {
    pub(super) description: Description,
    pub(super) files: BTreeMap<String, PathBuf>,
    pub(super) mistakes: Vec<Mistake>,
    pub(super) places: Places,
}

/// Reads a whole document.
pub(super) fn read(document: &DeTable<'_>, dir: &Path, programs: &[String]) -> Read {
    let mut found = Findings::default();
    let top = Table::new(document, 0..0, Item::System, TOP, &mut found);
    let names = texts(document, "instance", "name");
    let with_programs = texts(document, "program", "instance");
    let program_names = texts(document, "program", "name");
    let mut reader = Reader { dir, programs, names, with_programs, program_names, files: BTreeMap::new() };
    let name = system_name(&top, &mut found);
    let instances = each(&top, "instance", INSTANCE, Item::Instance, &mut found);
    let regions = each(&top, "region", REGION, Item::Region, &mut found);
    let channels = each(&top, "channel", CHANNEL, Item::Channel, &mut found);
    let devices = each(&top, "device", DEVICE, Item::Device, &mut found);
    let programs = each(&top, "program", programs::KEYS, Item::Program, &mut found);
    let mut description = Description {
        name,
        mode: Mode::Described,
        instances: instances.iter().map(|table| reader.instance(table, &mut found)).collect(),
        regions: regions.iter().map(|table| reader.region(table, &mut found)).collect(),
        channels: channels.iter().map(|table| reader.channel(table, &mut found)).collect(),
        devices: devices.iter().map(|table| reader.device(table, &mut found)).collect(),
        programs: Vec::new(),
    };
    let programs = programs.iter().map(|table| reader.program(table, &description, &mut found));
    description.programs = programs.collect();
    Read { description, files: reader.files, mistakes: found.mistakes, places: found.places }
}

/// The texts under one key of an array of tables: names are needed before the items are read, so that references can be
/// resolved.
fn texts<'a>(document: &'a DeTable<'a>, tables: &str, key: &str) -> Vec<&'a str> {
    let tables = document.get(tables).and_then(|value| value.get_ref().as_array()).into_iter().flatten();
    tables
        .map(|table| table.get_ref().get(key).and_then(|text| text.get_ref().as_str()).unwrap_or(""))
        .collect()
}

fn system_name(top: &Table<'_>, found: &mut Findings) -> String {
    let name = top.value("system", found).and_then(|system| {
        let Some(table) = system.get_ref().as_table() else {
            top.unfit("system", "`system` must be a table".to_owned(), found);
            return None;
        };
        Table::new(table, system.span(), Item::System, SYSTEM, found).text("name", found)
    });
    name.unwrap_or("system").to_owned()
}

/// The tables of an array of tables.
fn each<'a>(
    top: &Table<'a>,
    key: &'static str,
    keys: &'static [Key],
    item: impl Fn(usize) -> Item,
    found: &mut Findings,
) -> Vec<Table<'a>> {
    let values = top.list(key, found).unwrap_or_default();
    let mut tables = Vec::new();
    for (position, value) in values.iter().enumerate() {
        match value.get_ref().as_table() {
            Some(table) => tables.push(Table::new(table, value.span(), item(position), keys, found)),
            None => top.unfit(key, format!("`{key}` must be a table"), found),
        }
    }
    tables
}

struct Reader<'a> {
    dir: &'a Path,
    programs: &'a [String],
    names: Vec<&'a str>,
    /// The instances that programs name, so that these need no root task of their own.
    with_programs: Vec<&'a str>,
    /// Programs that init starts, which may refer to later ones.
    program_names: Vec<&'a str>,
    files: BTreeMap<String, PathBuf>,
}

impl Reader<'_> {
    fn instance(&mut self, table: &Table<'_>, found: &mut Findings) -> Instance {
        let name = table.needed_text("name", found).unwrap_or_default();
        let program = if !table.has("program") && self.with_programs.contains(&name) {
            INIT.to_owned()
        } else {
            self.image(table, "program", found)
        };
        let mut instance = Instance::new(name, program);
        instance.root_task.arguments = arguments(table, found);
        instance.core = table.number("core", found);
        instance.memory =
            table.text("memory", found).and_then(|text| memory(table, text, found)).unwrap_or(Size::Rest);
        let idle = [("halt", Idle::Halt), ("mwait", Idle::Mwait), ("poll", Idle::Poll)];
        instance.idle = table.choice("idle", &idle, found).unwrap_or(instance.idle);
        if let Some(variant) = self.variant(table, found) {
            instance.set_variant(variant);
            instance.is_variant_given = true;
        }
        instance.cnode_bits = table.number("cnode-bits", found).unwrap_or(instance.cnode_bits);
        instance.boot_slice_us = table.number("boot-slice-us", found).unwrap_or(instance.boot_slice_us);
        let silent = [("fail", Silent::Fail), ("leave-out", Silent::LeaveOut)];
        instance.if_silent = table.choice("if-silent", &silent, found).unwrap_or(instance.if_silent);
        instance
    }

    /// The ABI variant that an instance names; a path is found from the directory of the description.
    fn variant(&self, table: &Table<'_>, found: &mut Findings) -> Option<Variant> {
        let text = table.text("abi", found)?;
        let resolved = variant::resolve(text, self.dir);
        resolved
            .map_err(|error| {
                let message = error.to_string();
                let (what, help) = message.split_once("\n  ").unwrap_or((&message, ""));
                found.mistake(table.item, "abi", Mistake::new(table.span("abi"), what).help(help));
            })
            .ok()
    }

    /// The name of a program's image member; a file or crate, given by its path, is remembered.
    fn image(&mut self, table: &Table<'_>, key: &'static str, found: &mut Findings) -> String {
        let Some(program) = table.needed_text(key, found) else { return String::new() };
        if program.contains('/') {
            let path = self.dir.join(program);
            if !path.is_file() && !path.join("Cargo.toml").is_file() {
                let what = format!("there is no file or crate {}", path.display());
                let help = "a program with a `/` in it is an ELF file, a C file or the directory of a crate, found \
                            from the directory of the description";
                found.mistake(table.item, key, Mistake::new(table.span(key), what).help(help));
            }
            self.files.insert(program.to_owned(), path);
        } else if !self.programs.iter().any(|known| known == program) {
            let help = suggestion(program, self.programs.iter().map(String::as_str));
            let what = format!("there is no program `{program}` under userland/ or suites/");
            found.mistake(table.item, key, Mistake::new(table.span(key), what).help(help));
        }
        program.to_owned()
    }

    /// The position of the instance that a key names.
    fn reference(&self, table: &Table<'_>, key: &'static str, found: &mut Findings) -> usize {
        let Some(name) = table.needed_text(key, found) else { return NOBODY };
        self.names.iter().position(|known| *known == name).unwrap_or_else(|| {
            let help = suggestion(name, self.names.iter().copied());
            let what = format!("there is no instance `{name}`");
            found.mistake(table.item, key, Mistake::new(table.span(key), what).help(help));
            NOBODY
        })
    }

    fn name_of(&self, instance: usize) -> &str {
        self.names.get(instance).copied().unwrap_or("nobody")
    }

    fn region(&self, table: &Table<'_>, found: &mut Findings) -> Region {
        let name = table.needed_text("name", found).unwrap_or_default().to_owned();
        let size = bytes(table, "size", found).unwrap_or(1);
        if !table.has("members") {
            table.missing("members", found);
        }
        let members = table.list("members", found).unwrap_or_default();
        let members =
            members.iter().enumerate().filter_map(|(m, value)| self.member(table, m, value, found)).collect();
        Region { name, size, members }
    }

    fn member(
        &self,
        region: &Table<'_>,
        position: usize,
        value: &Spanned<DeValue<'_>>,
        found: &mut Findings,
    ) -> Option<Member> {
        let Some(table) = value.get_ref().as_table() else {
            region.unfit(
                "members",
                format!("a member cannot be of type {}", value.get_ref().type_str()),
                found,
            );
            return None;
        };
        let Item::Region(index) = region.item else { return None };
        let item = Item::Member { region: index, member: position };
        let table = Table::new(table, value.span(), item, MEMBER, found);
        let rights = [("rw", Access::ReadWrite), ("r", Access::ReadOnly)];
        let access = table.choice("rights", &rights, found).unwrap_or(Access::ReadWrite);
        Some(Member { instance: self.reference(&table, "instance", found), access })
    }

    fn channel(&self, table: &Table<'_>, found: &mut Findings) -> Channel {
        let (from, to) = (self.reference(table, "from", found), self.reference(table, "to", found));
        let name = match table.text("name", found) {
            Some(name) => name.to_owned(),
            None => format!("{}-{}", self.name_of(from), self.name_of(to)),
        };
        let lines = table.number("lines", found).unwrap_or(DEFAULT_LINES);
        Channel { name, from, to, lines, ack: table.flag("ack", found).unwrap_or(true) }
    }

    fn device(&self, table: &Table<'_>, found: &mut Findings) -> Device {
        let name = table.needed_text("name", found).unwrap_or_default().to_owned();
        if !table.has("kind") {
            table.missing("kind", found);
        }
        let kinds: [(_, ReadDevice); 3] = [("mmio", registers), ("ports", ports), ("ioapic", io_apic)];
        let kind = table.choice("kind", &kinds, found).map(|read| read(table, found));
        let owner = self.reference(table, "owner", found);
        // An IOAPIC that no machine has stands for a device that could not be read.
        let kind = kind.unwrap_or(DeviceKind::IoApic { index: u32::MAX });
        Device { name, owner, kind, trusted: table.flag("trusted", found).unwrap_or(false) }
    }
}

type ReadDevice = fn(&Table<'_>, &mut Findings) -> DeviceKind;

fn registers(table: &Table<'_>, found: &mut Findings) -> DeviceKind {
    refuse_keys(table, &["first", "last", "index"], found);
    let base = table.needed_number("base", found).unwrap_or_default();
    DeviceKind::Mmio { base, size: bytes(table, "size", found).unwrap_or(4096) }
}

fn ports(table: &Table<'_>, found: &mut Findings) -> DeviceKind {
    refuse_keys(table, &["base", "size", "index"], found);
    let first = table.needed_number("first", found).unwrap_or_default();
    DeviceKind::IoPorts { first, last: table.needed_number("last", found).unwrap_or(first) }
}

fn io_apic(table: &Table<'_>, found: &mut Findings) -> DeviceKind {
    refuse_keys(table, &["base", "size", "first", "last"], found);
    DeviceKind::IoApic { index: table.needed_number("index", found).unwrap_or_default() }
}

/// Reports keys that belong to another kind of device.
fn refuse_keys(table: &Table<'_>, others: &[&'static str], found: &mut Findings) {
    for key in others.iter().filter(|key| table.has(key)) {
        let what = format!("a device of this kind has no `{key}`");
        let help = "mmio has base and size, ports first and last, ioapic index";
        found.mistake(table.item, key, Mistake::new(table.span(key), what).help(help));
    }
}

/// Words are passed to the program with spaces between them, so none may contain one.
fn arguments(table: &Table<'_>, found: &mut Findings) -> String {
    let mut words = Vec::new();
    for value in table.list("arguments", found).unwrap_or_default() {
        match value.get_ref().as_str() {
            Some(word) if !word.is_empty() && !word.contains(char::is_whitespace) => words.push(word),
            Some(_) => bad_argument(table, value.span(), "an argument is empty or contains a space", found),
            None => bad_argument(table, value.span(), "an argument is not a text", found),
        }
    }
    words.join(" ")
}

fn bad_argument(table: &Table<'_>, span: Range<usize>, what: &str, found: &mut Findings) {
    let help = "write it as: arguments = [\"one\", \"two\"]";
    found.mistake(table.item, "arguments", Mistake::new(span, what).help(help));
}

fn memory(table: &Table<'_>, text: &str, found: &mut Findings) -> Option<Size> {
    if text == "rest" {
        return Some(Size::Rest);
    }
    if let Some(percent) = text.strip_suffix('%') {
        let number = percent.parse::<u32>().ok();
        if number.is_none() {
            table.unfit("memory", format!("`{text}` is not a percentage"), found);
        }
        // Validation refuses what exceeds 100, so it may be cut here.
        return number.map(|number| Size::Percent(u8::try_from(number).unwrap_or(u8::MAX)));
    }
    let size = parse_size(text);
    size.map_err(|error| table.unfit("memory", error, found)).ok().map(Size::Bytes)
}

/// A number of bytes, as a text with a unit or as a plain number.
fn bytes(table: &Table<'_>, key: &'static str, found: &mut Findings) -> Option<u64> {
    if !table.has(key) {
        table.missing(key, found);
        return None;
    }
    if table.value(key, found)?.get_ref().is_integer() {
        return table.number(key, found);
    }
    let text = table.text(key, found)?;
    parse_size(text).map_err(|error| table.unfit(key, error, found)).ok()
}

#[cfg(test)]
mod tests;
