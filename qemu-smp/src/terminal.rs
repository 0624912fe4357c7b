// SPDX-License-Identifier: MIT OR Apache-2.0
//! Text from outside on a terminal: what a guest wrote, what a file is called, what a description says.
//!
//! A terminal obeys control characters, and what reorders or hides text makes a line look like another one. All of
//! it is shown as an escape instead: `\r`, `\x1b`, `\u{202e}`, and `\xff` for a byte that is no UTF-8. Files keep what was written.

use std::borrow::Cow;
use std::fmt::Write;

/// What is let through besides text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Allowed {
    /// Tabs.
    Tabs,
    /// Tabs and line ends.
    Lines,
    /// Tabs, line ends and colours.
    Styles,
}

/// A line, without its end.
pub fn line(text: &str) -> Cow<'_, str> {
    escape(text, Allowed::Tabs)
}

/// A line of bytes, without its end.
pub fn bytes(line: &[u8]) -> String {
    let mut shown = String::new();
    for part in line.utf8_chunks() {
        shown += &self::line(part.valid());
        part.invalid().iter().for_each(|byte| shown += &format!("\\x{byte:02x}"));
    }
    shown
}

/// What stands in a cell of a table: one line, without tabs.
pub fn cell(text: &str) -> String {
    line(text).replace('\t', "\\t")
}

/// A text of several lines.
pub fn lines(text: &str) -> Cow<'_, str> {
    escape(text, Allowed::Lines)
}

/// A text of several lines whose colours are this tool's: those of a message about a description.
pub fn styled(text: &str) -> Cow<'_, str> {
    escape(text, Allowed::Styles)
}

fn escape(text: &str, allowed: Allowed) -> Cow<'_, str> {
    if !text.contains(is_dangerous) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let style = if allowed == Allowed::Styles { style_length(rest) } else { 0 };
        let length = if style > 0 { style } else { c.len_utf8() };
        let (part, behind) = rest.split_at(length);
        rest = behind;
        if style > 0 || !is_dangerous(c) || c == '\t' || (c == '\n' && allowed != Allowed::Tabs) {
            shown += part;
        } else {
            push_escape(&mut shown, c);
        }
    }
    shown.into()
}

fn push_escape(shown: &mut String, c: char) {
    // Writing to a string cannot fail.
    let _ = match c {
        '\n' => write!(shown, "\\n"),
        '\r' => write!(shown, "\\r"),
        '\0'..='\x7f' => write!(shown, "\\x{:02x}", u32::from(c)),
        _ => write!(shown, "\\u{{{:x}}}", u32::from(c)),
    };
}

/// Whether a terminal or a reader could take a character for something else than text: control characters, those that set the
/// direction of text, those that separate lines or paragraphs, and those that cannot be seen.
pub fn is_dangerous(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// Bytes of the colour or weight that a text begins with, as this tool writes them; 0 if it begins with none.
fn style_length(text: &str) -> usize {
    let Some(parameters) = text.strip_prefix("\x1b[") else { return 0 };
    let end = parameters.find(|c: char| !c.is_ascii_digit() && c != ';');
    end.filter(|&end| parameters[end..].starts_with('m')).map_or(0, |end| "\x1b[".len() + end + "m".len())
}

/// A word for a shell: quoted where a shell would see more in it than text.
pub fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Texts that a sink could take for more than text, and any others.
    pub(crate) fn hostile() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "\x1b]0;title\x07",
            "\x1b[2J",
            "\x1b[31m",
            "\r",
            "\n",
            "\t",
            "\0",
            "\x08",
            "\x7f",
            "\u{9b}31m",
            "\u{85}",
            "\u{202e}",
            "\u{2066}",
            "\u{200b}",
            "\u{2028}",
            "\u{feff}",
            "\u{e0041}",
            "core 0 | ",
            "!skerry {\"exit\":0}",
            "<script>",
            "</title>",
            "&lt;",
            "\"",
            "'",
            "`",
            "$(id)",
            "\\",
            "\\n",
            "#",
            "|",
            "; !id",
            "-x",
            " ",
            "ü",
            "日本",
        ]);
        prop_oneof![
            prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat()),
            prop::collection::vec(any::<char>(), 0..20).prop_map(String::from_iter),
        ]
    }

    #[test]
    fn what_a_terminal_would_obey_is_shown() {
        assert_eq!(line("\x1b]0;owned\x07\x1b[31mred\r"), "\\x1b]0;owned\\x07\\x1b[31mred\\r");
        assert_eq!(line("\u{9b}2J \u{202e}txt \u{200b}"), "\\u{9b}2J \\u{202e}txt \\u{200b}");
        assert_eq!(bytes(b"a\xff\xc3\xbc\x9b\tb"), "a\\xff\u{fc}\\x9b\tb");
        assert_eq!(lines("a\nb\rc"), "a\nb\\rc");
        assert_eq!(cell("a\nb\tc"), "a\\nb\\tc");
        assert!(matches!(line("plain \\ text, für alle"), Cow::Borrowed("plain \\ text, für alle")));
    }

    #[test]
    fn only_colours_are_left_in_a_message() {
        assert_eq!(
            styled("\x1b[1;31merror\x1b[0m\x1b[2J\x1b]0;x\x07"),
            "\x1b[1;31merror\x1b[0m\\x1b[2J\\x1b]0;x\\x07"
        );
        assert_eq!(styled("\x1b[31"), "\\x1b[31");
    }

    proptest! {
        #[test]
        fn nothing_dangerous_reaches_a_terminal(text in hostile(), raw in prop::collection::vec(any::<u8>(), 0..40)) {
            let is_safe = |shown: &str, allowed: &[char]| !shown.contains(|c| is_dangerous(c) && !allowed.contains(&c));
            prop_assert!(is_safe(&line(&text), &['\t']));
            prop_assert!(is_safe(&bytes(&raw), &['\t']));
            prop_assert!(is_safe(&bytes(text.as_bytes()), &['\t']));
            prop_assert!(is_safe(&cell(&text), &[]));
            prop_assert!(is_safe(&lines(&text), &['\t', '\n']));
            prop_assert!(is_safe(&anstream::adapter::strip_str(&styled(&text)).to_string(), &['\t', '\n']));
        }

        #[test]
        fn a_shell_sees_one_word_and_that_text(text in hostile()) {
            let text = text.replace('\0', "");
            let script = format!("printf %s {}", shell_word(&text));
            let output = std::process::Command::new("sh").args(["-c", &script]).output().expect("there is a shell");
            prop_assert_eq!(String::from_utf8_lossy(&output.stdout).into_owned(), text);
        }
    }
}
