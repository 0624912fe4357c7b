// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names the places in the kernel that a raw backtrace consists of.

use std::borrow::Cow;
use std::path::Path;

use addr2line::Loader;
use regex::Regex;

use crate::arch::Arch;

/// What a line of return addresses begins with.
const BACKTRACE: &str = "backtrace:";

/// Turns addresses of the kernel of an instance into functions, files and lines.
pub struct Symbols {
    loader: Option<Loader>,
    address: Regex,
}

impl Symbols {
    /// Reads the ELF file; without a readable one lines stay as they are.
    pub fn new(elf: &Path, arch: Arch) -> Self {
        // Kernels are linked where no other number looks like one of their addresses: in the top 2 GiB of 64 bits, in the
        // first 16 MiB above 0xf0000000 of 32.
        let pattern = match arch {
            Arch::X86_64 => r"\b0x(ffffffff[89a-f][0-9a-f]{7})\b",
            Arch::Aarch32 => r"\b0x(f0[0-9a-f]{6})\b",
        };
        let address = Regex::new(pattern).expect("the pattern is valid");
        Symbols { loader: Loader::new(elf).ok(), address }
    }

    /// Adds the place to a line with one address of kernel text; a backtrace is followed by one line for each address.
    pub fn annotate<'a>(&self, line: &'a str) -> Cow<'a, str> {
        let addresses =
            self.address.captures_iter(line).filter_map(|found| u64::from_str_radix(&found[1], 16).ok());
        if line.starts_with(BACKTRACE) {
            // These are return addresses: the call is before them.
            let places =
                addresses.filter_map(|address| Some((address, self.place(address.checked_sub(1)?)?)));
            let lines = places.map(|(address, place)| format!("\n  {address:#x}  {place}"));
            return format!("{line}{}", lines.collect::<String>()).into();
        }
        let addresses: Vec<u64> = addresses.collect();
        let place = if let [address] = addresses[..] { self.place(address) } else { None };
        place.map_or(line.into(), |place| format!("{line}  {place}").into())
    }

    /// The line of a kernel about an invocation that it refused, with the place in this program where it was made. Nothing for
    /// other lines, and for threads that may run another program.
    pub fn annotate_refusal(&self, line: &str) -> Option<String> {
        let rest = line.strip_prefix("refused: thread \"rootserver\" at 0x")?;
        let (digits, what) = rest.split_once(':')?;
        let place = self.place(u64::from_str_radix(digits, 16).ok()?)?;
        Some(format!("refused: thread \"rootserver\" at 0x{digits}, {place}:{what}"))
    }

    fn place(&self, address: u64) -> Option<String> {
        let loader = self.loader.as_ref()?;
        let text = loader.get_section_range(b".text")?;
        if !(text.begin..text.end).contains(&address) {
            return None;
        }
        let mut frames = loader.find_frames(address).ok()?;
        let mut inlined = Vec::new();
        while let Ok(Some(frame)) = frames.next() {
            let function = frame.function.as_ref().and_then(|name| Some(name.demangle().ok()?.into_owned()));
            let location = frame.location.and_then(|place| Some(format!("{}:{}", place.file?, place.line?)));
            inlined.push(match (function, location) {
                (Some(function), Some(location)) => format!("{function} ({location})"),
                (Some(one), None) | (None, Some(one)) => one,
                (None, None) => continue,
            });
        }
        if inlined.is_empty() {
            return loader
                .find_symbol(address)
                .map(|name| addr2line::demangle_auto(name.into(), None).into_owned());
        }
        Some(inlined.join(" in "))
    }
}

impl std::fmt::Debug for Symbols {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Symbols").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stay_as_they_are_without_symbols_or_address() {
        let symbols = Symbols::new(Path::new("/nonexistent"), Arch::X86_64);
        for line in ["hello", "#1 0xffffffff80001234", "0x1234 and so on"] {
            assert_eq!(symbols.annotate(line), line);
        }
    }

    /// The test's own program is one with symbols.
    #[test]
    fn a_refusal_gets_the_place_of_the_system_call_and_keeps_its_text() {
        let elf = std::env::current_exe().expect("the test is a file");
        let symbols = Symbols::new(&elf, Arch::X86_64);
        let loader = symbols.loader.as_ref().expect("it has symbols");
        let address = loader.get_section_range(b".text").expect("it has code").begin + 0x1000;
        let place = symbols.place(address).expect("code has a name");
        let line =
            format!("refused: thread \"rootserver\" at {address:#x}: TcbResume of slot 0x1 (Null): none");
        let expected = format!(
            "refused: thread \"rootserver\" at {address:#x}, {place}: TcbResume of slot 0x1 (Null): none"
        );
        assert_eq!(symbols.annotate_refusal(&line), Some(expected));
        let other = line.replace("rootserver", "worker");
        assert_eq!(symbols.annotate_refusal(&other), None);
    }
}
