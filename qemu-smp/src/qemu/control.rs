// SPDX-License-Identifier: MIT OR Apache-2.0
//! QEMU's control protocol (QMP), as far as it is needed: an object a line, each command answered by `return` or `error`.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use serde_json::{Value, json};

/// Longest answer that is read.
const LONGEST: u64 = 1 << 20;

/// The connection to a running QEMU.
#[derive(Debug)]
pub(super) struct Control {
    reader: BufReader<UnixStream>,
}

impl Control {
    /// Takes up the conversation.
    pub(super) fn new(stream: UnixStream) -> io::Result<Self> {
        let mut control = Control { reader: BufReader::new(stream) };
        control.execute("qmp_capabilities", json!({}))?;
        Ok(control)
    }

    /// Executes a command and waits for its answer; greeting and events are passed over.
    pub(super) fn execute(&mut self, command: &str, arguments: Value) -> io::Result<Value> {
        let text = json!({"execute": command, "arguments": arguments}).to_string() + "\n";
        self.reader.get_mut().write_all(text.as_bytes())?;
        loop {
            let mut line = String::new();
            if io::Read::take(&mut self.reader, LONGEST).read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let mut answer: Value = serde_json::from_str(&line).map_err(io::Error::other)?;
            if let Some(error) = answer.get("error") {
                return Err(io::Error::other(error["desc"].as_str().unwrap_or("refused").to_owned()));
            }
            if let Some(value) = answer.get_mut("return") {
                return Ok(value.take());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    /// What a conversation with somebody who says this comes to.
    fn ask(says: &'static str) -> io::Result<Value> {
        let (own, other) = UnixStream::pair().expect("sockets can be made");
        let speaker = thread::spawn(move || {
            let mut other = other;
            // Whoever has heard enough may have gone.
            let _ = other.write_all(says.as_bytes());
            let _ = io::copy(&mut io::Read::take(&other, 200), &mut io::sink());
        });
        let answer = Control::new(own).and_then(|mut control| control.execute("quit", json!({})));
        speaker.join().expect("it spoke");
        answer
    }

    #[test]
    fn answers_are_found_behind_the_greeting_and_events() {
        let says = "{\"QMP\":{}}\r\n{\"return\":{}}\r\n{\"event\":\"STOP\"}\r\n{\"return\":{\"a\":1}}\r\n";
        assert_eq!(ask(says).expect("it is answered"), json!({"a": 1}));
    }

    #[test]
    fn an_error_a_silence_and_nonsense_are_errors() {
        let refused = ask("{\"return\":{}}\n{\"error\":{\"class\":\"G\",\"desc\":\"no\"}}\n");
        assert_eq!(refused.expect_err("it is refused").to_string(), "no");
        assert!(ask("nonsense\n").is_err());
    }

    #[test]
    fn a_qemu_that_has_gone_is_an_error() {
        let (own, other) = UnixStream::pair().expect("sockets can be made");
        drop(other);
        assert!(Control::new(own).is_err());
    }
}
