// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rust files as tokens: no comment, text or character literal can be taken for code, and code in macros is code.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// What the rules ask of a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// Every `unsafe` that is not part of an attribute.
    pub(super) unsafes: Vec<Unsafe>,
    /// Lines of items that are compiled for tests only.
    pub(super) test_lines: usize,
    /// Functions: name, line, length in lines; those of tests left out.
    pub(super) functions: Vec<(String, usize, usize)>,
    /// What `include!` or `#[path = ..]` names and is no Rust file, with its line.
    pub(super) foreign: Vec<(usize, String)>,
}

/// One `unsafe`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unsafe {
    pub(super) line: usize,
    pub(super) kind: Kind,
    /// Within an item that is compiled for tests only.
    pub(super) is_test: bool,
}

/// What an `unsafe` stands before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Block,
    /// `unsafe impl KernelObject for`
    KernelObject,
    Other,
    /// An attribute that allows or expects unsafe code in a whole file.
    Permission,
}

/// Reads a file; `None` if it is no Rust.
pub(super) fn read(text: &str) -> Option<Facts> {
    let tokens: TokenStream = text.parse().ok()?;
    let mut facts = Facts::default();
    facts.walk(tokens, false);
    Some(facts)
}

impl Facts {
    fn walk(&mut self, stream: TokenStream, is_test: bool) {
        let tokens: Vec<TokenTree> = stream.into_iter().collect();
        let mut index = 0;
        while let Some(token) = tokens.get(index) {
            let rest = &tokens[index..];
            if let Some((attribute, length)) = attribute(rest) {
                let is_inner = length == INNER;
                self.attribute((&attribute, is_inner), line(token), is_test);
                if !is_test && is_for_tests(&attribute) {
                    let end = index + item_length(rest);
                    let last = &tokens[end - 1];
                    self.test_lines += last.span().end().line + 1 - line(token);
                    self.walk(tokens[index + length..end].iter().cloned().collect(), true);
                    index = end;
                    continue;
                }
                index += length;
                continue;
            }
            match token {
                TokenTree::Ident(word) if word == "unsafe" => {
                    self.unsafes.push(Unsafe { line: line(token), kind: kind(rest), is_test });
                }
                TokenTree::Ident(word) if word == "fn" && !is_test => self.function(rest),
                TokenTree::Ident(word) if word == "include" => self.include(rest),
                TokenTree::Group(group) => self.walk(group.stream(), is_test),
                _ => {}
            }
            index += 1;
        }
    }

    fn attribute(&mut self, (attribute, is_inner): (&TokenStream, bool), line: usize, is_test: bool) {
        let text = attribute.to_string().replace(' ', "");
        let permits = is_inner && ["allow(", "expect(", "warn("].iter().any(|word| text.contains(word));
        if permits && text.contains("unsafe_code") {
            self.unsafes.push(Unsafe { line, kind: Kind::Permission, is_test });
        }
        for path in text.split("path=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            if !path.ends_with(".rs") {
                self.foreign.push((line, path.to_owned()));
            }
        }
    }

    /// `fn name ... { ... }`; a type or a declaration has no body before the next `;`.
    fn function(&mut self, tokens: &[TokenTree]) {
        let Some(TokenTree::Ident(name)) = tokens.get(1) else { return };
        let body = tokens.iter().find(|token| is_end(token));
        if let Some(TokenTree::Group(body)) = body {
            let begin = line(&tokens[0]);
            self.functions.push((name.to_string(), begin, body.span_close().end().line + 1 - begin));
        }
    }

    fn include(&mut self, tokens: &[TokenTree]) {
        let [_, TokenTree::Punct(mark), TokenTree::Group(what), ..] = tokens else { return };
        let what_text = what.stream().to_string();
        if mark.as_char() == '!' && !what_text.trim_end_matches('"').ends_with(".rs") {
            self.foreign.push((line(&tokens[0]), what_text));
        }
    }
}

fn line(token: &TokenTree) -> usize {
    token.span().start().line
}

/// Tokens of an attribute of what it stands in; one of the item behind it has one less.
const INNER: usize = 3;

