// SPDX-License-Identifier: MIT OR Apache-2.0
//! `run`: boots a system, follows it until it has ended, and tells how it went.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use crate::arch::Arch;
use crate::cli::RunOptions;
use crate::collect::{Collected, Collector};
use crate::compile::{Compiler, Kernel, Profile};
use crate::console::{LineAssembler, Source};
use crate::counters;
use crate::failure::{Doing, Exit, Failure};
use crate::hint::Hints;
use crate::image;
use crate::inject::{self, Circumstances};
use crate::log::{Log, Show};
use crate::machine::Machine;
use crate::model::Files;
use crate::paths;
use crate::patience::{GLANCE, Patience, processor_time};
use crate::prerequisites;
use crate::progress;
use crate::protocol;
use crate::qemu::{Event, Qemu};
use crate::report;
use crate::report::document::Report;
use crate::report::page::page;
use crate::results::Results;
use crate::session::{self, Ending, Session};
use crate::symbols::Symbols;
use crate::system::System;
use crate::workspace::Workspace;
use skerry_system::Instance;

/// How long QEMU may take to close its consoles once it was told to end.
const LAST_WORDS: Duration = Duration::from_secs(20);

/// Runs a system and says how it ended.
pub fn run(options: &RunOptions) -> Result<Exit, Failure> {
    check(options)?;
    let arch = options.what.arch;
    let workspace = Workspace::find()?;
    let system = System::choose(&options.what, &workspace)?;
    let injections = inject::read(&options.inject, circumstances(options, &system))?;
    let compiler = Compiler::new(&workspace, arch)?;
    let kernel = match &options.boot_image {
        Some(image) => Kernel { boot: image.clone(), program: image.clone() },
        None => compiler.kernel(options.what.profile)?,
    };
    let made_module = tempfile::NamedTempFile::new().doing("making a file for the system image")?;
    if options.module.is_none() {
        fs::write(made_module.path(), system.module(&compiler)?).doing("writing the system image")?;
    }
    let module = options.module.as_deref().unwrap_or(made_module.path());

    let words: Vec<&str> = injections.iter().map(|injection| injection.word.as_str()).collect();
    let machine = machine(options, &system, &kernel, module, &words);
    let log = Log::new(show(), machine.consoles, options.log_dir.as_deref())?;
    let session = Session::new(&system.description, options.until.clone(), options.fail_on.clone())
        .with_injections(injections);
    let mut follower = Follower::new(log, &kernel.program, session, &machine);
    if options.explain {
        let of = |instance: &Instance| {
            let file = system.place(&instance.root_task.name, &compiler).ok()?;
            Some(Symbols::new(&file, arch))
        };
        follower.root_tasks = system.description.instances.iter().map(of).collect();
    }
    follower.collector =
        options.collect.as_deref().map(|marker| Collector::new(marker, options.collect_from));

    let ending = follow_to_end(options, &mut follower, &machine)?;

    let results = Results::new(&system.description, &follower.session, machine.instrument(), &ending);
    let files = boot_files(options, &system, &kernel, &workspace);
    let report = report::of_run(&system, files.as_ref(), &follower.session, &results);
    let results = results.with_report(report.as_ref());
    if let Some(path) = &options.json {
        results.write_json(path)?;
    }
    if let Some(path) = &options.report {
        write_report(path, report.as_ref())?;
    }
    results.print();
    Ok(ending.exit)
}

/// What can be refused before anything is compiled.
fn check(options: &RunOptions) -> Result<(), Failure> {
    let arch = options.what.arch;
    arch.check_accelerator(options.accel)?;
    arch.check_profile(options.what.profile)?;
    if options.explain && options.what.profile == Profile::Release {
        return Err(Failure::bad_input(
            "--explain with --profile release: a release kernel prints nothing\n  expected: --profile debug or bench",
        ));
    }
    prerequisites::require_qemu(arch)?;
    let given = [&options.boot_image, &options.module];
    given.into_iter().flatten().try_for_each(|path| image::check_boot_file(arch, path))?;
    let written = [&options.json, &options.report];
    written.into_iter().flatten().try_for_each(|path| paths::check_writable(path))
}

/// Boots the machine, follows it, and reads what its kernels have counted.
fn follow_to_end(
    options: &RunOptions,
    follower: &mut Follower,
    machine: &Machine,
) -> Result<Ending, Failure> {
    let deadline = Instant::now() + Duration::from_secs(options.timeout);
    let (mut qemu, sender, events) = Qemu::start(machine)?;
    follower.process = Some(qemu.id());
    on_interrupt(sender)?;
    let ending = follower.follow(&events, deadline)?;
    follower.check_started(&ending, &mut qemu)?;
    // QEMU may be waiting for its output to be read, so both go on at the same time.
    let pages = follower.session.plan().map(counters::status_pages).unwrap_or_default();
    let quitting = thread::spawn(move || qemu.read_and_quit(&pages, counters::BYTES));
    follower.drain(&events)?;
    if let Ok(pages) = quitting.join() {
        follower.session.status_pages(&pages);
    }
    Ok(follower.session.settle(ending))
}

