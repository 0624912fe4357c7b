// SPDX-License-Identifier: MIT OR Apache-2.0
//! The table `[[program]]`: a program that init starts, and by name what it gets.

use skerry_system::{
    Access, Channel, Description, Device, Interrupt, InterruptSource, Item, List, Mapped, OnFault, OnTimeout,
    Program, Region,
};
use toml::Spanned;
use toml::de::DeValue;

use super::{NOBODY, Reader, arguments, bytes};
use crate::description::mistakes::{Mistake, suggestion};
use crate::description::places::WHOLE;
use crate::description::table::{Findings, Key, Table};

pub(super) const KEYS: &[Key] = &[
    ("name", "name = \"producer\""),
    ("instance", "instance = \"worker\""),
    ("image", "image = \"producer\""),
    ("arguments", "arguments = [\"one\", \"two\"]"),
    ("priority", "priority = 100"),
    ("mcp", "mcp = 100"),
    ("budget-us", "budget-us = 1000"),
    ("period-us", "period-us = 10000"),
    ("stack", "stack = \"64K\""),
    ("fpu", "fpu = true"),
    ("background", "background = false"),
    ("restart", "restart = \"on-fault\""),
    ("restart-limit", "restart-limit = 3"),
    ("on-timeout", "on-timeout = \"report\""),
    ("timeout-handler", "timeout-handler = \"guard\""),
    ("regions", "regions = [{ name = \"frames\", rights = \"rw\" }]"),
    ("receive", "receive = [\"commands\"]"),
    ("signal", "signal = [\"commands\"]"),
    ("interrupts", "interrupts = [{ name = \"timer\", pin = 2 }]"),
    ("ports", "ports = [\"uart\"]"),
    ("mmio", "mmio = [\"card\"]"),
];
pub(super) const REGION: &[Key] =
    &[("name", "name = \"frames\""), ("rights", "rights = \"rw\""), ("address", "address = 0x20000000")];
pub(super) const INTERRUPT: &[Key] = &[
    ("name", "name = \"timer\""),
    ("ioapic", "ioapic = \"chip\""),
    ("pin", "pin = 2"),
    ("trigger", "trigger = \"edge\""),
    ("polarity", "polarity = \"high\""),
    ("pci", "pci = \"00:04.0\""),
    ("handle", "handle = 0"),
    ("vector", "vector = 10"),
];

/// Restarts of a program that is to be restarted, unless it says how often.
const DEFAULT_RESTARTS: u32 = 3;

impl Reader<'_> {
    /// A program; `description` has everything that it can refer to.
    pub(super) fn program(
        &mut self,
        table: &Table<'_>,
        description: &Description,
        found: &mut Findings,
    ) -> Program {
        let name = table.needed_text("name", found).unwrap_or_default();
        let instance = self.reference(table, "instance", found);
        let mut program = Program::new(name, instance, self.image(table, "image", found));
        program.arguments = arguments(table, found);
        program.priority = table.number("priority", found).unwrap_or(program.priority);
        program.mcp = table.number("mcp", found).unwrap_or(program.priority);
        program.budget_us = table.number("budget-us", found).unwrap_or(program.budget_us);
        program.period_us = table.number("period-us", found).unwrap_or(program.budget_us);
        if table.has("stack") {
            program.stack = bytes(table, "stack", found).unwrap_or(program.stack);
        }
        program.fpu = table.flag("fpu", found).unwrap_or(program.fpu);
        program.background = table.flag("background", found).unwrap_or(program.background);
        program.on_fault = on_fault(table, found);
        program.on_timeout = self.on_timeout(table, found);
        program.regions =
            each(table, List::Regions, found, |entry, found| region(entry, (description, instance), found));
        let channels: Vec<&str> =
            description.channels.iter().map(|Channel { name, .. }| name.as_str()).collect();
        let devices: Vec<&str> =
            description.devices.iter().map(|Device { name, .. }| name.as_str()).collect();
        program.receive = names(table, List::Receive, ("channel", &channels), found);
        program.signal = names(table, List::Signal, ("channel", &channels), found);
        program.interrupts =
            each(table, List::Interrupts, found, |entry, found| interrupt(entry, &devices, found));
        program.ports = names(table, List::Ports, ("device", &devices), found);
        program.mmio = names(table, List::Mmio, ("device", &devices), found);
        program
    }

    fn on_timeout(&self, table: &Table<'_>, found: &mut Findings) -> OnTimeout {
        let choices = [("wait", OnTimeout::Wait), ("report", OnTimeout::Report), ("fault", OnTimeout::Fault)];
        let choice = table.choice("on-timeout", &choices, found);
        let Some(name) = table.text("timeout-handler", found) else {
            return choice.unwrap_or(OnTimeout::Wait);
        };
        if table.has("on-timeout") {
            let what = "the handler of its timeouts decides what happens";
            let mistake =
                Mistake::new(table.span("on-timeout"), what).help("remove this, or `timeout-handler`");
            found.mistake(table.item, "on-timeout", mistake);
        }
        let handler = self.program_names.iter().position(|known| *known == name).unwrap_or_else(|| {
            let help = suggestion(name, self.program_names.iter().copied());
            let what = format!("there is no program `{name}`");
            let mistake = Mistake::new(table.span("timeout-handler"), what).help(help);
            found.mistake(table.item, "timeout-handler", mistake);
            NOBODY
        });
        OnTimeout::Handler(handler)
    }
}

