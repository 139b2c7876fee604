//! A minimal lexer and parser of Rust for the checks that read sources: words and punctuation with line numbers, and
//! functions.

use std::ops::{Range, RangeInclusive};

/// A word or punctuation. `::` is one token; comments and literals are skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'t> {
    pub(crate) text: &'t str,
    /// Line number, from 1.
    pub(crate) line: usize,
}

impl Token<'_> {
    pub(crate) fn is(self, text: &str) -> bool {
        self.text == text
    }

    pub(crate) fn is_word(self) -> bool {
        is_word(self.text)
    }
}

/// Whether a token is a name or a keyword.
pub(crate) fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// The tokens of a source file, without items that are compiled only for tests.
pub(crate) fn of_program(text: &str) -> Vec<Token<'_>> {
    without_tests(&all(text))
}

/// The tokens of a source file.
pub(crate) fn all(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    let mut line = 1;
    while let Some(first) = rest.chars().next() {
        let (length, is_token) = if rest.starts_with("//") {
            (rest.find('\n').unwrap_or(rest.len()), false)
        } else if rest.starts_with("/*") {
            (block_comment(rest), false)
        } else if let Some(length) = text_literal(rest) {
            (length, false)
        } else if first == '\'' {
            (quote(rest), false)
        } else if first.is_alphanumeric() || first == '_' {
            (word(rest), true)
        } else if rest.starts_with("::") {
            (2, true)
        } else {
            (first.len_utf8(), !first.is_whitespace())
        };
        if is_token {
            let text = &rest[..length];
            tokens.push(Token { text, line });
        }
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    tokens
}

/// The length of the word at the start of the text.
fn word(text: &str) -> usize {
    text.find(|c: char| !(c.is_alphanumeric() || c == '_'))
        .unwrap_or(text.len())
}

/// The length of a block comment, including nested ones.
fn block_comment(text: &str) -> usize {
    let mut depth = 0usize;
    let mut at = 0;
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

/// The length of a string literal of any kind, if there is one at the start of the text.
fn text_literal(text: &str) -> Option<usize> {
    let prefix = text
        .find(|c: char| !matches!(c, 'b' | 'c' | 'r'))
        .filter(|prefix| *prefix <= 2)?;
    let raw = text[..prefix].ends_with('r');
    let hashes = if raw {
        text[prefix..].chars().take_while(|c| *c == '#').count()
    } else {
        0
    };
    let content = prefix + hashes + 1;
    if !text[prefix + hashes..].starts_with('"') {
        return None;
    }
    if raw {
        let end = format!("\"{}", "#".repeat(hashes));
        return Some(
            text[content..]
                .find(&end)
                .map_or(text.len(), |at| content + at + end.len()),
        );
    }
    let mut escaped = false;
    for (at, c) in text[content..].char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(content + at + 1),
            _ => {}
        }
    }
    Some(text.len())
}

/// The length of a character literal or of a lifetime.
fn quote(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match chars.next() {
        Some((_, '\\')) => {
            // The escaped character may itself be a quote.
            chars.next();
            chars.find(|(_, c)| *c == '\'').map_or(text.len(), |(at, _)| at + 1)
        }
        Some(_) => match chars.next() {
            Some((at, '\'')) => at + 1,
            _ => 1 + word(&text[1..]),
        },
        None => 1,
    }
}

/// The tokens, without items that are compiled only for tests.
fn without_tests<'t>(tokens: &[Token<'t>]) -> Vec<Token<'t>> {
    const MARK: &[&str] = &["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        let rest = &tokens[at..];
        if rest.len() > MARK.len() && rest.iter().zip(MARK).all(|(token, mark)| token.is(mark)) {
            at = item_end(tokens, at + MARK.len());
        } else {
            kept.push(tokens[at]);
            at += 1;
        }
    }
    kept
}

