// SPDX-License-Identifier: MIT OR Apache-2.0
//! What gdb is told, and what a person is told who starts it elsewhere.

use std::path::Path;

use serde_json::json;

use super::debugger;
use crate::arch::Arch;
use crate::compile::Kernel;

/// Where a core enters its kernel, once.
const ENTRY: &str = "instance_start";

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

    /// Commands of gdb. Breakpoints are the machine's: there is no memory to write to before the boot.
    pub(super) fn script(&self) -> String {
        let Target { kernel, port, .. } = self;
        let thread = self.thread();
        let lines = [
            format!("# {}", self.describe()),
            "set confirm off".to_owned(),
            format!("set architecture {}", debugger::name_of(self.arch)),
            "set print asm-demangle on".to_owned(),
            "set breakpoint auto-hw on".to_owned(),
            "set schedule-multiple on".to_owned(),
            format!("file {}", quoted(&kernel.program)),
            format!("add-symbol-file {}", quoted(&kernel.boot_symbols())),
            format!("add-symbol-file {}", quoted(self.program.1)),
            format!("target remote 127.0.0.1:{port}"),
            format!("thread {thread}"),
            format!("thbreak {ENTRY} thread {thread}"),
            "echo Type continue to boot up to the kernel of this core.\\n".to_owned(),
        ];
        lines.join("\n") + "\n"
    }

    /// What to type in another terminal, and what Visual Studio Code wants in `.vscode/launch.json`.
    pub(super) fn instructions(&self, script: &Path, root: &Path) -> String {
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
            "setupCommands": self.setup_commands(),
        });
        // A document of names and texts can always be written.
        let launch = serde_json::to_string_pretty(&launch).unwrap_or_default();
        format!(
            "{}\nthe machine waits; in another terminal:\n\n    {} -x {}\n\nor in .vscode/launch.json, under \
             \"configurations\":\n\n{launch}\n\nCtrl-C ends the machine.",
            self.describe(),
            self.debugger,
            script.display()
        )
    }

    /// The script without what Visual Studio Code does itself.
    fn setup_commands(&self) -> Vec<serde_json::Value> {
        let script = self.script();
        let own = |line: &&str| !["#", "file ", "target ", "echo "].iter().any(|word| line.starts_with(word));
        script
            .lines()
            .filter(own)
            .filter(|line| !is_after_connecting(line))
            .map(|line| json!({"text": line}))
            .collect()
    }
}

/// Whether a command needs the machine.
fn is_after_connecting(line: &str) -> bool {
    line.starts_with("thread ") || line.starts_with("thbreak ")
}

/// A path as gdb reads it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    if text.contains([' ', '"', '\\']) {
        return format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    }
    text
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
        let script = target(&kernel).script();
        for line in [
            "# system pair, core 2: instance east, program ping-pong",
            "file \"/my tree/kernel.elf\"",
            "add-symbol-file /t/boot.elf",
            "add-symbol-file /t/ping-pong",
            "target remote 127.0.0.1:4321",
            "thread 3",
            "thbreak instance_start thread 3",
        ] {
            assert!(script.lines().any(|written| written == line), "`{line}` is missing in\n{script}");
        }
    }

    #[test]
    fn the_script_for_arm_has_the_symbols_of_the_file_that_the_flat_image_was_made_of() {
        let kernel = Kernel { boot: PathBuf::from("/t/boot.bin"), ..kernel() };
        let target = Target { arch: Arch::Aarch32, debugger: "gdb-multiarch", ..target(&kernel) };
        let script = target.script();
        assert!(script.contains("\nset architecture arm\n"), "{script}");
        assert!(script.contains("\nadd-symbol-file /t/boot.elf\n"), "{script}");
        let text = target.instructions(Path::new("/t/core-2.gdb"), Path::new("/tree"));
        assert!(text.contains("\n    gdb-multiarch -x /t/core-2.gdb\n"), "{text}");
    }

    #[test]
    fn the_instructions_have_a_command_and_a_configuration() {
        let kernel = kernel();
        let text = target(&kernel).instructions(Path::new("/t/core-2.gdb"), Path::new("/tree"));
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
