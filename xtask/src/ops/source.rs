//! Finds the functions of a source file that use a constant, and the handlers mounted with it.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::tokens::{self, Function, Token, is_word};

/// The server's methods with an operation and its handler as arguments.
const MOUNTS: &[&str] = &["mount", "mount_form", "route"];

/// A source file, without comments, literals and tests.
#[derive(Debug)]
pub(crate) struct Source {
    /// The name of the module.
    pub(crate) name: String,
    tokens: Vec<String>,
    functions: Vec<Function>,
    /// The `impl` blocks without a trait.
    impls: Vec<Impl>,
}

#[derive(Debug)]
struct Impl {
    type_name: String,
    body: Range<usize>,
}

/// A method of the client that returns a handle.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Handle<'s> {
    pub(crate) method: &'s str,
    pub(crate) type_name: &'s str,
}

impl Source {
    pub(crate) fn parse(name: &str, text: &str) -> Self {
        let tokens = tokens::of_program(text);
        Self {
            name: name.to_owned(),
            functions: tokens::functions(&tokens),
            impls: impls(&tokens),
            tokens: tokens.iter().map(|token| token.text.to_owned()).collect(),
        }
    }

    /// The public methods of `&self` that return a type without parameters.
    pub(crate) fn handles<'s>(&'s self) -> Vec<Handle<'s>> {
        let handle = |function: &'s Function| {
            let end = function.body.start;
            let start = (0..end).rev().find(|at| self.tokens[*at] == "fn")?;
            let signature: Vec<&str> = self.tokens[start..end].iter().map(String::as_str).collect();
            let ["fn", method, "(", "&", "self", .., "-", ">", type_name] = signature[..] else {
                return None;
            };
            Some(Handle { method, type_name })
        };
        let public = self.functions.iter().filter(|function| function.public);
        public.filter_map(handle).collect()
    }

    /// The public methods of the type that use the constant: directly, through other functions of the file, or through
    /// the methods `known`, which may be in other files.
    pub(crate) fn methods_with(&self, type_name: &str, constant: &str, known: &[&str]) -> Vec<&str> {
        let mut users: BTreeSet<usize> = BTreeSet::new();
        loop {
            let names = users.iter().map(|user| self.functions[*user].name.as_str());
            let names: BTreeSet<&str> = names.chain(known.iter().copied()).collect();
            let more: BTreeSet<usize> = (0..self.functions.len())
                .filter(|number| {
                    let body = self.functions[*number].body.clone();
                    self.tokens[body.clone()].iter().any(|token| token == constant)
                        || body
                            .into_iter()
                            .any(|at| self.own_call(at).is_some_and(|name| names.contains(name)))
                })
                .collect();
            if more.len() == users.len() {
                break;
            }
            users = more;
        }
        let blocks = || self.impls.iter().filter(|block| block.type_name == type_name);
        let methods = users
            .into_iter()
            .map(|user| &self.functions[user])
            .filter(|function| function.public && blocks().any(|block| block.body.contains(&function.body.start)));
        methods.map(|function| function.name.as_str()).collect()
    }

    /// The handlers mounted with the constant, qualified with the name of this file if they are defined in it.
    pub(crate) fn handlers_of(&self, constant: &str) -> Vec<String> {
        let mut handlers = Vec::new();
        for at in (0..self.tokens.len()).filter(|at| self.tokens[*at] == constant) {
            let Some(open) = self.opening(at) else { continue };
            let mounts = open > 0 && MOUNTS.contains(&self.tokens[open - 1].as_str());
            let Some(comma) = (at..self.tokens.len()).find(|at| self.token(*at) == ",") else {
                continue;
            };
            // Between the constant and the comma, there can only be a member such as `.path`.
            let member = self.tokens[at + 1..comma]
                .iter()
                .all(|token| token == "." || is_word(token));
            if !(mounts && self.tokens[open] == "(" && member) {
                continue;
            }
            let argument = self.argument(comma + 1);
            let path = match &argument[..] {
                // `post(runs::create)` is a handler with its method.
                [_, "(", inner @ .., ")"] => inner,
                path => path,
            };
            if path.is_empty() || !path.iter().all(|token| *token == "::" || is_word(token)) {
                continue;
            }
            let handler = path.concat();
            handlers.push(if path.len() == 1 {
                format!("{}::{handler}", self.name)
            } else {
                handler
            });
        }
        handlers
    }

    /// The name of the function that is called here on `self`, on `Self` or without a path.
    fn own_call(&self, at: usize) -> Option<&str> {
        let name = self.token(at);
        let before = |distance: usize| at.checked_sub(distance).map_or("", |at| self.token(at));
        let own = match before(1) {
            "." => before(2) == "self",
            "::" => before(2) == "Self",
            word => word != "fn",
        };
        if own && self.token(at + 1) == "(" {
            Some(name)
        } else {
            None
        }
    }

    /// The index of the bracket that opens the one around the token.
    fn opening(&self, at: usize) -> Option<usize> {
        let mut depth = 0usize;
        for at in (0..at).rev() {
            match self.token(at) {
                ")" | "]" | "}" => depth += 1,
                "(" | "[" | "{" if depth == 0 => return Some(at),
                "(" | "[" | "{" => depth -= 1,
                _ => {}
            }
        }
        None
    }

    /// The tokens from here to the end of the argument.
    fn argument(&self, from: usize) -> Vec<&str> {
        let mut depth = 0usize;
        let mut argument = Vec::new();
        for at in from..self.tokens.len() {
            match self.token(at) {
                "," | ")" | "]" | "}" if depth == 0 => break,
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth -= 1,
                _ => {}
            }
            argument.push(self.token(at));
        }
        argument
    }

    fn token(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", String::as_str)
    }
}

