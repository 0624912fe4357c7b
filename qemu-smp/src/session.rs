// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is known of a running system, and when it has ended: fed with lines, free of processes and clocks.

use regex::Regex;
use serde::Serialize;
use serde_json::Value;
use skerry_system::{Description, DeviceKind};

use crate::console::Source;
use crate::counters::Counters;
use crate::failure::Exit;
use crate::inject::Injection;
use crate::machine::COM1;
use crate::protocol::{Message, Row, Speaker, Stuck};

/// Why a run is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// The exit code that follows.
    pub exit: Exit,
    /// One sentence for the user.
    pub reason: String,
}

impl Ending {
    /// An ending.
    pub fn new(exit: Exit, reason: impl Into<String>) -> Self {
        Ending { exit, reason: reason.into() }
    }
}

/// What is known of one instance.
#[derive(Debug, Clone, Serialize)]
pub struct InstanceState {
    /// Its number.
    pub instance: usize,
    /// Its name in the description.
    pub name: String,
    /// Microseconds from the start of the boot code until its root task ran.
    pub boot_us: Option<u64>,
    /// The exit code of its root task.
    pub exit: Option<i64>,
    /// Faults of the programs that its init started, in order.
    pub faults: Vec<Value>,
    /// Whether its kernel was asked to halt.
    pub halted: bool,
    /// Why none of its threads could run any more, if its root task has not finished.
    pub stuck: Option<String>,
    /// Why its kernel failed.
    pub failed: Option<String>,
    /// Whether that is what `--inject` asked for.
    pub injected: bool,
    /// What its kernel has counted, once the run is over.
    pub counters: Option<Counters>,
    /// Lines for the runner that were not believed, because another one has to say what they said.
    pub refused_messages: u64,
    #[serde(skip)]
    is_serial_of_program: bool,
    #[serde(skip)]
    reached_root_task: bool,
    #[serde(skip)]
    was_stopped_by_fault: bool,
}

impl InstanceState {
    fn has_ended(&self) -> bool {
        self.exit.is_some() || self.halted || self.stuck.is_some() || self.failed.is_some()
    }

    /// Takes in that no thread can run any more. After an exit that is what is expected; and where nothing has failed, a peer
    /// may start the instance anew.
    fn set_stuck(&mut self, Stuck { reason, has_fault }: Stuck) {
        if self.exit.is_none() {
            self.was_stopped_by_fault = has_fault;
            self.stuck = Some(reason);
        }
    }
}

/// A running system, as far as its output tells.
#[derive(Debug)]
pub struct Session {
    instances: Vec<InstanceState>,
    until: Option<Regex>,
    fail_on: Option<Regex>,
    injections: Vec<Injection>,
    plan: Option<Value>,
    audit: Option<Value>,
    rows: Vec<Row>,
    collected: Option<Value>,
    ending: Option<Ending>,
    boot_is_over: bool,
    /// Messages on the console of the boot that were not the boot's.
    refused_of_boot: u64,
}

/// The instance that owns COM1, whose output is what comes from there.
pub fn serial_owner(description: &Description) -> u32 {
    let owner =
        description.devices.iter().find(|device| is_serial(device.kind)).map_or(0, |device| device.owner);
    owner as u32
}

/// Whether a program under init has COM1: what comes from there does not speak for the instance.
fn is_serial_of_program(description: &Description, instance: usize) -> bool {
    let programs = description.programs.iter().filter(|program| program.instance == instance);
    let mut devices =
        programs.flat_map(|program| &program.ports).filter_map(|&index| description.devices.get(index));
    devices.any(|device| is_serial(device.kind))
}

fn is_serial(kind: DeviceKind) -> bool {
    matches!(kind, DeviceKind::IoPorts { first, last } if u32::from(first) < COM1.end && u32::from(last) >= COM1.start)
}

impl Session {
    /// A system that has said nothing yet.
    pub fn new(description: &Description, until: Option<Regex>, fail_on: Option<Regex>) -> Self {
        let instances = description.instances.iter().enumerate().map(|(instance, described)| InstanceState {
            instance,
            name: described.name.clone(),
            boot_us: None,
            exit: None,
            faults: Vec::new(),
            halted: false,
            stuck: None,
            failed: None,
            injected: false,
            counters: None,
            refused_messages: 0,
            is_serial_of_program: is_serial_of_program(description, instance),
            reached_root_task: false,
            was_stopped_by_fault: false,
        });
        Session {
            instances: instances.collect(),
            until,
            fail_on,
            injections: Vec::new(),
            plan: None,
            audit: None,
            rows: Vec::new(),
            collected: None,
            ending: None,
            boot_is_over: false,
            refused_of_boot: 0,
        }
    }