/// What was booted, where it is known: the places of images depend on the mode of the APIC, so on the CPU model. Those of
/// another architecture are not known here.
fn boot_files(
    options: &RunOptions,
    system: &System,
    kernel: &Kernel,
    workspace: &Workspace,
) -> Option<Files> {
    const LOCAL_APIC: u64 = 0xfee0_0000;
    let local_apic = match (options.what.arch, options.cpu.as_deref()) {
        (Arch::X86_64, None | Some("max")) => None,
        (Arch::X86_64, Some("max,-x2apic")) => Some(LOCAL_APIC),
        _ => return None,
    };
    let is_own = options.module.is_none() && options.boot_image.is_none();
    let files = is_own.then(|| Files::of(system, kernel, workspace)).flatten()?;
    Some(Files { local_apic, ..files })
}

fn write_report(path: &Path, report: Option<&Report>) -> Result<(), Failure> {
    let report = report.ok_or_else(|| {
        Failure::bad_input(format!(
            "writing {}: there is no plan to report, as the boot printed none",
            path.display()
        ))
    })?;
    report::write(path, &page(report))
}

fn show() -> Show {
    if progress::is_quiet() { Show::Nothing } else { Show::Terminal }
}

/// The machine that the options ask for; `words` are for its kernel.
pub(crate) fn machine(
    options: &RunOptions,
    system: &System,
    kernel: &Kernel,
    module: &Path,
    words: &[&str],
) -> Machine {
    let arch = options.what.arch;
    Machine {
        arch,
        cpus: system.cpus,
        memory: system.memory,
        cpu_model: options.cpu.clone().unwrap_or_else(|| arch.default_cpu().to_owned()),
        accelerator: options.accel.resolve(arch, options.icount),
        icount: options.icount,
        kernel: kernel.boot.clone(),
        module: module.to_owned(),
        command_line: command_line(options, words),
        consoles: system.description.instances.len() as u32,
        serial_owner: session::serial_owner(&system.description),
        extra: options.extra.clone(),
    }
}

fn command_line(options: &RunOptions, words: &[&str]) -> String {
    let explain = options.explain.then_some("explain");
    words.iter().copied().chain(explain).chain(options.append.as_deref()).collect::<Vec<_>>().join(" ")
}

/// What faults to inject depend on.
fn circumstances(options: &RunOptions, system: &System) -> Circumstances {
    Circumstances {
        arch: options.what.arch,
        instances: system.description.instances.len(),
        icount: options.icount,
    }
}

/// Whether Ctrl-C was pressed.
static IS_INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Lets Ctrl-C end a run.
pub(crate) fn on_interrupt(events: SyncSender<Event>) -> Result<(), Failure> {
    let interrupt = move || {
        IS_INTERRUPTED.store(true, Ordering::Relaxed);
        // Wakes whoever waits for events; nobody does while the channel is full.
        drop(events.try_send(Event::Interrupted));
    };
    ctrlc::set_handler(interrupt).doing("preparing for Ctrl-C")
}

/// Reads the consoles of a running machine.
pub(crate) struct Follower {
    log: Log,
    symbols: Symbols,
    /// Those of the root tasks, by instance, where refusals are explained.
    root_tasks: Vec<Option<Symbols>>,
    hints: Hints,
    session: Session,
    collector: Option<Collector>,
    partial: BTreeMap<Source, LineAssembler>,
    open_consoles: usize,
    /// The process of the machine, where it may be given up.
    process: Option<u32>,
    /// Whether the guest has written anything.
    is_heard: bool,
}

impl Follower {
    /// A reader of a machine that has said nothing yet; `kernel` is the ELF file of an instance's kernel.
    pub(crate) fn new(log: Log, kernel: &Path, session: Session, machine: &Machine) -> Self {
        Follower {
            log,
            symbols: Symbols::new(kernel, machine.arch),
            root_tasks: Vec::new(),
            hints: Hints::new(),
            session,
            collector: None,
            partial: BTreeMap::new(),
            open_consoles: machine.lines().len(),
            process: None,
            is_heard: false,
        }
    }

