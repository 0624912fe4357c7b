// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a run writes: the merged log on the terminal, and the files of `--log-dir`.
//!
//! ```text
//!   boot   | 4 cores, 510 MiB usable          prefix, then a whole line of one source
//!   core 2 | ping-pong: waiting for core 1    one colour per core on a terminal
//! ```
//!
//! Files hold what was written, byte by byte; what is shown has every control character escaped ([`terminal`]).

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anstyle::{AnsiColor, Style};

use crate::console::Source;
use crate::failure::{Doing, Failure};
use crate::terminal;

/// Colours of cores, in turn.
const COLOURS: [AnsiColor; 6] = [
    AnsiColor::Cyan,
    AnsiColor::Green,
    AnsiColor::Yellow,
    AnsiColor::Magenta,
    AnsiColor::Blue,
    AnsiColor::BrightRed,
];

/// Whether the merged log is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Show {
    /// On standard output.
    Terminal,
    /// Not at all; files are still written.
    Nothing,
}

/// The merged log and the files beside it.
#[derive(Debug)]
pub struct Log {
    show: Show,
    width: usize,
    files: Option<Files>,
}

#[derive(Debug)]
struct Files {
    dir: PathBuf,
    merged: BufWriter<File>,
    raw: BTreeMap<String, BufWriter<File>>,
}

impl Log {
    /// A log of `instances` cores that also writes files into `dir`, if one is given.
    pub fn new(show: Show, instances: u32, dir: Option<&Path>) -> Result<Self, Failure> {
        let width =
            ["boot".len(), Source::Core(instances.saturating_sub(1)).to_string().len()].into_iter().max();
        let files = dir.map(Files::create).transpose()?;
        Ok(Log { show, width: width.unwrap_or_default(), files })
    }

    /// Keeps bytes as they came in the file of their source.
    pub fn raw(&mut self, source: Source, bytes: &[u8]) -> Result<(), Failure> {
        self.files
            .as_mut()
            .map_or(Ok(()), |files| files.raw(source, bytes))
            .doing("writing the log of a core")
    }

    /// The text of a line in the merged log, without colours.
    pub fn text(&self, source: Source, line: &str) -> String {
        format!("{source:<width$} | {line}", width = self.width)
    }

    /// Writes a line of the merged log.
    pub fn line(&mut self, source: Source, line: &[u8]) -> Result<(), Failure> {
        let prefix = format!("{source:<width$} |", width = self.width);
        if let Some(files) = &mut self.files {
            let whole = [prefix.as_bytes(), b" ", line, b"\n"].concat();
            files.merged.write_all(&whole).doing("writing the merged log")?;
        }
        if self.show == Show::Terminal {
            let (style, line) = (style(source), terminal::bytes(line));
            let written = writeln!(anstream::stdout(), "{style}{prefix}{style:#} {line}");
            ignore_closed_pipe(written).doing("writing to standard output")?;
        }
        Ok(())
    }

    /// Brings everything to the files.
    pub fn finish(&mut self) -> Result<(), Failure> {
        self.files.as_mut().map_or(Ok(()), Files::flush).doing("writing the log files")
    }
}

/// Writes a whole text to standard output.
pub fn print(text: &str) -> Result<(), Failure> {
    ignore_closed_pipe(write!(anstream::stdout(), "{text}")).doing("writing to standard output")
}

/// `./x run | head` is no error.
fn ignore_closed_pipe(result: io::Result<()>) -> io::Result<()> {
    result.or_else(|error| if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })
}

fn style(source: Source) -> Style {
    match source.instance() {
        None => Style::new().dimmed(),
        Some(core) => Style::new().fg_color(Some(COLOURS[core as usize % COLOURS.len()].into())),
    }
}

impl Files {
    fn create(dir: &Path) -> Result<Self, Failure> {
        let create = |dir: &Path| {
            fs::create_dir_all(dir)?;
            File::create(dir.join("merged.log"))
        };
        let merged = create(dir).doing(format_args!("making log files in {}", dir.display()))?;
        Ok(Files { dir: dir.to_owned(), merged: BufWriter::new(merged), raw: BTreeMap::new() })
    }

    fn raw(&mut self, source: Source, bytes: &[u8]) -> io::Result<()> {
        let name = match source.instance() {
            None => "boot.log".to_owned(),
            Some(core) => format!("core-{core}.log"),
        };
        if !self.raw.contains_key(&name) {
            let file = File::create(self.dir.join(&name))?;
            self.raw.insert(name.clone(), BufWriter::new(file));
        }
        self.raw.get_mut(&name).map_or(Ok(()), |file| file.write_all(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.merged.flush()?;
        self.raw.values_mut().try_for_each(BufWriter::flush)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_as_wide_as_the_widest() {
        let log = Log::new(Show::Nothing, 4, None).expect("no file is made");
        assert_eq!(log.text(Source::Boot, "hello"), "boot   | hello");
        assert_eq!(log.text(Source::Core(3), ""), "core 3 | ");
        let log = Log::new(Show::Nothing, 64, None).expect("no file is made");
        assert_eq!(log.text(Source::Core(3), "x"), "core 3  | x");
    }

    #[test]
    fn files_hold_raw_bytes_per_core_and_whole_lines_together() {
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        let mut log = Log::new(Show::Nothing, 2, Some(dir.path())).expect("files can be made");
        log.raw(Source::Core(1), b"a\xff").expect("bytes are written");
        log.raw(Source::Core(0), b"kernel ").expect("bytes are written");
        log.raw(Source::Serial(0), b"program").expect("bytes are written");
        log.line(Source::Core(1), b"a \x1b[2Jline\xff").expect("the line is written");
        log.finish().expect("files are complete");
        let read = |name: &str| fs::read(dir.path().join(name)).expect("the file is there");
        assert_eq!(read("core-1.log"), b"a\xff");
        assert_eq!(read("core-0.log"), b"kernel program", "COM1 is output of instance 0");
        assert_eq!(read("merged.log"), b"core 1 | a \x1b[2Jline\xff\n");
    }
}
