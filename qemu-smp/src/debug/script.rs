// SPDX-License-Identifier: MIT OR Apache-2.0
//! What gdb is told, and what a person is told who starts it elsewhere.

use std::path::Path;

use serde_json::json;

use super::debugger;
use crate::arch::Arch;
use crate::compile::Kernel;
use crate::failure::Failure;
use crate::terminal;

/// Where a core enters its kernel, once.
const ENTRY: &str = "kernel_start";

/// What is to be debugged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) arch: Arch,
    /// The program to start, or to be started by somebody.
    pub(super) debugger: &'static str,
    pub(super) system: &'a str,
    pub(super) core: u32,
    pub(super) instance: &'a str,
    pub(super) kernel: &'a Kernel,
    /// Name and file of the program.
    pub(super) program: (&'a str, &'a Path),
    pub(super) port: u16,
}

impl Target<'_> {
    /// The core in one line.
    pub(super) fn describe(&self) -> String {
        format!(
            "system {}, core {}: instance {}, program {}",
            self.system, self.core, self.instance, self.program.0
        )
    }

    /// gdb's name of the core: QEMU's processors are threads, counted from 1.
    fn thread(&self) -> u32 {
        self.core + 1
    }

    /// Commands of gdb, one a line. Breakpoints are the machine's: there is no memory to write to before the boot.
    pub(super) fn script(&self) -> Result<String, Failure> {
        let Target { kernel, port, .. } = self;
        let thread = self.thread();
        let lines = [
            format!("# {}", terminal::cell(&self.describe())),
            "set confirm off".to_owned(),
            format!("set architecture {}", debugger::name_of(self.arch)),
            "set print asm-demangle on".to_owned(),
            "set breakpoint auto-hw on".to_owned(),
            "set schedule-multiple on".to_owned(),
            format!("file {}", quoted(&kernel.program)?),
            format!("add-symbol-file {}", quoted(&kernel.boot_symbols())?),
            format!("add-symbol-file {}", quoted(self.program.1)?),
            format!("target remote 127.0.0.1:{port}"),
            format!("thread {thread}"),
            format!("thbreak {ENTRY} thread {thread}"),
            "echo Type continue to boot up to the kernel of this core.\\n".to_owned(),
        ];
        Ok(lines.join("\n") + "\n")
    }

    /// What to type in another terminal, and what Visual Studio Code wants in `.vscode/launch.json`.
    pub(super) fn instructions(&self, script: &Path, root: &Path) -> Result<String, Failure> {
        let launch = json!({
            "name": format!("Skerry {}, core {} ({})", self.system, self.core, self.instance),
            "type": "cppdbg",
            "request": "launch",
            "program": self.kernel.program,
            "cwd": root,
            "MIMode": "gdb",
            "miDebuggerPath": self.debugger,
            "miDebuggerServerAddress": format!("127.0.0.1:{}", self.port),
            "stopAtEntry": false,
            "setupCommands": self.setup_commands()?,
        });
        // A document of names and texts can always be written.
        let launch = serde_json::to_string_pretty(&launch).unwrap_or_default();
        Ok(format!(
            "{}\nthe machine waits; in another terminal:\n\n    {} -x {}\n\nor in .vscode/launch.json, under \
             \"configurations\":\n\n{launch}\n\nCtrl-C ends the machine.",
            terminal::line(&self.describe()),
            self.debugger,
            terminal::line(&terminal::shell_word(&script.display().to_string()))
        ))
    }

    /// The script without what Visual Studio Code does itself.
    fn setup_commands(&self) -> Result<Vec<serde_json::Value>, Failure> {
        let script = self.script()?;
        let own = |line: &&str| !["#", "file ", "target ", "echo "].iter().any(|word| line.starts_with(word));
        let wanted = script.lines().filter(own).filter(|line| !is_after_connecting(line));
        Ok(wanted.map(|line| json!({"text": line})).collect())
    }
}

/// Whether a command needs the machine.
fn is_after_connecting(line: &str) -> bool {
    line.starts_with("thread ") || line.starts_with("thbreak ")
}