    /// The same with faults to come.
    pub fn with_injections(self, injections: Vec<Injection>) -> Self {
        Session { injections, ..self }
    }

    /// Takes in a line of the merged log, prefix included.
    pub fn line(&mut self, text: &str) {
        let matches =
            |pattern: &Option<Regex>| pattern.as_ref().is_some_and(|pattern| pattern.is_match(text));
        if matches(&self.fail_on) {
            self.end(Exit::RootTask, format!("a line matches --fail-on: {text}"));
        } else if matches(&self.until) {
            self.end(Exit::Success, format!("a line matches --until: {text}"));
        }
    }

    /// Takes in the machine-readable messages of one line. Nothing of a line is believed that says what its source may not
    /// say; the answer is then why, for the log.
    pub fn messages(&mut self, source: Source, messages: Vec<Message>) -> Result<(), &'static str> {
        let objection = messages.iter().find_map(|message| self.objection(source, message));
        match objection {
            Some(objection) => {
                let instance = source.instance().and_then(|core| self.instances.get_mut(core as usize));
                *instance.map_or(&mut self.refused_of_boot, |instance| &mut instance.refused_messages) += 1;
                Err(objection)
            }
            None => {
                messages.into_iter().for_each(|message| self.take(source, message));
                Ok(())
            }
        }
    }

    /// Why a message of this source is not to be believed.
    fn objection(&self, source: Source, message: &Message) -> Option<&'static str> {
        match (message.speaker(), source.instance()) {
            (_, None) if self.boot_is_over => Some("the boot is over"),
            (Speaker::Boot, Some(_)) => Some("only the boot may say this"),
            (Speaker::Instance, None) => Some("only an instance may say this"),
            (_, Some(core)) => match self.instances.get(core as usize) {
                None => Some("there is no such instance"),
                Some(instance) if instance.is_serial_of_program && matches!(source, Source::Serial(_)) => {
                    Some("a program writes here, not its instance")
                }
                Some(_) => None,
            },
            (_, None) => None,
        }
    }

    fn take(&mut self, source: Source, message: Message) {
        match (message, source.instance()) {
            (Message::Plan(plan), _) => self.plan = Some(plan),
            (Message::Audit(audit), _) => self.audit = Some(audit),
            (Message::HandOver, _) => self.boot_is_over = true,
            (Message::Refused(reason), _) => {
                self.end(Exit::BadInput, format!("the boot was refused: {reason}"))
            }
            (Message::Failed(reason), None) => self.end(Exit::Kernel, format!("the boot failed: {reason}")),
            (message, Some(core)) => self.instance_message(core as usize, message),
            (_, None) => {}
        }
    }

    fn instance_message(&mut self, number: usize, message: Message) {
        let Some(instance) = self.instances.get_mut(number) else { return };
        match message {
            Message::Failed(reason) => instance.failed = Some(reason),
            Message::Injected => instance.injected = true,
            Message::Halted => instance.halted = true,
            Message::Stuck(stuck) => instance.set_stuck(stuck),
            Message::Fault(fault) => instance.faults.push(fault),
            Message::Up(microseconds) => {
                instance.reached_root_task = true;
                // The kernel says so before its root task can say anything.
                instance.boot_us = instance.boot_us.or(microseconds);
                instance.stuck = None;
            }
            Message::Exit(code) => {
                instance.reached_root_task = true;
                instance.exit = Some(code);
            }
            Message::Rows(rows) => {
                instance.reached_root_task = true;
                self.rows.extend(rows);
            }
            Message::Plan(_) | Message::Audit(_) | Message::Refused(_) | Message::HandOver => {}
        }
        if self.instances.iter().all(InstanceState::has_ended) {
            let ending = self.verdict();
            self.end(ending.exit, ending.reason);
        }
    }

    /// Takes in a document that a root task printed for `--collect`, or why it is none.
    pub fn collected(&mut self, document: Result<Value, String>) {
        match document {
            Ok(document) => {
                self.collected = Some(document);
                self.end(Exit::Success, "the document was collected".to_owned());
            }
            Err(error) => self.end(Exit::RootTask, format!("what was collected is no JSON: {error}")),
        }
    }

    /// Takes in the status pages of the first instances.
    pub fn status_pages(&mut self, pages: &[Vec<u8>]) {
        for (instance, page) in self.instances.iter_mut().zip(pages) {
            instance.counters = Counters::read(page);
        }
    }

    /// The first ending counts.
    fn end(&mut self, exit: Exit, reason: String) {
        self.ending.get_or_insert(Ending { exit, reason });
    }

    /// Why the run is over, once it is.
    pub fn ending(&self) -> Option<&Ending> {
        self.ending.as_ref()
    }

    /// Whether an instance has ended in a way that its peers may wait for in vain.
    pub fn has_casualty(&self) -> bool {
        self.instances.iter().any(|instance| {
            let is_stuck = instance.stuck.is_some() && instance.was_stopped_by_fault;
            instance.failed.is_some() || is_stuck || instance.exit.is_some_and(|code| code != 0)
        })
    }

    /// The worst thing that happened to any instance, whether all have ended or not.
    pub fn verdict(&self) -> Ending {
        let named = |instance: &InstanceState| format!("instance {} ({})", instance.instance, instance.name);
        if let Some((instance, reason)) =
            self.instances.iter().find_map(|instance| Some((instance, instance.failed.as_ref()?)))
        {
            return Ending::new(Exit::Kernel, format!("the kernel of {} failed: {reason}", named(instance)));
        }
        if let Some((instance, code)) = self
            .instances
            .iter()
            .find_map(|instance| Some((instance, instance.exit.filter(|&code| code != 0)?)))
        {
            return Ending::new(
                Exit::RootTask,
                format!("the root task of {} ended with {code}", named(instance)),
            );
        }
        if let Some((instance, reason)) =
            self.instances.iter().find_map(|instance| Some((instance, instance.stuck.as_ref()?)))
        {
            return Ending::new(Exit::RootTask, format!("{}: {reason}", named(instance)));
        }
        Ending::new(Exit::Success, "every instance has finished")
    }

    /// What a run that ended this way has come to, once everything that was said is known: a kernel that failed behind
    /// the end of the programs counts, and a fault that was asked for and did not come is told.
    pub fn settle(&self, ending: Ending) -> Ending {
        let has_failed = self.instances.iter().any(|instance| instance.failed.is_some());
        let overruled = has_failed && matches!(ending.exit, Exit::Success | Exit::RootTask);
        let Ending { exit, mut reason } = if overruled { self.verdict() } else { ending };
        let has_fired = |injection: &&Injection| {
            self.instances.get(injection.instance).is_some_and(|instance| instance.injected)
        };
        let missed: Vec<&str> = self
            .injections
            .iter()
            .filter(|injection| !has_fired(injection))
            .map(|injection| injection.spec.as_str())
            .collect();
        if missed.is_empty() || exit == Exit::BadInput {
            return Ending { exit, reason };
        }
        reason += &format!("; the run was over before --inject {}", missed.join(", --inject "));
        Ending { exit: if exit == Exit::Success { Exit::RootTask } else { exit }, reason }
    }

    /// Names the instances that have not ended.
    pub fn unfinished(&self) -> String {
        let names = self.instances.iter().filter(|instance| !instance.has_ended());
        names
            .map(|instance| format!("{} ({})", instance.instance, instance.name))
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// The instances that reached their root task.
    pub fn reached(&self) -> Vec<&InstanceState> {
        self.instances.iter().filter(|instance| instance.reached_root_task).collect()
    }

    /// All instances, in the order of the description.
    pub fn instances(&self) -> &[InstanceState] {
        &self.instances
    }

    /// The plan that the boot code printed.
    pub fn plan(&self) -> Option<&Value> {
        self.plan.as_ref()
    }

    /// The result of the audit that the boot code printed.
    pub fn audit(&self) -> Option<&Value> {
        self.audit.as_ref()
    }

    /// The document that `--collect` asked for.
    pub fn document(&self) -> Option<&Value> {
        self.collected.as_ref()
    }

    /// How many lines were not believed, whoever they came from.
    pub fn refused_messages(&self) -> u64 {
        self.refused_of_boot + self.instances.iter().map(|instance| instance.refused_messages).sum::<u64>()
    }

    /// All rows of results, in the order in which they came.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }
}

#[cfg(test)]
mod tests;
