//! What a source file declares, imports and mentions.

use std::collections::BTreeSet;

use crate::tokens::{Token, closing};

/// A name imported by `use`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Import<'t> {
    pub(super) path: Vec<&'t str>,
    /// The local name: `*` for all names of a module, `_` for a trait without a name.
    pub(super) name: &'t str,
    /// Whether the name is visible to other files.
    pub(super) public: bool,
    /// The number of inline modules around it.
    pub(super) depth: usize,
    pub(super) line: usize,
}

/// A path in code, such as `super::runs::create`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mention<'t> {
    pub(super) path: Vec<&'t str>,
    pub(super) depth: usize,
    pub(super) line: usize,
}

#[derive(Debug, Default)]
pub(super) struct Contents<'t> {
    /// The modules in separate files.
    pub(super) children: Vec<&'t str>,
    pub(super) items: BTreeSet<&'t str>,
    pub(super) imports: Vec<Import<'t>>,
    pub(super) mentions: Vec<Mention<'t>>,
    /// All words of the code after the imports.
    pub(super) words: BTreeSet<&'t str>,
}

impl<'t> Contents<'t> {
    pub(super) fn of(tokens: &[Token<'t>]) -> Self {
        let mut reader = Reader {
            tokens,
            contents: Self::default(),
            braces: 0,
            modules: Vec::new(),
        };
        let mut at = 0;
        while at < tokens.len() {
            at = reader.step(at);
        }
        reader.contents
    }

    /// Whether the file only declares modules and imports names.
    pub(super) fn is_bare(&self) -> bool {
        self.words.is_empty()
    }
}

struct Reader<'a, 't> {
    tokens: &'a [Token<'t>],
    contents: Contents<'t>,
    braces: usize,
    /// The ends of the inline modules.
    modules: Vec<usize>,
}

