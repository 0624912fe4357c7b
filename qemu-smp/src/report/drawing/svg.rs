// SPDX-License-Identifier: MIT OR Apache-2.0
//! A small builder of SVG texts.

use std::fmt::{Display, Write};

use crate::terminal;

/// A drawing under construction. Coordinates are pixels, from the top left.
pub(super) struct Svg {
    body: String,
    width: f64,
    height: f64,
}

/// Which end of a text is at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A place in a drawing.
pub(super) type Point = (f64, f64);

impl Svg {
    /// An empty drawing.
    pub(super) fn new(width: f64, height: f64) -> Self {
        Svg { body: String::new(), width, height }
    }

    /// A rectangle at a place with a size, which tells `title` when pointed at.
    pub(super) fn rectangle(&mut self, at: Point, size: Point, fill: impl Display, title: &str) {
        let ((x, y), (width, height)) = (at, size);
        self.add(format_args!(
            "<rect x=\"{x:.2}\" y=\"{y:.1}\" width=\"{width:.2}\" height=\"{height:.1}\" fill=\"{fill}\"><title>{}</title>\
             </rect>",
            escaped(title)
        ));
    }

    /// A rectangle with an outline.
    pub(super) fn outline(&mut self, at: Point, size: Point, (stroke, fill): (impl Display, impl Display)) {
        let ((x, y), (width, height)) = (at, size);
        self.add(format_args!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" stroke=\"{stroke}\" \
             stroke-width=\"1.5\" fill=\"{fill}\"/>"
        ));
    }

    /// A line.
    pub(super) fn line(&mut self, from: Point, to: Point, (stroke, width): (impl Display, f64)) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.add(format_args!(
            "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{stroke}\" \
             stroke-width=\"{width:.1}\"/>"
        ));
    }

    /// A filled circle.
    pub(super) fn dot(&mut self, (x, y): Point, radius: f64, fill: impl Display) {
        self.add(format_args!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\" fill=\"{fill}\"/>"));
    }

    /// A filled shape with these corners.
    pub(super) fn polygon(&mut self, corners: &[Point], fill: impl Display) {
        let points: Vec<String> = corners.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        self.add(format_args!("<polygon points=\"{}\" fill=\"{fill}\"/>", points.join(" ")));
    }

    /// A line of text; `class` is one of the page's.
    pub(super) fn text(&mut self, (x, y): Point, anchor: Anchor, class: &str, text: &str) {
        let anchor = anchor.name();
        self.add(format_args!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" class=\"{class}\">{}</text>",
            escaped(text)
        ));
    }

    /// A line of text that rises to the right by so many degrees.
    pub(super) fn rising(
        &mut self,
        (x, y): Point,
        (anchor, degrees): (Anchor, f64),
        class: &str,
        text: &str,
    ) {
        let anchor = anchor.name();
        self.add(format_args!(
            "<text transform=\"translate({x:.1} {y:.1}) rotate(-{degrees:.0})\" text-anchor=\"{anchor}\" class=\"{class}\">\
             {}</text>",
            escaped(text)
        ));
    }

    /// What is added by `body` tells `title` when pointed at.
    pub(super) fn titled(&mut self, title: &str, body: impl FnOnce(&mut Self)) {
        self.add(format_args!("<g><title>{}</title>", escaped(title)));
        body(self);
        self.add("</g>");
    }

    /// The drawing as an element of a page, with an identifier and a description for those who cannot see it.
    pub(super) fn finish(self, id: &str, label: &str) -> String {
        let Svg { body, width, height } = self;
        format!(
            "<svg id=\"{id}\" role=\"img\" aria-label=\"{}\" width=\"{width:.0}\" height=\"{height:.0}\" \
             viewBox=\"0 0 {width:.0} {height:.0}\">\n{body}</svg>\n",
            escaped(label)
        )
    }

    fn add(&mut self, element: impl Display) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.body, "{element}");
    }
}

impl Anchor {
    fn name(self) -> &'static str {
        match self {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        }
    }
}

/// Text for HTML and SVG, between tags or in an attribute. What could not be seen there, or would make other text look
/// different, is shown as on a terminal.
pub(in crate::report) fn escaped(text: &str) -> String {
    terminal::lines(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn any_text_is_text_in_a_page(text in crate::terminal::tests::hostile()) {
            let shown = escaped(&text);
            let is_reference = |at: usize| ["amp;", "lt;", "gt;", "quot;", "#39;"].iter().any(|name| shown[at + 1..].starts_with(name));
            proptest::prop_assert!(!shown.contains(['<', '>', '"', '\'']));
            proptest::prop_assert!(shown.match_indices('&').all(|(at, _)| is_reference(at)));
            let read = shown.replace("&#39;", "'").replace("&quot;", "\"").replace("&gt;", ">").replace("&lt;", "<");
            proptest::prop_assert_eq!(read.replace("&amp;", "&"), terminal::lines(&text).into_owned());
        }
    }

    #[test]
    fn text_from_outside_cannot_become_an_element_or_leave_an_attribute() {
        let mut svg = Svg::new(10.0, 10.0);
        svg.text((0.0, 0.0), Anchor::Start, "small", "<script>&\"");
        svg.rectangle((0.0, 0.0), (1.0, 1.0), "red", "</title><b>");
        let drawn = svg.finish("id", "a \"label\"");
        assert!(drawn.contains("&lt;script&gt;&amp;&quot;</text>"), "{drawn}");
        assert!(!drawn.contains("<b>") && drawn.contains("aria-label=\"a &quot;label&quot;\""), "{drawn}");
    }
}