    /// Follows the machine until it has ended, or must be ended.
    pub(crate) fn follow(&mut self, events: &Receiver<Event>, deadline: Instant) -> Result<Ending, Failure> {
        let mut casualty: Option<(Ending, Patience)> = None;
        loop {
            let now = Instant::now();
            let left = deadline.saturating_duration_since(now);
            if IS_INTERRUPTED.load(Ordering::Relaxed) {
                return Ok(Ending::new(Exit::Interrupted, "interrupted"));
            }
            // Also while output never stops.
            if left.is_zero() {
                return Ok(casualty.map_or_else(|| self.timeout(), |(ending, _)| ending));
            }
            let used = || self.process.map(processor_time).unwrap_or_default();
            if let Some((ending, patience)) = &mut casualty {
                if patience.is_over(used(), now) {
                    return Ok(ending.clone());
                }
            } else if self.session.has_casualty() {
                casualty = Some((self.session.verdict(), Patience::new(used(), now)));
            }
            match events.recv_timeout(if casualty.is_some() { left.min(GLANCE) } else { left }) {
                Ok(Event::Output(source, bytes)) => self.output(source, &bytes)?,
                Ok(Event::Interrupted) | Err(RecvTimeoutError::Timeout) => {}
                Ok(Event::Closed) => {
                    self.open_consoles -= 1;
                    return self.stopped_by_itself(events);
                }
                Err(RecvTimeoutError::Disconnected) => return self.stopped_by_itself(events),
            }
            if let Some(ending) = self.session.ending() {
                return Ok(ending.clone());
            }
        }
    }

    /// A machine that stopped before the guest wrote anything, with an error of QEMU's, is one that QEMU refused.
    pub(crate) fn check_started(&self, ending: &Ending, qemu: &mut Qemu) -> Result<(), Failure> {
        if self.is_heard || ending.exit != Exit::Kernel {
            return Ok(());
        }
        qemu.refusal().map_or(Ok(()), Err)
    }

    fn timeout(&self) -> Ending {
        Ending::new(Exit::Timeout, format!("time is up; not finished: {}", self.session.unfinished()))
    }

    fn stopped_by_itself(&mut self, events: &Receiver<Event>) -> Result<Ending, Failure> {
        self.drain(events)?;
        let ending = self.session.ending().cloned();
        Ok(ending.unwrap_or_else(|| {
            let waiting = self.session.unfinished();
            Ending::new(
                Exit::Kernel,
                format!("the machine stopped by itself (reset?); not finished: {waiting}"),
            )
        }))
    }

    /// Shows what was written before the consoles were closed, unfinished lines included.
    pub(crate) fn drain(&mut self, events: &Receiver<Event>) -> Result<(), Failure> {
        self.drain_for(events, LAST_WORDS)
    }

    /// The same, however long the machine takes to end.
    pub(crate) fn drain_for(&mut self, events: &Receiver<Event>, patience: Duration) -> Result<(), Failure> {
        while self.open_consoles > 0 {
            match events.recv_timeout(patience) {
                Ok(Event::Output(source, bytes)) => self.output(source, &bytes)?,
                Ok(Event::Closed) => self.open_consoles -= 1,
                Ok(Event::Interrupted) => {}
                Err(_) => break,
            }
        }
        for (source, mut assembler) in std::mem::take(&mut self.partial) {
            if let Some(line) = assembler.finish() {
                self.line(source, &line)?;
            }
        }
        self.log.finish()
    }

    fn output(&mut self, source: Source, bytes: &[u8]) -> Result<(), Failure> {
        self.is_heard = true;
        self.log.raw(source, bytes)?;
        let lines = self.partial.entry(source).or_default().push(bytes);
        lines.iter().try_for_each(|line| self.line(source, line))
    }

    fn line(&mut self, source: Source, line: &[u8]) -> Result<(), Failure> {
        if let Some(messages) = protocol::parse(line) {
            return match self.session.messages(source, messages) {
                Ok(()) => Ok(()),
                Err(objection) => {
                    self.show(source, &[b"not believed, ", objection.as_bytes(), b": ", line].concat())
                }
            };
        }
        let text = String::from_utf8_lossy(line);
        match self.collector.as_mut().map_or(Collected::Nothing, |collector| collector.line(source, &text)) {
            Collected::Nothing => {}
            Collected::Part => return Ok(()),
            Collected::Document(document) => {
                self.session.collected(document);
                return Ok(());
            }
        }
        let root_task = source.instance().and_then(|number| self.root_tasks.get(number as usize)?.as_ref());
        let refusal = root_task.and_then(|symbols| symbols.annotate_refusal(&text));
        let shown = refusal.map(String::into_bytes).unwrap_or_else(|| {
            let annotated = self.symbols.annotate(&text);
            [line, annotated.strip_prefix(&*text).unwrap_or_default().as_bytes()].concat()
        });
        self.show(source, &shown)?;
        match self.hints.line(source, &text) {
            Some(hint) => self.log.line(source, hint.as_bytes()),
            None => Ok(()),
        }
    }

    fn show(&mut self, source: Source, text: &[u8]) -> Result<(), Failure> {
        for line in text.split(|byte| *byte == b'\n') {
            self.log.line(source, line)?;
            let text = self.log.text(source, &String::from_utf8_lossy(line));
            self.session.line(&text);
        }
        Ok(())
    }
}