fn on_fault(table: &Table<'_>, found: &mut Findings) -> OnFault {
    let limit = table.number("restart-limit", found);
    let restart = OnFault::Restart { limit: limit.unwrap_or(DEFAULT_RESTARTS) };
    let policies = [("never", OnFault::Stop), ("on-fault", restart)];
    let policy = table.choice("restart", &policies, found);
    if limit.is_some() && policy != Some(restart) {
        let what = "a limit of restarts without restarts";
        let help = "add: restart = \"on-fault\"";
        found.mistake(
            table.item,
            "restart-limit",
            Mistake::new(table.span("restart-limit"), what).help(help),
        );
    }
    policy.unwrap_or(OnFault::Stop)
}

/// One entry of a list: its place and value.
struct Entry<'a> {
    item: Item,
    value: &'a Spanned<DeValue<'a>>,
}

impl<'a> Entry<'a> {
    /// The entry as a table with these keys; an entry that is a mere text is the name.
    fn table(&self, keys: &'static [Key], found: &mut Findings) -> Option<Table<'a>> {
        let table = self.value.get_ref().as_table()?;
        Some(Table::new(table, self.value.span(), self.item, keys, found))
    }

    /// The position of the item that a text names.
    fn position(
        &self,
        key: &'static str,
        (name, span): (&str, std::ops::Range<usize>),
        (kind, known): (&str, &[&str]),
        found: &mut Findings,
    ) -> usize {
        known.iter().position(|known| *known == name).unwrap_or_else(|| {
            let help = match known {
                [] => format!("add a [[{kind}]] with this name"),
                _ => suggestion(name, known.iter().copied()),
            };
            let mistake = Mistake::new(span, format!("there is no {kind} `{name}`")).help(help);
            found.mistake(self.item, key, mistake);
            NOBODY
        })
    }
}

/// The entries of a list, as far as they can be read.
fn each<T>(
    table: &Table<'_>,
    list: List,
    found: &mut Findings,
    mut read: impl FnMut(&Entry<'_>, &mut Findings) -> Option<T>,
) -> Vec<T> {
    let (Item::Program(program), key) = (table.item, list.key()) else { return Vec::new() };
    let mut entries = Vec::new();
    for (position, value) in table.list(key, found).unwrap_or_default().iter().enumerate() {
        // Positions are those of what could be read, as validation counts them.
        let entry = Entry { item: Item::Entry { program, list, position: entries.len() }, value };
        found.places.add(entry.item, WHOLE, value.span());
        match read(&entry, found) {
            Some(read) => entries.push(read),
            None => table.unfit(
                key,
                format!("entry {} of `{key}` cannot be of type {}", position + 1, value.get_ref().type_str()),
                found,
            ),
        }
    }
    entries
}

/// A list of names, each the name of an item.
fn names(table: &Table<'_>, list: List, known: (&str, &[&str]), found: &mut Findings) -> Vec<usize> {
    each(table, list, found, |entry, found| {
        let name = entry.value.get_ref().as_str()?;
        Some(entry.position(WHOLE, (name, entry.value.span()), known, found))
    })
}

/// A region by its name, or a table with its name.
fn region(
    entry: &Entry<'_>,
    (description, instance): (&Description, usize),
    found: &mut Findings,
) -> Option<Mapped> {
    let regions: Vec<&str> = description.regions.iter().map(|Region { name, .. }| name.as_str()).collect();
    let position = |name, found: &mut Findings| {
        let region = entry.position("name", name, ("region", &regions), found);
        let members = description.regions.get(region).map(|region| region.members.iter());
        let own = members.and_then(|mut members| members.find(|member| member.instance == instance));
        (region, own.map_or(Access::ReadOnly, |member| member.access))
    };
    if let Some(name) = entry.value.get_ref().as_str() {
        let (region, access) = position((name, entry.value.span()), found);
        return Some(Mapped { region, access, address: None });
    }
    let table = entry.table(REGION, found)?;
    let name = table.needed_text("name", found).map(|name| (name, table.span("name")));
    let (region, own) = name.map_or((NOBODY, Access::ReadOnly), |name| position(name, found));
    let rights = [("rw", Access::ReadWrite), ("r", Access::ReadOnly)];
    let access = table.choice("rights", &rights, found).unwrap_or(own);
    Some(Mapped { region, access, address: table.number("address", found) })
}

fn interrupt(entry: &Entry<'_>, devices: &[&str], found: &mut Findings) -> Option<Interrupt> {
    let table = entry.table(INTERRUPT, found)?;
    let name = table.needed_text("name", found).unwrap_or_default().to_owned();
    let source = if table.has("pci") { message(&table, found) } else { pin(entry, &table, devices, found) };
    Some(Interrupt { name, source, vector: table.number("vector", found) })
}

/// An input of an interrupt controller.
fn pin(entry: &Entry<'_>, table: &Table<'_>, devices: &[&str], found: &mut Findings) -> InterruptSource {
    refuse_keys(table, &["handle"], "a pin", found);
    let io_apic = table.text("ioapic", found);
    let io_apic = io_apic
        .map(|name| entry.position("ioapic", (name, table.span("ioapic")), ("device", devices), found));
    let pin = table.needed_number("pin", found).unwrap_or_default();
    let triggers = [("edge", false), ("level", true)];
    let polarities = [("high", false), ("low", true)];
    let is_level = table.choice("trigger", &triggers, found).unwrap_or(false);
    let is_low = table.choice("polarity", &polarities, found).unwrap_or(false);
    InterruptSource::Pin { io_apic, pin, is_level, is_low }
}

/// A message of a PCI function.
fn message(table: &Table<'_>, found: &mut Findings) -> InterruptSource {
    refuse_keys(table, &["ioapic", "pin", "trigger", "polarity"], "a message", found);
    let place = table.text("pci", found).and_then(|text| {
        let function = pci_function(text);
        if function.is_none() {
            table.unfit("pci", format!("`{text}` is not bus, device and function"), found);
        }
        function
    });
    let [bus, device, function] = place.unwrap_or_default();
    InterruptSource::Message {
        bus,
        device,
        function,
        handle: table.number("handle", found).unwrap_or_default(),
    }
}

/// Bus, device and function as `lspci` writes them: hexadecimal, 00:1f.2.
fn pci_function(text: &str) -> Option<[u8; 3]> {
    let (bus, rest) = text.split_once(':')?;
    let (device, function) = rest.split_once('.')?;
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let [bus, device, function] =
        [bus, device, function].map(|part| u8::from_str_radix(part, 16).ok().filter(|_| is_number(part)));
    Some([bus?, device.filter(|device| *device < 32)?, function.filter(|function| *function < 8)?])
}

/// Reports keys that belong to another kind of interrupt.
fn refuse_keys(table: &Table<'_>, others: &[&'static str], kind: &str, found: &mut Findings) {
    for key in others.iter().filter(|key| table.has(key)) {
        let what = format!("{kind} has no `{key}`");
        let help = "a pin has ioapic, pin, trigger and polarity, a message pci and handle";
        found.mistake(table.item, key, Mistake::new(table.span(key), what).help(help));
    }
}