/// The `impl` blocks without a trait, by the name of their type.
fn impls(tokens: &[Token<'_>]) -> Vec<Impl> {
    let mut impls = Vec::new();
    for start in (0..tokens.len()).filter(|at| tokens[*at].is("impl")) {
        let Some(open) = (start..tokens.len()).find(|at| tokens[*at].is("{") || tokens[*at].is(";")) else {
            break;
        };
        let header = &tokens[start + 1..open];
        // `impl Runs` or `impl Call<Run>`; what is generic belongs to no handle.
        if let Some(name) = header.first().filter(|name| name.is_word())
            && !header.iter().any(|token| token.is("for"))
        {
            impls.push(Impl {
                type_name: name.text.to_owned(),
                body: open..tokens::closing(tokens, open),
            });
        }
    }
    impls
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_users(text: &str, want: &[&str]) {
        let source = Source::parse("runs", &format!("impl Runs {{ {text} }}"));
        assert_eq!(source.methods_with("Runs", "CREATE_RUN", &[]), want, "{text}");
    }

    #[track_caller]
    fn check_handlers(text: &str, want: &[&str]) {
        assert_eq!(Source::parse("runs", text).handlers_of("CREATE_RUN"), want, "{text}");
    }

    #[test]
    fn finds_public_functions_that_mention_the_constant() {
        check_users("pub fn create() { call(op::CREATE_RUN) }", &["create"]);
        check_users("pub fn create() { call(operations::CREATE_RUN) }", &["create"]);
        check_users("pub fn create() { call(op::CREATE_RUN_STEP) }", &[]);
        check_users("pub(crate) fn create() { call(op::CREATE_RUN) }", &[]);
        check_users("fn create() { call(op::CREATE_RUN) }", &[]);
        check_users(
            "pub const fn create<const N: usize>(x: [u8; 3]) -> [u8; 2] { op::CREATE_RUN }",
            &["create"],
        );
        check_users(
            "pub fn a() {} pub fn b() { if x { op::CREATE_RUN } else {} } pub fn c() {}",
            &["b"],
        );
        check_users("use op::CREATE_RUN; pub fn a() {}", &[]);
    }

    #[test]
    fn finds_the_methods_of_a_type() {
        let text = "impl Runs { pub fn a() { b() } } fn b() { op::CREATE_RUN } impl Other { pub fn c() { b() } }
            impl From<Other> for Runs { fn d() { b() } } impl Runs { pub fn e(&self) { self.f() } }";
        let source = Source::parse("runs", text);
        assert_eq!(source.methods_with("Runs", "CREATE_RUN", &[]), ["a"]);
        assert_eq!(source.methods_with("Runs", "CREATE_RUN", &["f"]), ["a", "e"]);
    }

    #[test]
    fn a_handle_is_what_a_method_returns() {
        let text =
            "impl Client { pub fn runs(&self, thread: impl IdOf<Thread>) -> Runs { x } fn own(&self) -> Own { x }
            pub fn builder() -> Builder { x } pub fn call(&self) -> Call<T> { x } }";
        let runs = Handle {
            method: "runs",
            type_name: "Runs",
        };
        assert_eq!(Source::parse("handles", text).handles(), [runs]);
    }

    #[test]
    fn follows_calls_inside_the_file() {
        check_users(
            "pub fn a(&self) { self.b() } fn b(&self) { self.c(1) } fn c() { op::CREATE_RUN }",
            &["a"],
        );
        check_users("pub fn a() { Self::b() } fn b() { op::CREATE_RUN }", &["a"]);
        check_users("pub fn a() { b() } fn b() { op::CREATE_RUN }", &["a"]);
        check_users(
            "pub fn create() { op::CREATE_RUN } pub fn stream(&self) { S::new(self.create()) }",
            &["create", "stream"],
        );
        check_users("pub fn a() { self.client.b() } fn b() { op::CREATE_RUN }", &[]);
        check_users("pub fn a() { Other::b() } fn b() { op::CREATE_RUN }", &[]);
        check_users("pub fn a() { b } fn b() { op::CREATE_RUN }", &[]);
    }

    #[test]
    fn ignores_comments_literals_and_tests() {
        check_users(
            "/// op::CREATE_RUN\npub fn a() { /* op::CREATE_RUN /* */ op::CREATE_RUN */ }",
            &[],
        );
        check_users(
            r##"pub fn a() { "op::CREATE_RUN \" CREATE_RUN"; r#" " CREATE_RUN "#; b"CREATE_RUN" }"##,
            &[],
        );
        check_users(
            "pub fn a<'a>(x: &'a str) { '\\''; '{'; 'x' } pub fn b() { op::CREATE_RUN }",
            &["b"],
        );
        check_users(
            "#[cfg(test)] mod tests { pub fn a() { op::CREATE_RUN } } pub fn b() {}",
            &[],
        );
        check_handlers(
            "#[cfg(test)]\nmod tests { fn a() { x.mount(&op::CREATE_RUN, fake) } }",
            &[],
        );
        check_handlers("// .mount(&op::CREATE_RUN, runs::create)", &[]);
    }

    #[test]
    fn finds_the_handler_of_a_mounted_constant() {
        check_handlers("fn r() { x.mount(&op::CREATE_RUN, runs::create) }", &["runs::create"]);
        check_handlers(
            "fn r() { x.mount(op::CREATE_RUN, create).mount(op::LIST_RUNS, list) }",
            &["runs::create"],
        );
        check_handlers(
            "fn r() { x\n.route(\nop::CREATE_RUN.path,\npost(runs::create),\n) }",
            &["runs::create"],
        );
        check_handlers(
            "fn r() { mount(operations::CREATE_RUN, super::runs::create, true) }",
            &["super::runs::create"],
        );
        check_handlers(
            "fn r() { x.mount_form(&op::CREATE_RUN, runs::create, FORM, |_| Ok(())) }",
            &["runs::create"],
        );
        check_handlers("fn r() { x.mount(&op::LIST_RUNS, CREATE_RUN) }", &[]);
        check_handlers("fn r() { check(&op::CREATE_RUN, body) }", &[]);
        check_handlers("fn r() { x.mount(&op::CREATE_RUN) }", &[]);
        check_handlers("fn r() { x.mount(&op::CREATE_RUN, |s| s) }", &[]);
        check_handlers("use op::{CREATE_RUN, LIST_RUNS};", &[]);
    }
}
