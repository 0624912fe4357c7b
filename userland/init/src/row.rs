// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether a text is a row of the results: one JSON object of scalars. What a program writes goes into a line for the runner
//! as it is, so that nothing but a row may be let through.

use alloc::string::String;
use alloc::vec::Vec;

/// Whether `text` is exactly one JSON object whose members are texts, numbers, `true`, `false` or `null`, with a name each.
pub(crate) fn is_row(text: &str) -> bool {
    let mut scanner = Scanner { rest: text };
    scanner.object().is_some() && scanner.skip_spaces().is_empty()
}

/// Reads a text from its front; `None` means that it does not go on as JSON does.
struct Scanner<'a> {
    rest: &'a str,
}

impl<'a> Scanner<'a> {
    fn skip_spaces(&mut self) -> &'a str {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
        self.rest
    }

    /// Takes `expected`, which may stand behind spaces.
    fn take(&mut self, expected: &str) -> Option<()> {
        self.rest = self.skip_spaces().strip_prefix(expected)?;
        Some(())
    }

    fn object(&mut self) -> Option<()> {
        self.take("{")?;
        if self.take("}").is_some() {
            return Some(());
        }
        let mut names: Vec<String> = Vec::new();
        loop {
            self.skip_spaces();
            let name = self.text()?;
            if names.contains(&name) {
                return None;
            }
            names.push(name);
            self.take(":")?;
            self.scalar()?;
            if self.take(",").is_none() {
                return self.take("}");
            }
        }
    }

    fn scalar(&mut self) -> Option<()> {
        let rest = self.skip_spaces();
        if rest.starts_with('"') {
            return self.text().map(drop);
        }
        let end = rest.find([',', '}', ' ', '\t', '\n', '\r']).unwrap_or(rest.len());
        let (word, behind) = rest.split_at(end);
        self.rest = behind;
        (matches!(word, "true" | "false" | "null") || is_number(word)).then_some(())
    }

    /// A text between quotes, without its escapes.
    fn text(&mut self) -> Option<String> {
        let mut chars = self.rest.strip_prefix('"')?.chars();
        let mut text = String::new();
        loop {
            let next = match chars.next()? {
                '"' => break,
                '\\' => escaped(&mut chars)?,
                '\0'..' ' => return None,
                other => other,
            };
            text.push(next);
        }
        self.rest = chars.as_str();
        Some(text)
    }
}

/// What stands for a character behind a backslash.
fn escaped(chars: &mut core::str::Chars<'_>) -> Option<char> {
    Some(match chars.next()? {
        plain @ ('"' | '\\' | '/') => plain,
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => {
            let unit = unit(chars)?;
            let second = (0xd800..0xdc00).contains(&unit).then(|| {
                (chars.next() == Some('\\') && chars.next() == Some('u')).then(|| self::unit(chars))?
            });
            let units = [unit, second.flatten().unwrap_or_default()];
            let length = if second.is_some() { 2 } else { 1 };
            char::decode_utf16(units.into_iter().take(length)).next()?.ok()?
        }
        _ => return None,
    })
}

/// Four hexadecimal digits.
fn unit(chars: &mut core::str::Chars<'_>) -> Option<u16> {
    (0..4).try_fold(0, |unit, _| Some(unit << 4 | chars.next()?.to_digit(16)? as u16))
}

/// A number as JSON writes it, and not too large for who reads it.
fn is_number(word: &str) -> bool {
    let digits = word.strip_prefix('-').unwrap_or(word);
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (digits, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    are_digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(are_digits)
        && exponent.is_none_or(are_digits)
        && word.parse::<f64>().is_ok_and(f64::is_finite)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::de::{Deserializer, MapAccess, Visitor};
    use serde_json::Value;

    /// A row as another reader of JSON sees it.
    struct Row;

    impl<'de> serde::Deserialize<'de> for Row {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Members;
            impl<'de> Visitor<'de> for Members {
                type Value = Row;
                fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                    f.write_str("an object of scalars")
                }
                fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Row, A::Error> {
                    let mut names = std::collections::BTreeSet::new();
                    while let Some((name, value)) = map.next_entry::<String, Value>()? {
                        if value.is_object() || value.is_array() || !names.insert(name) {
                            return Err(serde::de::Error::custom("no row"));
                        }
                    }
                    Ok(Row)
                }
            }
            deserializer.deserialize_map(Members)
        }
    }

    fn is_row_to_others(text: &str) -> bool {
        serde_json::from_str::<Row>(text).is_ok()
    }

    #[test]
    fn one_object_of_scalars_is_a_row() {
        for row in [
            "{}",
            r#"{"path":"call","min":1,"ratio":-0.5e+3,"ok":true,"no":false,"none":null}"#,
            "  { \"a\" : 1 , \"b\" : \"\" }  ",
            r#"{"quoted \" and \\":"\u00e4\ud83d\ude00\n","}":"{\"a\":1},\"exit\":0"}"#,
        ] {
            assert!(is_row(row) && is_row_to_others(row), "{row}");
        }
    }

    #[test]
    fn what_could_say_more_than_a_row_is_none() {
        for text in [
            "",
            "7",
            "[]",
            "{",
            r#"{"a":1},"audit":"forged by a program","exit":0"#,
            r#"{"a":1}{"b":2}"#,
            r#"{"a":1}} "#,
            r#"{"a":{"b":1}}"#,
            r#"{"a":[1]}"#,
            r#"{"a":1,"a":2}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"a":1,}"#,
            r#"{a:1}"#,
            r#"{"a":01}"#,
            r#"{"a":1.}"#,
            r#"{"a":+1}"#,
            r#"{"a":1e999}"#,
            r#"{"a":NaN}"#,
            r#"{"a":"\ud800"}"#,
            r#"{"a":"\ud800\u0041"}"#,
            r#"{"a":"\x"}"#,
            r#"{"a":"\u00+1"}"#,
            r#"{"a":"b}"#,
            "{\"a\":\"\u{1}\"}",
        ] {
            assert!(!is_row(text), "{text}");
            assert!(!is_row_to_others(text), "{text}");
        }
    }

    /// Pieces that rows, and what pretends to be one, are made of.
    fn hostile() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            ":",
            ",",
            "\"",
            "\\",
            "\"a\"",
            "\"b\"",
            "1",
            "-",
            "0",
            ".5",
            "e9",
            "true",
            "null",
            " ",
            "\n",
            "\\u",
            "d83d",
            "de00",
            "\u{7f}",
            "\"exit\":0",
            "{\"a\":1}",
            "\u{202e}",
            "nan",
        ]);
        prop_oneof![
            prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat()),
            ("[a-c]{0,2}", ".{0,6}").prop_map(|(name, text)| format!("{{\"{name}\":\"{text}\"}}")),
            ("[a-c\\\\\"]{0,2}", "[0-9eE.+-]{0,6}").prop_map(|(name, text)| format!("{{\"{name}\":{text}}}")),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn init_and_the_runner_agree_on_what_a_row_is(text in hostile()) {
            prop_assert_eq!(is_row(&text), is_row_to_others(&text), "{}", text);
        }
    }
}
