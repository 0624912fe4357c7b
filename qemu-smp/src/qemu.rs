// SPDX-License-Identifier: MIT OR Apache-2.0
//! A running QEMU: started, connected to, listened to, and never left behind.
//!
//! QEMU connects to one Unix socket per console and one for its control protocol (QMP), all made
//! beforehand. A thread per console hands bytes to one channel; it ends when QEMU does. A console
//! whose bytes are not taken makes its writer wait, so nothing is lost.

mod control;
mod words;

use std::io::Read;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;

use crate::arch::Emulator;
use crate::console::{Line, Source};
use crate::failure::{Doing, Exit, Failure};
use crate::machine::Machine;
use crate::tagged::Separator;
use control::Control;
use words::{Reader, Words};

/// How long QEMU may take to connect, and to end after it was asked to.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a wait looks again.
const GLANCE: Duration = Duration::from_millis(5);

/// What happens while a machine runs.
#[derive(Debug)]
pub enum Event {
    /// A console wrote these bytes.
    Output(Source, Vec<u8>),
    /// A line was closed: the machine has stopped.
    Closed,
    /// Ctrl-C.
    Interrupted,
}

/// A running machine. Dropping it kills QEMU.
#[derive(Debug)]
pub struct Qemu {
    process: Process,
    control: UnixStream,
    sockets: TempDir,
}

impl Drop for Qemu {
    fn drop(&mut self) {
        self.process.words.pass_on();
    }
}

impl Qemu {
    /// Starts the machine; its events arrive at the receiver. Others may send to it as well.
    pub fn start(machine: &Machine) -> Result<(Self, SyncSender<Event>, Receiver<Event>), Failure> {
        let sockets =
            tempfile::Builder::new().prefix("skerry-").tempdir().doing("making a directory for sockets")?;
        let listen = |path: PathBuf| {
            let listener = UnixListener::bind(&path).doing(format_args!("making {}", path.display()))?;
            listener.set_nonblocking(true).doing("preparing a socket")?;
            Ok::<_, Failure>(listener)
        };
        let control = listen(Machine::control_socket(sockets.path()))?;
        let lines = machine.lines();
        let consoles: Vec<UnixListener> = lines
            .iter()
            .map(|&line| listen(Machine::socket(sockets.path(), line)))
            .collect::<Result<_, _>>()?;

        let mut starting =
            Starting { process: spawn(machine, &sockets)?, deadline: Instant::now() + PATIENCE };
        let streams: Vec<UnixStream> =
            consoles.iter().map(|console| starting.accept(console)).collect::<Result<_, _>>()?;
        let control = starting.accept(&control)?;

        let (sender, receiver) = sync_channel(256);
        for (line, stream) in lines.into_iter().zip(streams) {
            let (sender, words) = (sender.clone(), starting.process.words.clone());
            thread::spawn(move || listen_to(line, stream, &sender, &words));
        }
        let Starting { process, .. } = starting;
        Ok((Qemu { process, control, sockets }, sender, receiver))
    }

    /// Number of the machine's process.
    pub fn id(&self) -> u32 {
        self.process.child.id()
    }

    /// Ends the machine: asks through QMP, and kills QEMU when that does not help.
    pub fn quit(self) {
        drop(self.read_and_quit(&[], 0));
    }

    /// Reads `length` bytes from each physical address, and ends the machine. What cannot be read is empty.
    pub fn read_and_quit(mut self, addresses: &[u64], length: u64) -> Vec<Vec<u8>> {
        let mut read = Vec::new();
        let asked = self.control.try_clone().and_then(|stream| {
            stream.set_read_timeout(Some(PATIENCE))?;
            let mut control = Control::new(stream)?;
            let file = self.sockets.path().join("memory");
            for &address in addresses {
                let arguments =
                    json!({"val": address, "size": length, "filename": file.display().to_string()});
                let saved = control.execute("pmemsave", arguments);
                read.push(saved.ok().and_then(|_| std::fs::read(&file).ok()).unwrap_or_default());
            }
            control.execute("quit", json!({})).map(drop)
        });
        if asked.is_ok() {
            self.wait(PATIENCE);
        }
        // Dropping kills what is left.
        read
    }

