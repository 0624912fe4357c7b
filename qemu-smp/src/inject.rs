// SPDX-License-Identifier: MIT OR Apache-2.0
//! Faults that a kernel is asked to bring about, checked before anything boots: the boot code leaves words alone that it
//! does not know.

use crate::arch::Arch;
use crate::failure::Failure;

/// A fault of one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Injection {
    /// As it was given: `KIND:INSTANCE@EVENT`.
    pub spec: String,
    /// Number of the instance.
    pub instance: usize,
    /// The same as a word of the kernel command line.
    pub word: String,
}

/// What a run is, as far as faults depend on it.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances {
    /// What they run on.
    pub arch: Arch,
    /// Number of instances.
    pub instances: usize,
    /// Whether instructions are counted.
    pub icount: bool,
}

/// The kinds of faults that kernels of an architecture can bring about.
fn kinds(arch: Arch) -> &'static [&'static str] {
    match arch {
        Arch::X86_64 => &["panic", "double-fault", "nmi", "machine-check"],
        // Of a kernel without a stack; there are no NMIs, and no broadcast.
        Arch::Aarch32 => &["panic", "double-fault"],
    }
}

/// What a fault waits for.
enum Event<'a> {
    Time,
    Instructions(&'a str),
    /// Something that the kernel counts.
    Counted,
}

/// Reads the faults asked for; refuses what is no `KIND:INSTANCE@EVENT`, an instance that there is not, and two faults of one.
pub fn read(specs: &[String], run: Circumstances) -> Result<Vec<Injection>, Failure> {
    let mut injections: Vec<Injection> = Vec::new();
    for spec in specs {
        let injection = read_one(spec, run)?;
        if let Some(other) = injections.iter().find(|other| other.instance == injection.instance) {
            return Err(Failure::bad_input(format!(
                "--inject {spec}: there is --inject {} for the same instance\n  expected: at most one for each, as a \
                 kernel fails once",
                other.spec
            )));
        }
        injections.push(injection);
    }
    Ok(injections)
}

fn read_one(spec: &str, run: Circumstances) -> Result<Injection, Failure> {
    let Some((kind, instance, event)) = split(spec, run) else {
        return Err(refusal(spec, run));
    };
    let word = match read_event(event).ok_or_else(|| refusal(spec, run))? {
        Event::Time => spec.to_owned(),
        // The guest's clock counts nanoseconds, and an instruction takes one.
        Event::Instructions(count) if run.icount => format!("{kind}:{instance}@{count}ns"),
        Event::Instructions(_) => {
            return Err(Failure::bad_input(format!(
                "--inject {spec}: instructions are not counted in this run\n  expected: --icount as well"
            )));
        }
        Event::Counted => spec.to_owned(),
    };
    Ok(Injection { spec: spec.to_owned(), instance, word: format!("inject={word}") })
}

/// Kind, instance and event, if the first two are there.
fn split(spec: &str, run: Circumstances) -> Option<(&str, usize, &str)> {
    let (kind, rest) = spec.split_once(':')?;
    let (instance, event) = rest.split_once('@')?;
    let instance = instance.parse().ok().filter(|&instance: &usize| instance < run.instances)?;
    kinds(run.arch).contains(&kind).then_some((kind, instance, event))
}

fn read_event(event: &str) -> Option<Event<'_>> {
    let is_number = |digits: &str| {
        digits.bytes().all(|byte| byte.is_ascii_digit())
            && digits.parse::<u32>().is_ok_and(|number| number > 0)
    };
    match event.split_once('=') {
        Some(("signals" | "row", count)) if is_number(count) => Some(Event::Counted),
        Some(("instructions", count)) if is_number(count) => Some(Event::Instructions(count)),
        Some(_) => None,
        None => {
            let digits = ["us", "ms", "s"].iter().find_map(|unit| event.strip_suffix(unit));
            digits.is_some_and(is_number).then_some(Event::Time)
        }
    }
}

fn refusal(spec: &str, run: Circumstances) -> Failure {
    let kinds = kinds(run.arch).join(", ");
    Failure::bad_input(format!(
        "--inject {spec}: no such fault can be injected\n  expected: KIND:INSTANCE@EVENT, as in panic:0@500ms; a kind of \
         {} ({kinds}), an instance below {}, a time in us, ms or s, or signals=N, row=N, instructions=N with N from 1",
        run.arch.name(),
        run.instances
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: Circumstances = Circumstances { arch: Arch::X86_64, instances: 4, icount: true };

    fn words(specs: &[&str], run: Circumstances) -> Result<Vec<String>, String> {
        let specs: Vec<String> = specs.iter().map(|&spec| spec.to_owned()).collect();
        let read = read(&specs, run).map_err(|failure| failure.message)?;
        Ok(read.into_iter().map(|injection| injection.word).collect())
    }

    #[test]
    fn a_fault_has_a_kind_of_the_architecture_an_instance_and_an_event() {
        let is_accepted = |spec: &str, arch| words(&[spec], Circumstances { arch, ..RUN }).is_ok();
        for spec in [
            "panic:3@500000us",
            "double-fault:2@1s",
            "panic:0@signals=1000",
            "panic:1@row=1",
            "panic:1@instructions=70",
        ] {
            assert!(Arch::ALL.iter().all(|&arch| is_accepted(spec, arch)), "{spec}");
        }
        assert!(is_accepted("nmi:1@1ms", Arch::X86_64) && !is_accepted("nmi:1@1ms", Arch::Aarch32));
        for spec in [
            "",
            "panic",
            "panic:4@1ms",
            "panic:1@5",
            "panic:1@xms",
            "laughter:1@1ms",
            "panic:-1@1s",
            "panic:1@+1s",
            "panic:1@signals",
            "panic:1@signals=0",
            "panic:1@rows=1",
            "panic:1@row=1s",
            "panic:1@signals=1 x",
        ] {
            assert!(!Arch::ALL.iter().any(|&arch| is_accepted(spec, arch)), "{spec}");
        }
    }

    #[test]
    fn instructions_are_nanoseconds_of_a_run_that_counts_them() {
        assert_eq!(words(&["panic:1@instructions=7000"], RUN), Ok(vec!["inject=panic:1@7000ns".to_owned()]));
        let refused = words(&["panic:1@instructions=7000"], Circumstances { icount: false, ..RUN });
        assert!(refused.is_err_and(|message| message.ends_with("expected: --icount as well")));
    }

    #[test]
    fn several_instances_have_a_fault_each_and_none_has_two() {
        let both = words(&["panic:1@1ms", "nmi:2@row=2"], RUN);
        assert_eq!(both, Ok(["inject=panic:1@1ms", "inject=nmi:2@row=2"].map(str::to_owned).into()));
        let refused = words(&["panic:1@1ms", "nmi:1@row=2"], RUN);
        assert!(refused.is_err_and(|message| message.starts_with(
            "--inject nmi:1@row=2: there is --inject panic:1@1ms for the same instance\n  expected: at most one"
        )));
    }

    #[test]
    fn the_message_names_the_kinds_and_the_instances() {
        let message = words(&["nmi:7@1ms"], Circumstances { arch: Arch::Aarch32, ..RUN });
        assert_eq!(
            message.expect_err("there are no NMIs"),
            "--inject nmi:7@1ms: no such fault can be injected\n  expected: KIND:INSTANCE@EVENT, as in panic:0@500ms; a kind \
             of aarch32 (panic, double-fault), an instance below 4, a time in us, ms or s, or signals=N, row=N, \
             instructions=N with N from 1"
        );
    }
}
