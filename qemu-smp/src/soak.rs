// SPDX-License-Identifier: MIT OR Apache-2.0
//! `soak`: signals by the million in every idle mode; the root tasks prove that each wake-up came.

use std::fmt::Write;
use std::process::Command;

use crate::arch::Arch;
use crate::cli::SoakOptions;
use crate::failure::{Doing, Exit, Failure};
use crate::steps::Steps;
use crate::workspace::Workspace;

/// Lines of each channel, as `suites/src/bin/soak` wants them.
const LINES: u32 = 5;
/// Seconds until a run is given up: for the start, and so many signals in each further one, on a slow host.
const START: u64 = 120;
const SIGNALS_PER_SECOND: u64 = 500;
/// Instances of a run in which idle cores sleep.
const SLEEPING: u64 = 4;
/// Idle modes in which a core without work keeps a processor of the host busy; they get this part of the signals.
fn busy_modes(arch: Arch) -> &'static [&'static str] {
    match arch {
        Arch::X86_64 => &["poll", "mwait"],
        Arch::Aarch32 => &["poll"],
    }
}
const BUSY_PART: u64 = 10;

/// Runs `suites/src/bin/soak` in all idle modes.
pub fn soak(options: &SoakOptions) -> Result<Exit, Failure> {
    let workspace = Workspace::find()?;
    let dir = tempfile::tempdir().doing("making a directory for descriptions")?;
    let own = std::env::current_exe().doing("finding this program")?;
    let mut steps = Steps::default();
    let mut run = |mode: &str, instances: u64, signals: u64| {
        let file = dir.path().join(format!("soak-{mode}.toml"));
        std::fs::write(&file, description(mode, instances, signals)).doing("writing a description")?;
        let mut command = Command::new(&own);
        let timeout = (START + signals / SIGNALS_PER_SECOND).to_string();
        command.current_dir(workspace.root()).arg("run").arg(&file);
        command.args(["--arch", options.arch.name(), "--timeout", &timeout]);
        steps.command(&format!("{signals} signals, {instances} instances, idle = {mode}"), &mut command);
        Ok::<_, Failure>(())
    };
    run("halt", SLEEPING, options.signals)?;
    let processors = std::thread::available_parallelism().map_or(2, |count| count.get() as u64);
    for mode in busy_modes(options.arch) {
        run(mode, processors.clamp(2, SLEEPING), options.signals / BUSY_PART)?;
    }
    Ok(steps.finish())
}

/// Instances that all have channels to each other and share the board, as in `systems/soak.toml`.
fn description(mode: &str, instances: u64, signals: u64) -> String {
    let mut text = "[system]\nname = 'soak'\n".to_owned();
    let mut add = |part: String| text.push_str(&part);
    for number in 0..instances {
        let share = signals / instances + u64::from(number < signals % instances);
        add(format!(
            "[[instance]]\nname = 'n{number}'\nprogram = 'soak'\narguments = ['signals={share}']\nidle = '{mode}'\n"
        ));
    }
    let members = (0..instances).fold(String::new(), |mut list, number| {
        // Writing to a string cannot fail.
        let _ = write!(list, "{{ instance = 'n{number}' }},");
        list
    });
    add(format!("[[region]]\nname = 'board'\nsize = '64K'\nmembers = [{members}]\n"));
    for (from, to) in (0..instances).flat_map(|from| (0..instances).map(move |to| (from, to))) {
        if from != to {
            add(format!("[[channel]]\nfrom = 'n{from}'\nto = 'n{to}'\nlines = {LINES}\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::description::load;

    #[test]
    fn the_generated_description_is_that_of_the_example() {
        let programs = ["soak".to_owned()];
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        let file = dir.path().join("soak.toml");
        std::fs::write(&file, description("halt", 4, 100_000)).expect("the file can be written");
        let example = Workspace::find().map(|workspace| workspace.root().join("systems/soak.toml"));
        let example = example.and_then(|path| load(&path, &programs)).expect("the example is valid");
        let made = load(&file, &programs).expect("the generated description is valid");
        assert_eq!(made.description, example.description);
    }

    #[test]
    fn every_signal_has_a_sender() {
        let text = description("poll", 3, 10);
        let share = |number| text.matches(&format!("signals={number}'")).count();
        assert_eq!((share(3), share(4)), (2, 1));
        assert_eq!(text.matches("idle = 'poll'").count(), 3);
    }
}