/// The content of an attribute that begins here, and how many tokens it takes.
fn attribute(tokens: &[TokenTree]) -> Option<(TokenStream, usize)> {
    let is_mark = |token: Option<&TokenTree>, mark| matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == mark);
    if !is_mark(tokens.first(), '#') {
        return None;
    }
    let at = if is_mark(tokens.get(1), '!') { 2 } else { 1 };
    match tokens.get(at) {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Bracket => {
            Some((group.stream(), at + 1))
        }
        _ => None,
    }
}

/// `#[cfg(test)]` and nothing else: an item with another condition may be in a kernel.
fn is_for_tests(attribute: &TokenStream) -> bool {
    attribute.to_string().replace(' ', "") == "cfg(test)"
}

/// Tokens of the item that an attribute begins: up to its braces or its semicolon.
fn item_length(tokens: &[TokenTree]) -> usize {
    tokens.iter().position(is_end).map_or(tokens.len(), |position| position + 1)
}

fn is_end(token: &TokenTree) -> bool {
    match token {
        TokenTree::Punct(punct) => punct.as_char() == ';',
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        _ => false,
    }
}

fn kind(tokens: &[TokenTree]) -> Kind {
    let word =
        |index: usize, expected: &str| tokens.get(index).is_some_and(|token| token.to_string() == expected);
    match tokens.get(1) {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => Kind::Block,
        _ if word(1, "impl") && word(2, "KernelObject") && word(3, "for") => Kind::KernelObject,
        _ => Kind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<usize> {
        read(text).expect("it is Rust").unsafes.iter().map(|found| found.line).collect()
    }

    #[test]
    fn only_the_keyword_counts() {
        for harmless in [
            "// unsafe {",
            "/* unsafe { /* unsafe */ } */",
            "const X: &str = \"unsafe {\";",
            "const X: &str = r#\"\" unsafe {\"#;",
            "#![deny(unsafe_op_in_unsafe_fn)]",
            "#[unsafe(no_mangle)] fn f() {}",
            "#[deny(unsafe_code)] fn f() {}",
        ] {
            assert_eq!(lines(harmless), [0_usize; 0], "{harmless}");
        }
    }

    #[test]
    fn nothing_puts_the_reader_off() {
        for (text, line) in [
            ("const A: char = '\"';\nfn f() { unsafe { g() } }", 2),
            ("const A: &str = \"\\\\\";\nunsafe fn f() {}", 2),
            ("const A: u8 = b'\"';\nunsafe trait T {}", 2),
            ("macro_rules! m { () => {\n unsafe { f() } } }", 2),
            ("fn f<'a>() { m!(unsafe { g() }) }", 1),
            ("\n#![allow(dead_code, unsafe_code)]", 2),
            ("\n#![cfg_attr(x, expect(unsafe_code))]", 2),
        ] {
            assert_eq!(lines(text), [line], "{text}");
        }
    }

    #[test]
    fn an_item_for_tests_ends_with_the_item() {
        let facts = read(
            "#[cfg(test)]\nuse a::b;\nfn real() {\n unsafe { f() }\n}\n#[cfg(test)]\nmod tests {\n unsafe { f() }\n}\n",
        );
        let facts = facts.expect("it is Rust");
        assert_eq!(facts.test_lines, 2 + 4);
        let tests: Vec<bool> = facts.unsafes.iter().map(|found| found.is_test).collect();
        assert_eq!(tests, [false, true]);
        assert_eq!(facts.functions, [("real".to_owned(), 3, 3)]);
    }

    #[test]
    fn blocks_and_kernel_objects_are_told_from_the_rest() {
        let facts =
            read("unsafe impl KernelObject for T {}\nunsafe impl Send for T {}\nfn f() { unsafe {} }");
        let kinds: Vec<Kind> = facts.expect("it is Rust").unsafes.iter().map(|found| found.kind).collect();
        assert_eq!(kinds, [Kind::KernelObject, Kind::Other, Kind::Block]);
    }

    #[test]
    fn code_in_files_of_another_name_is_noticed() {
        let facts = read(
            "include!(\"a.rs\");\ninclude!(\"b.inc\");\n#[path = \"c.txt\"] mod c;\n#[path = \"d.rs\"] mod d;",
        );
        let foreign = facts.expect("it is Rust").foreign;
        assert_eq!(foreign, [(2, "\"b.inc\"".to_owned()), (3, "c.txt".to_owned())]);
    }
}
