//! Extracts the text of HTML pages.
//!
//! The page is read as a stream of tags and text, without building a tree. Time and memory are therefore proportional to its
//! length, however deeply it is nested.

use std::convert::Infallible;

use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{Span, Tokenizer};

use super::lines::{Gap, Lines};

/// Elements within a line. All others separate the words before and after them.
const INLINE: &[&str] = &[
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i", "ins",
    "kbd", "mark", "nobr", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "time", "tt", "u",
    "var", "wbr",
];

/// Elements within a line that are separate words.
const SPACED: &[&str] = &[
    "button", "img", "input", "label", "option", "rp", "rt", "ruby", "select",
];

/// Elements with a blank line before and after them.
const PARAGRAPHS: &[&str] = &[
    "blockquote",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "p",
    "pre",
    "table",
    "title",
];

/// Elements whose contents are not shown. The tokenizer does not look for tags in them, except in `template`.
const HIDDEN: &[&str] = &["iframe", "noembed", "noscript", "script", "style", "template"];

/// Extracts the text in the order of the page, with a line for each block and the alternative texts of images.
pub(super) fn text_of(html: &str) -> String {
    let mut page = Page::default();
    let mut emitter = CallbackEmitter::new(|event: CallbackEvent<'_>, _: Span<()>| -> Option<Infallible> {
        page.event(&event);
        None
    });
    // Scripts and the like end only with their own end tags.
    emitter.naively_switch_states(true);
    let Ok(()) = Tokenizer::new_with_emitter(html, emitter).finish();
    page.lines.into_text()
}

/// The page read so far.
#[derive(Default)]
struct Page {
    lines: Lines,
    /// The hidden element that is open, and how many of its kind.
    hidden: Option<(&'static str, usize)>,
    /// The number of open `pre` and `textarea` elements, whose white space is kept.
    preformatted: usize,
    /// Whether the tag is an image, whose attribute `alt` may follow.
    is_image: bool,
    is_alt: bool,
}

impl Page {
    fn event(&mut self, event: &CallbackEvent<'_>) {
        match event {
            CallbackEvent::OpenStartTag { name } => self.start(name),
            CallbackEvent::EndTag { name } => self.end(name),
            CallbackEvent::String { value } => self.push(value),
            CallbackEvent::AttributeName { name } => self.is_alt = self.is_image && *name == b"alt",
            CallbackEvent::AttributeValue { value } if self.is_alt => self.push(value),
            CallbackEvent::CloseStartTag { .. } if self.is_image => {
                (self.is_image, self.is_alt) = (false, false);
                self.lines.separate(Gap::Space);
            }
            _ => {}
        }
    }

    fn start(&mut self, name: &[u8]) {
        (self.is_image, self.is_alt) = (name == b"img", false);
        match &mut self.hidden {
            Some((hidden, depth)) if hidden.as_bytes() == name => *depth += 1,
            Some(_) => {}
            None => self.hidden = listed(HIDDEN, name).map(|hidden| (hidden, 1)),
        }
        self.lines.separate(gap(name));
        self.preformatted += usize::from(is_preformatted(name));
    }

    fn end(&mut self, name: &[u8]) {
        self.hidden = match self.hidden {
            Some((hidden, depth)) if hidden.as_bytes() == name => (depth > 1).then(|| (hidden, depth - 1)),
            hidden => hidden,
        };
        self.preformatted = self.preformatted.saturating_sub(usize::from(is_preformatted(name)));
        self.lines.separate(gap(name));
    }

    fn push(&mut self, text: &[u8]) {
        if self.hidden.is_some() {
            return;
        }
        for character in String::from_utf8_lossy(text).chars() {
            if character.is_whitespace() && self.preformatted == 0 {
                self.lines.separate(Gap::Space);
                continue;
            }
            self.lines.push(character);
        }
    }
}

fn gap(name: &[u8]) -> Gap {
    let is = |names| listed(names, name).is_some();
    match name {
        b"td" | b"th" => Gap::Cell,
        _ if is(INLINE) => Gap::None,
        _ if is(SPACED) || is(HIDDEN) => Gap::Space,
        _ if is(PARAGRAPHS) => Gap::Paragraph,
        _ => Gap::Line,
    }
}

fn listed(names: &[&'static str], name: &[u8]) -> Option<&'static str> {
    names.iter().find(|one| one.as_bytes() == name).copied()
}

fn is_preformatted(name: &[u8]) -> bool {
    matches!(name, b"pre" | b"textarea")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_become_lines_of_text() {
        for (html, want) in [
            (
                "Tom &amp; <b>Jerry</b> &eacute;&#1078;&#x436;&nbsp;&notit; AT&T",
                "Tom & Jerry éжж ¬it; AT&T",
            ),
            ("<p>One</p>\n<p>two  \n three<br>four", "One\n\ntwo three\nfour"),
            ("H<sub>2</sub>O, <i>f</i>oo<b> bar</b>", "H2O, foo bar"),
            ("<div>a</div>b<my-card>c</my-card>d", "a\nb\nc\nd"),
            ("<table><tr><th>k<th>v<tr><td>1<td>2</table>", "k\tv\n1\t2"),
            ("<ul><li>a<li>b</ul>", "a\nb"),
            ("<pre>a\n  b</pre> c\n  d", "a\n  b\n\nc d"),
            ("</pre></pre>a  b", "a b"),
            (
                "<!doctype html><html><head><title>A &lt; B</title><meta charset=x><style>p{}</style></head><body>c",
                "A < B\n\nc",
            ),
            ("<script>if (a < b) '<p>'; </script>x<SCRIPT src=y></SCRIPT >y", "x y"),
            ("<style><!-- </style>x", "x"),
            ("a<template>b<template>c</template>d</template>e", "a e"),
            ("a<noscript><p>b</noscript><iframe>c</iframe>d", "a d"),
            ("1 < 2 <!-- 3 --> <![CDATA[ 4 ]]> <?php 5 ?>", "1 < 2"),
            ("<a title='x > y' href=\"/?a=1&copy=2\">z</a>", "z"),
            (
                "a<img alt='b &quot;c&quot;' src=x>d<img src=alt><a alt=e>f</a>",
                "a b \"c\" d f",
            ),
            ("a\u{a0}\u{2003}b", "a b"),
            ("open <b", "open"),
            ("&#xD800; &#0; &#x110000;", "\u{fffd} \u{fffd} \u{fffd}"),
            ("", ""),
        ] {
            assert_eq!(text_of(html), want, "{html}");
        }
    }

    /// Guards against quadratic time and against recursion.
    #[test]
    fn hostile_pages_take_little_time() {
        for (piece, want) in [
            ("<div>", ""),
            ("<div>a", "a"),
            ("<template>", ""),
            ("<pre>", ""),
            ("<p>a</p>", "a"),
            ("<", "<"),
            ("<!--", ""),
            ("<a b='", ""),
            ("<a b", ""),
            ("</script", ""),
            ("<script><!--<script", ""),
            ("&", "&"),
            ("&amp", "&"),
            ("&#9", "\t"),
            ("<![CDATA[", ""),
        ] {
            let text = text_of(&piece.repeat(100_000));
            assert!(text.starts_with(want.trim()), "{piece}: {}", text.len());
            assert!(text.len() <= 300_000, "{piece}: {}", text.len());
        }
    }
}
