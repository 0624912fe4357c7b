// SPDX-License-Identifier: MIT OR Apache-2.0
//! Mistakes in a description, and how they are shown.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

/// One mistake at its place in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mistake {
    /// The bytes that are wrong.
    pub(super) span: Range<usize>,
    what: String,
    help: String,
    see: Option<(Range<usize>, &'static str)>,
}

impl Mistake {
    /// A mistake: what is wrong with these bytes.
    pub(super) fn new(span: Range<usize>, what: impl Into<String>) -> Self {
        Mistake { span, what: what.into(), help: String::new(), see: None }
    }

    /// Adds what to do about it.
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }

    /// Adds another place that has to do with it.
    pub(super) fn see(mut self, span: Range<usize>, label: &'static str) -> Self {
        self.see = Some((span, label));
        self
    }
}

/// The number of mistakes, then each with file, line, column and excerpt.
pub(super) fn render(file: &str, text: &str, mistakes: &[Mistake]) -> String {
    let renderer = Renderer::styled();
    let count = match mistakes {
        [_] => format!("{file}: one mistake"),
        _ => format!("{file}: {} mistakes", mistakes.len()),
    };
    let shown = mistakes.iter().map(|mistake| renderer.render(&[group(file, text, mistake)]).to_string());
    std::iter::once(count).chain(shown).collect::<Vec<_>>().join("\n\n")
}

fn group<'a>(file: &'a str, text: &'a str, mistake: &'a Mistake) -> annotate_snippets::Group<'a> {
    let mut snippet = Snippet::source(text).path(file);
    snippet = snippet.annotation(AnnotationKind::Primary.span(mistake.span.clone()));
    if let Some((span, label)) = &mistake.see {
        snippet = snippet.annotation(AnnotationKind::Context.span(span.clone()).label(*label));
    }
    let group = Level::ERROR.primary_title(mistake.what.as_str()).element(snippet);
    if mistake.help.is_empty() { group } else { group.element(Level::HELP.message(mistake.help.as_str())) }
}

/// The name closest to a misspelt one, if any is close.
pub(crate) fn closest<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const CLOSE: f64 = 0.7;
    let rated = names.into_iter().map(|name| (strsim::jaro_winkler(wrong, name), name));
    rated.filter(|(score, _)| *score >= CLOSE).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
}

/// "did you mean `x`?", or the list of what there is.
pub(super) fn suggestion<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str> + Clone) -> String {
    match closest(wrong, names.clone()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("one of: {}", names.into_iter().collect::<Vec<_>>().join(", ")),
    }
}
