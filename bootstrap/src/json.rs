// SPDX-License-Identifier: MIT OR Apache-2.0
//! Text as a JSON string, without memory of its own: for reports of failures, when there may be none.

use core::fmt::{self, Write};

/// Prints what it holds between quotes and escaped.
#[derive(Clone, Copy, Debug)]
pub struct Quoted<T>(pub T);

impl<T: fmt::Display> fmt::Display for Quoted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        write!(Escape(f), "{}", self.0)?;
        f.write_char('"')
    }
}

struct Escape<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl Write for Escape<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|char| match char {
            '"' | '\\' => write!(self.0, "\\{char}"),
            '\n' => self.0.write_str("\\n"),
            control if control < ' ' => write!(self.0, "\\u{:04x}", u32::from(control)),
            other => self.0.write_char(other),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_survives_a_json_reader() {
        for text in ["plain", "a \"quoted\" \\ path", "two\nlines\tand \u{1} control", "naïve ± 0.1 %"] {
            let quoted = Quoted(text).to_string();
            assert_eq!(serde_json::from_str::<String>(&quoted).ok().as_deref(), Some(text), "{quoted}");
        }
    }
}
