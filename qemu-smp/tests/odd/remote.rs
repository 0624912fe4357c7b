// SPDX-License-Identifier: MIT OR Apache-2.0
//! The few words of gdb's remote serial protocol that changing memory needs.

use std::io::{BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// How long an answer may take; the machine runs its firmware in between.
const PATIENCE: Duration = Duration::from_secs(120);
/// Bytes of memory in one packet.
const CHUNK: usize = 512;

/// A stopped machine.
pub(crate) struct Remote {
    input: BufReader<UnixStream>,
    output: UnixStream,
}

impl Remote {
    pub(crate) fn new(stream: UnixStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).expect("the socket can be set up");
        let input = BufReader::new(stream.try_clone().expect("the socket can be shared"));
        let mut remote = Remote { input, output: stream };
        remote.ask("?");
        remote
    }

    /// Lets the machine run until it is about to execute the instruction at `address`.
    pub(crate) fn run_to(&mut self, address: u64) {
        self.expect_ok(&format!("Z1,{address:x},1"));
        let stopped = self.ask("c");
        assert!(stopped.starts_with('T') || stopped.starts_with('S'), "the machine stops: {stopped}");
        self.expect_ok(&format!("z1,{address:x},1"));
    }

    /// A register by gdb's number.
    pub(crate) fn register(&mut self, number: u8) -> u64 {
        let bytes = bytes(&self.ask(&format!("p{number:x}")));
        bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
    }

    pub(crate) fn read(&mut self, address: u64, length: usize) -> Vec<u8> {
        let mut read = Vec::with_capacity(length);
        while read.len() < length {
            let step = CHUNK.min(length - read.len());
            let part = bytes(&self.ask(&format!("m{:x},{step:x}", address + read.len() as u64)));
            assert_eq!(part.len(), step, "memory at {address:#x} can be read");
            read.extend(part);
        }
        read
    }

    pub(crate) fn write(&mut self, address: u64, bytes: &[u8]) {
        for (number, part) in bytes.chunks(CHUNK).enumerate() {
            let at = address + (number * CHUNK) as u64;
            let digits: String = part.iter().map(|byte| format!("{byte:02x}")).collect();
            self.expect_ok(&format!("M{at:x},{:x}:{digits}", part.len()));
        }
        assert_eq!(self.read(address, bytes.len()), bytes, "memory at {address:#x} can be written");
    }

    /// Lets the machine go on for good.
    pub(crate) fn detach(mut self) {
        self.expect_ok("D");
    }

    fn expect_ok(&mut self, command: &str) {
        let answer = self.ask(command);
        assert_eq!(answer, "OK", "the answer to {command}");
    }

    fn ask(&mut self, command: &str) -> String {
        let sum = command.bytes().fold(0u8, u8::wrapping_add);
        write!(self.output, "${command}#{sum:02x}").expect("QEMU listens");
        let answer = self.answer();
        self.output.write_all(b"+").expect("QEMU listens");
        answer
    }

    /// The next packet; acknowledgements before it are passed over.
    fn answer(&mut self) -> String {
        while self.byte() != b'$' {}
        let mut text = String::new();
        loop {
            match self.byte() {
                b'#' => break,
                byte => text.push(char::from(byte)),
            }
        }
        // The sum: nothing is lost on a socket.
        self.byte();
        self.byte();
        text
    }

    fn byte(&mut self) -> u8 {
        let mut byte = [0];
        self.input.read_exact(&mut byte).expect("QEMU answers in time");
        byte[0]
    }
}

fn bytes(digits: &str) -> Vec<u8> {
    let byte = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    (0..digits.len()).step_by(2).map_while(byte).collect()
}
