// SPDX-License-Identifier: MIT OR Apache-2.0
//! Machines whose firmware says odd things: a run is stopped where the boot image begins, memory is changed through
//! QEMU's gdb port, and the run goes on.

mod remote;
pub(crate) mod tables;

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use qemu_smp::arch::Arch;
use qemu_smp::compile::{Profile, kernel_files};
use qemu_smp::workspace::Workspace;

use crate::system::{Run, run};
use remote::Remote;

/// How long compiling and starting may take.
const PATIENCE: Duration = Duration::from_secs(600);
/// Number of RBX among the registers: the boot protocol leaves the address of the start record there.
const RBX: u8 = 1;
/// Where the address of the entry is in an ELF image.
const ELF_ENTRY: usize = 24;

/// Memory of a machine that has been loaded and has executed nothing of the boot image.
pub(crate) struct Stopped {
    remote: Remote,
    /// Address of the start record.
    pub(crate) start_info: u64,
}

impl Stopped {
    pub(crate) fn read(&mut self, address: u64, length: usize) -> Vec<u8> {
        self.remote.read(address, length)
    }

    pub(crate) fn write(&mut self, address: u64, bytes: &[u8]) {
        self.remote.write(address, bytes);
    }

    pub(crate) fn u32(&mut self, address: u64) -> u32 {
        u32::from_le_bytes(self.read(address, 4).try_into().expect("four bytes"))
    }

    pub(crate) fn u64(&mut self, address: u64) -> u64 {
        u64::from_le_bytes(self.read(address, 8).try_into().expect("eight bytes"))
    }
}

/// `run` with these arguments on a machine that `change` has changed.
pub(crate) fn run_changed(arguments: &[&str], change: impl FnOnce(&mut Stopped)) -> Run {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let socket = dir.path().join("gdb");
    let port = format!("unix:{},server=on,wait=off", socket.display());
    let separator = if arguments.contains(&"--") { &[][..] } else { &["--"] };
    let arguments = [arguments, separator, &["-S", "-gdb", &port]].concat();
    thread::scope(|scope| {
        let running = scope.spawn(|| run(&arguments));
        let connected = connect(&socket, || running.is_finished());
        if let Some(stream) = connected {
            let mut remote = Remote::new(stream);
            remote.run_to(entry());
            let start_info = remote.register(RBX);
            let mut stopped = Stopped { remote, start_info };
            change(&mut stopped);
            stopped.remote.detach();
        }
        running.join().expect("the run ends")
    })
}

/// Waits until QEMU listens, or the run is over.
fn connect(socket: &Path, is_over: impl Fn() -> bool) -> Option<UnixStream> {
    let deadline = Instant::now() + PATIENCE;
    while !is_over() {
        assert!(Instant::now() < deadline, "QEMU did not start");
        match UnixStream::connect(socket) {
            Ok(stream) => return Some(stream),
            Err(_) => thread::sleep(Duration::from_millis(10)),
        }
    }
    None
}

/// Where the boot image begins: it was compiled before QEMU was started.
fn entry() -> u64 {
    let workspace = Workspace::find().expect("there is a workspace");
    let image = kernel_files(&workspace, Arch::X86_64, Profile::default()).boot;
    let bytes = fs::read(image).expect("the boot image was compiled");
    u64::from_le_bytes(bytes[ELF_ENTRY..ELF_ENTRY + 8].try_into().expect("eight bytes"))
}