/// A path as gdb reads it: one word of a command. A command ends with its line whatever is quoted, and what follows is
/// another command, which may be the shell's: a path with such a character is refused.
fn quoted(path: &Path) -> Result<String, Failure> {
    let text = path.to_str().filter(|text| !text.contains(|c: char| c.is_control())).ok_or_else(|| {
        Failure::bad_input(format!(
            "gdb cannot be told the path {}: it has a control character in it, or is no UTF-8\n  expected: another path; \
             rename the file or its directory",
            terminal::cell(&path.to_string_lossy())
        ))
    })?;
    let plain = |c: char| c.is_alphanumeric() || "-_./+=:,@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) && !text.starts_with('-') {
        return Ok(text.to_owned());
    }
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    // What begins with a dash would be an option, with a tilde somebody's home.
    Ok(format!("\"{}{escaped}\"", if text.starts_with(['-', '~']) { "./" } else { "" }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn kernel() -> Kernel {
        Kernel { boot: PathBuf::from("/t/boot.elf"), program: PathBuf::from("/my tree/kernel.elf") }
    }

    fn target(kernel: &Kernel) -> Target<'_> {
        let program = ("ping-pong", Path::new("/t/ping-pong"));
        let (arch, debugger) = (Arch::X86_64, "gdb");
        Target { arch, debugger, system: "pair", core: 2, instance: "east", kernel, program, port: 4321 }
    }

    #[test]
    fn the_script_names_the_thread_of_the_core_and_all_files() {
        let kernel = kernel();
        let script = target(&kernel).script().expect("the paths can be told");
        for line in [
            "# system pair, core 2: instance east, program ping-pong",
            "file \"/my tree/kernel.elf\"",
            "add-symbol-file /t/boot.elf",
            "add-symbol-file /t/ping-pong",
            "target remote 127.0.0.1:4321",
            "thread 3",
            "thbreak kernel_start thread 3",
        ] {
            assert!(script.lines().any(|written| written == line), "`{line}` is missing in\n{script}");
        }
    }

    /// The words of a command: gdb's manual, "Command Syntax", and libiberty's `buildargv`.
    fn as_gdb_reads(command: &str) -> Vec<String> {
        let (mut words, mut word, mut quote, mut chars) = (Vec::new(), None::<String>, None, command.chars());
        while let Some(c) = chars.next() {
            match (quote, c) {
                (None, c) if c.is_ascii_whitespace() => words.extend(word.take()),
                (None, '"' | '\'') => {
                    word.get_or_insert_default();
                    quote = Some(c);
                }
                (Some(open), c) if c == open => quote = None,
                (_, '\\') => word.get_or_insert_default().extend(chars.next()),
                (_, c) => word.get_or_insert_default().push(c),
            }
        }
        words.into_iter().chain(word).collect()
    }

    proptest::proptest! {
        #[test]
        fn a_path_is_one_word_of_one_command_or_refused(text in crate::terminal::tests::hostile()) {
            let kernel = kernel();
            let lines = target(&kernel).script().expect("the paths can be told").lines().count();
            let path = PathBuf::from(&text);
            let script = Target { program: ("p", &path), ..target(&kernel) }.script();
            proptest::prop_assert_eq!(script.is_err(), text.contains(|c: char| c.is_control()));
            let Ok(script) = script else { return Ok(()) };
            proptest::prop_assert_eq!(script.split(['\n', '\r']).count(), lines + 1);
            let mut words = script.lines().filter_map(|line| line.strip_prefix("add-symbol-file "));
            let word = words.next_back().expect("the program is there");
            proptest::prop_assert_eq!(as_gdb_reads(word), vec![if text.starts_with(['-', '~']) { format!("./{text}") } else { text }]);
        }

        #[test]
        fn names_cannot_begin_a_command(name in crate::terminal::tests::hostile()) {
            let kernel = kernel();
            let script = Target { system: &name, instance: &name, program: (&name, Path::new("/t/p")), ..target(&kernel) };
            let script = script.script().expect("the paths can be told");
            let plain = target(&kernel).script().expect("the paths can be told");
            proptest::prop_assert_eq!(script.lines().skip(1).collect::<Vec<_>>(), {
                let program = plain.replace("/t/ping-pong", "/t/p");
                program.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
            });
            proptest::prop_assert!(script.starts_with('#') && !script.contains('\r'));
        }
    }

    #[test]
    fn the_script_for_arm_has_the_symbols_of_the_file_that_the_flat_image_was_made_of() {
        let kernel = Kernel { boot: PathBuf::from("/t/boot.bin"), ..kernel() };
        let target = Target { arch: Arch::Aarch32, debugger: "gdb-multiarch", ..target(&kernel) };
        let script = target.script().expect("the paths can be told");
        assert!(script.contains("\nset architecture arm\n"), "{script}");
        assert!(script.contains("\nadd-symbol-file /t/boot.elf\n"), "{script}");
        let text = target
            .instructions(Path::new("/t/core-2.gdb"), Path::new("/tree"))
            .expect("the paths can be told");
        assert!(text.contains("\n    gdb-multiarch -x /t/core-2.gdb\n"), "{text}");
    }

    #[test]
    fn the_instructions_have_a_command_and_a_configuration() {
        let kernel = kernel();
        let text = target(&kernel)
            .instructions(Path::new("/t/core-2.gdb"), Path::new("/tree"))
            .expect("the paths can be told");
        assert!(text.contains("\n    gdb -x /t/core-2.gdb\n"), "{text}");
        let (begin, end) = (text.find('{').expect("there is one"), text.rfind('}').expect("it ends"));
        let launch: serde_json::Value = serde_json::from_str(&text[begin..=end]).expect("it is JSON");
        assert_eq!(launch["miDebuggerServerAddress"], "127.0.0.1:4321");
        assert_eq!(launch["name"], "Skerry pair, core 2 (east)");
        let setup = launch["setupCommands"].to_string();
        assert!(
            setup.contains("add-symbol-file /t/ping-pong") && !setup.contains("target remote"),
            "{setup}"
        );
    }
}