    /// What QEMU said when it ended with an error.
    pub fn refusal(&mut self) -> Option<Failure> {
        let status = self.wait(PATIENCE)?;
        (!status.success()).then(|| self.process.refusal(status))
    }

    /// Waits for QEMU to end by itself.
    pub fn wait(&mut self, patience: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + patience;
        loop {
            match self.process.child.try_wait() {
                Ok(None) if Instant::now() < deadline => thread::sleep(GLANCE),
                Ok(status) => return status,
                Err(_) => return None,
            }
        }
    }
}

/// A process that ends when this value does.
#[derive(Debug)]
struct Process {
    child: Child,
    words: Words,
    reader: Option<Reader>,
}

impl Process {
    /// Why it ended, in its own words.
    fn refusal(&mut self, status: ExitStatus) -> Failure {
        if let Some(reader) = self.reader.take() {
            // It has read to the end; a panic of it would only cost words.
            let _ = reader.join();
        }
        Failure::bad_input(format!("QEMU refused to start ({status}):{}", self.words.quote()))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only when the process has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// QEMU before it has connected to everything.
struct Starting {
    process: Process,
    deadline: Instant,
}

impl Starting {
    fn accept(&mut self, listener: &UnixListener) -> Result<UnixStream, Failure> {
        loop {
            match listener.accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(false).doing("preparing a console")?;
                    return Ok(stream);
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => self.keep_waiting()?,
                Err(error) => return Err(error).doing("connecting to QEMU"),
            }
        }
    }

    fn keep_waiting(&mut self) -> Result<(), Failure> {
        if let Ok(Some(status)) = self.process.child.try_wait() {
            return Err(self.process.refusal(status));
        }
        if Instant::now() > self.deadline {
            let message = format!("QEMU did not connect within {} s", PATIENCE.as_secs());
            return Err(Failure { message, exit: Exit::Timeout });
        }
        thread::sleep(GLANCE);
        Ok(())
    }
}

fn spawn(machine: &Machine, sockets: &TempDir) -> Result<Process, Failure> {
    let Emulator { program, package } = machine.arch.emulator();
    // setpriv (util-linux) has the kernel end QEMU should this process be killed outright.
    let guarded = Command::new("setpriv").arg("--help").output().is_ok_and(|output| {
        output.status.success() && String::from_utf8_lossy(&output.stdout).contains("--pdeathsig")
    });
    let mut command = if guarded {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--", program]);
        command
    } else {
        Command::new(program)
    };
    command.args(machine.arguments(sockets.path())).stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(Stdio::piped());
    // Ctrl-C is for this tool, which ends QEMU itself, and for gdb.
    command.process_group(0);
    let mut child = command.spawn().map_err(|error| {
        Failure::bad_input(format!(
            "starting {program}: {error}\n  expected: QEMU 7.2 or newer on the PATH\n  try: ./x doctor, or install \
             the package {package}"
        ))
    })?;
    let words = Words::default();
    let reader = child.stderr.take().map(|stderr| words.read(stderr));
    Ok(Process { child, words, reader })
}

fn listen_to(line: Line, mut stream: UnixStream, events: &SyncSender<Event>, words: &Words) {
    let mut buffer = [0; 4096];
    let mut separator = Separator::default();
    // A receiver that is gone means that the run is over: both loops of the thread's life end then.
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        let bytes = &buffer[..length];
        words.pass_on();
        let parts = match line {
            Line::Own(source) => vec![(source, bytes.to_vec())],
            Line::Tagged => separator.push(bytes),
        };
        for (source, bytes) in parts {
            if events.send(Event::Output(source, bytes)).is_err() {
                return;
            }
        }
    }
    let _ = events.send(Event::Closed);
}