/// The end of the item, statement, field or match arm that starts here: the index after its last token.
fn item_end(tokens: &[Token<'_>], mut at: usize) -> usize {
    const ITEMS: &[&str] = &[
        "async",
        "const",
        "enum",
        "extern",
        "fn",
        "impl",
        "let",
        "macro_rules",
        "mod",
        "pub",
        "static",
        "struct",
        "trait",
        "type",
        "unsafe",
        "use",
    ];
    while at + 1 < tokens.len() && tokens[at].is("#") && tokens[at + 1].is("[") {
        at = closing(tokens, at + 1) + 1;
    }
    let item = tokens.get(at).is_some_and(|token| ITEMS.contains(&token.text));
    let import = tokens[at..]
        .iter()
        .find(|token| token.is_word() && !["pub", "crate", "super", "self", "in"].contains(&token.text))
        .is_some_and(|token| token.is("use"));
    while let Some(token) = tokens.get(at) {
        match token.text {
            "{" if !import => return closing(tokens, at) + 1,
            "{" | "(" | "[" => at = closing(tokens, at),
            "}" | ")" | "]" => return at,
            ";" => return at + 1,
            "," if !item => return at + 1,
            _ => {}
        }
        at += 1;
    }
    tokens.len()
}

/// The index of the bracket that closes the one at `open`.
pub(crate) fn closing(tokens: &[Token<'_>], open: usize) -> usize {
    let mut depth = 0usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" if depth <= 1 => return at,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
    }
    tokens.len()
}

/// A function with a body.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// `pub` without a restriction.
    pub(crate) public: bool,
    /// The tokens between its braces, including the opening brace.
    pub(crate) body: Range<usize>,
    /// The lines from its name to its closing brace.
    pub(crate) lines: RangeInclusive<usize>,
}

/// All functions among the tokens, including nested ones.
pub(crate) fn functions(tokens: &[Token<'_>]) -> Vec<Function> {
    let mut functions = Vec::new();
    for at in (0..tokens.len()).filter(|at| tokens[*at].is("fn")) {
        // `fn(` is a function type.
        let Some(name) = tokens.get(at + 1).filter(|name| name.is_word()) else {
            continue;
        };
        let mut start = at;
        while let Some(token) = tokens.get(start).filter(|token| !["{", ";"].contains(&token.text)) {
            start = if ["(", "["].contains(&token.text) {
                closing(tokens, start)
            } else {
                start
            } + 1;
        }
        if !tokens.get(start).is_some_and(|token| token.is("{")) {
            continue;
        }
        let end = closing(tokens, start);
        let is_modifier = |token: &&Token<'_>| ["const", "async", "unsafe", "extern"].contains(&token.text);
        let before = tokens[..at].iter().rev().find(|token| !is_modifier(token));
        functions.push(Function {
            name: name.text.to_owned(),
            public: before.is_some_and(|token| token.is("pub")),
            body: start..end,
            lines: name.line..=tokens.get(end).map_or(name.line, |token| token.line),
        });
    }
    functions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: &str) {
        let words: Vec<&str> = of_program(text).into_iter().map(|token| token.text).collect();
        assert_eq!(words.join(" "), want, "{text}");
    }

    #[test]
    fn skips_comments_and_literals() {
        check("a // b\nc /* d /* e */ f */ g", "a c g");
        check(
            r###"a("b", 'c', '\'', b"d", r#"e " "#, br##"f"# "##)"###,
            "a ( , , , , , )",
        );
        check("fn a<'b>(c: &'b str)", "fn a < > ( c : & str )");
        check("a::b :: c", "a :: b :: c");
    }

    #[test]
    fn skips_code_compiled_only_for_tests() {
        check("a; #[cfg(test)] mod tests { fn b() {} } c", "a ; c");
        check("#[cfg(test)] mod tests; c", "c");
        check("#[cfg(test)]\n#[allow(x)]\npub(crate) use a::{b, c}; d", "d");
        check("#[cfg(test)] fn a<B, C>(d: [u8; 3]) -> E { f } g", "g");
        check("struct A { #[cfg(test)] b: u8, c: u8 }", "struct A { c : u8 }");
        check("match a { b => c, #[cfg(test)] d => e }", "match a { b = > c , }");
        check("#[cfg(not(test))] mod a {}", "# [ cfg ( not ( test ) ) ] mod a { }");
    }

    #[test]
    fn tokens_have_line_numbers() {
        let lines: Vec<usize> = all("a\n\"\n\"\n/*\n*/ b\nc").iter().map(|token| token.line).collect();
        assert_eq!(lines, [1, 5, 6]);
    }

    #[test]
    fn a_function_spans_its_name_to_its_last_brace() {
        let text =
            "trait A { fn a(); }\npub fn b(c: [u8; 2]) -> D {\n  fn e() {}\n}\npub(crate) const fn f() { fn(g) }";
        let found: Vec<(String, bool, RangeInclusive<usize>)> = functions(&of_program(text))
            .into_iter()
            .map(|function| (function.name, function.public, function.lines))
            .collect();
        let want = [("b", true, 2..=4), ("e", false, 3..=3), ("f", false, 5..=5)];
        assert_eq!(
            found,
            want.map(|(name, public, lines)| (name.to_owned(), public, lines))
        );
    }
}