impl<'t> Reader<'_, 't> {
    fn text(&self, at: usize) -> &'t str {
        self.tokens.get(at).map_or("", |token| token.text)
    }

    /// Reads what starts here, and returns the index after it.
    fn step(&mut self, at: usize) -> usize {
        let token = self.tokens[at];
        match (token.text, self.text(at + 1)) {
            ("#", "[") => return closing(self.tokens, at + 1) + 1,
            ("#", "!") => return closing(self.tokens, at + 2) + 1,
            ("pub", "(") => return closing(self.tokens, at + 1) + 1,
            ("pub", _) => return at + 1,
            ("use", next) if next != "<" => return self.import(at),
            ("mod", name) if self.text(at + 2) == ";" => {
                self.contents.children.push(name);
                return at + 3;
            }
            ("mod", name) if self.text(at + 2) == "{" => {
                self.contents.items.insert(name);
                self.modules.push(closing(self.tokens, at + 2));
                self.braces += 1;
                return at + 3;
            }
            ("{", _) => self.braces += 1,
            ("}", _) => {
                self.braces = self.braces.saturating_sub(1);
                if self.modules.last() == Some(&at) {
                    self.modules.pop();
                }
            }
            _ => {}
        }
        if !token.is_word() {
            return at + 1;
        }
        self.contents.words.insert(token.text);
        if self.braces == self.modules.len() {
            self.item(at);
        }
        let before = at.checked_sub(1).map_or("", |at| self.text(at));
        if self.text(at + 1) == "::" && (!["::", "."].contains(&before) && before != "$" || token.is("crate")) {
            return self.mention(at);
        }
        at + 1
    }

    fn item(&mut self, at: usize) {
        let name = match (self.text(at), self.text(at + 1)) {
            ("struct" | "enum" | "trait" | "fn" | "type" | "union" | "static" | "const", name) => name,
            ("macro_rules", "!") => self.text(at + 2),
            _ => return,
        };
        self.contents.items.insert(name);
    }

    fn mention(&mut self, start: usize) -> usize {
        let mut path = vec![self.text(start)];
        let mut at = start + 1;
        while self.text(at) == "::" && self.tokens.get(at + 1).is_some_and(|token| token.is_word()) {
            path.push(self.text(at + 1));
            self.contents.words.insert(self.text(at + 1));
            at += 2;
        }
        self.contents.mentions.push(Mention {
            path,
            depth: self.modules.len(),
            line: self.tokens[start].line,
        });
        at
    }

    /// Reads a `use` up to its semicolon.
    fn import(&mut self, at: usize) -> usize {
        let before = at.checked_sub(1).map_or("", |at| self.text(at));
        let public = before == "pub" || before == ")";
        let end = self.tree(at + 1, Vec::new(), public);
        (end..self.tokens.len()).find(|at| self.text(*at) == ";").unwrap_or(end) + 1
    }

    /// Reads `a::b`, `a::{…}`, `a::*` or `a as b`, and returns the index after it.
    fn tree(&mut self, mut at: usize, mut path: Vec<&'t str>, public: bool) -> usize {
        loop {
            match self.text(at) {
                "::" => at += 1,
                "{" => {
                    let end = closing(self.tokens, at);
                    at += 1;
                    while at < end {
                        at = self.tree(at, path.clone(), public);
                        at += usize::from(self.text(at) == ",");
                    }
                    return end + 1;
                }
                "*" => {
                    self.add(path, "*", public, at);
                    return at + 1;
                }
                "as" => {
                    self.add(path, self.text(at + 1), public, at);
                    return at + 2;
                }
                "self" if !path.is_empty() => at += 1,
                word if crate::tokens::is_word(word) => {
                    path.push(word);
                    at += 1;
                }
                _ => {
                    let name = path.last().copied().unwrap_or_default();
                    self.add(path, name, public, at);
                    return at;
                }
            }
        }
    }

    fn add(&mut self, path: Vec<&'t str>, name: &'t str, public: bool, at: usize) {
        self.contents.imports.push(Import {
            path,
            name,
            public,
            depth: self.modules.len(),
            line: self.tokens.get(at).map_or(0, |token| token.line),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens;

    fn imports(text: &str) -> Vec<String> {
        let tokens = tokens::of_program(text);
        Contents::of(&tokens)
            .imports
            .iter()
            .map(|one| {
                let public = if one.public { "pub " } else { "" };
                format!("{public}{}={}@{}", one.path.join("::"), one.name, one.depth)
            })
            .collect()
    }

    fn mentions(text: &str) -> Vec<String> {
        let tokens = tokens::of_program(text);
        let contents = Contents::of(&tokens);
        let join = |one: &Mention<'_>| format!("{}@{}", one.path.join("::"), one.depth);
        contents.mentions.iter().map(join).collect()
    }

    #[test]
    fn reads_every_form_of_import() {
        assert_eq!(
            imports("use crate::a::{self, b::{C, D as E}, f::*}; pub use self::g::H; use I as _;"),
            [
                "crate::a=a@0",
                "crate::a::b::C=C@0",
                "crate::a::b::D=E@0",
                "crate::a::f=*@0",
                "pub self::g::H=H@0",
                "I=_@0",
            ]
        );
        assert_eq!(
            imports("mod a { pub(crate) use super::super::b; } use c;"),
            ["pub super::super::b=b@1", "c=c@0"]
        );
        assert_eq!(imports("fn a(b: &C) -> impl D + use<'_> { e }"), [""; 0]);
    }

    #[test]
    fn reads_paths_in_code() {
        assert_eq!(
            mentions("fn a() { super::b::c(); d::<crate::e::F>::g(); h.i::<J>(); <K as l::M>::n() } mod o { p::q!() }"),
            ["super::b::c@0", "d@0", "crate::e::F@0", "l::M@0", "p::q@1"]
        );
        assert_eq!(
            mentions("macro_rules! a { () => { $crate::b::c($d::e) } }"),
            ["crate::b::c@0"]
        );
        assert_eq!(mentions("#[derive(a::B)] struct C;"), [""; 0]);
    }

    #[test]
    fn finds_items_children_and_bare_files() {
        let tokens = tokens::of_program(
            "mod a; pub mod b { pub struct C; } fn d() { struct E; } impl F { fn g() {} } macro_rules! h { () => {} } const I: u8 = 1;",
        );
        let contents = Contents::of(&tokens);
        assert_eq!(contents.children, ["a"]);
        assert_eq!(contents.items, BTreeSet::from(["C", "I", "b", "d", "h"]));
        assert!(!contents.is_bare());
        for (text, bare) in [
            ("//! A\n#[cfg(b)]\nmod c;\npub(crate) mod d;\npub use c::{e, f};", true),
            ("mod a; type B = C;", false),
        ] {
            assert_eq!(Contents::of(&tokens::of_program(text)).is_bare(), bare, "{text}");
        }
    }
}
