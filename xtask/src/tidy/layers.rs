//! Dependencies between folders that are not permitted.

use super::fault::Fault;
use super::modules::Crate;

/// A folder of a crate, and what its files must not use.
struct Rule {
    /// The sources of the crate.
    of: &'static str,
    folder: &'static str,
    /// A folder of the same crate, or a module of another one.
    without: &'static str,
}

const TYPES: &str = "crates/assistants-types/src/";
const CLIENT: &str = "crates/assistants-blocking/src/";
const SERVER: &str = "crates/assistants-local/src/";

const fn rule(of: &'static str, folder: &'static str, without: &'static str) -> Rule {
    Rule { of, folder, without }
}

const RULES: &[Rule] = &[
    rule(TYPES, "openai/", "yandex/"),
    rule(TYPES, "yandex/", "openai/"),
    rule(TYPES, "openai/", "chat/"),
    rule(CLIENT, "openai/", "yandex/"),
    rule(CLIENT, "yandex/", "openai/"),
    rule(SERVER, "openai/", "yandex/"),
    rule(SERVER, "yandex/", "openai/"),
    rule(SERVER, "storage/", "engine/"),
    rule(SERVER, "storage/", "http/"),
    rule(SERVER, "engine/", "http/"),
    rule(SERVER, "engine/", "openai/"),
    rule(SERVER, "engine/", "yandex/"),
    rule(SERVER, "http/", "engine/"),
    rule(SERVER, "http/", "openai/"),
    rule(SERVER, "http/", "yandex/"),
    rule(SERVER, "http/", "assistants_types::"),
];

/// A fault for each use that violates a rule.
pub(super) fn check(read: &Crate<'_>) -> Vec<Fault> {
    check_rules(read, RULES)
}

fn check_rules(read: &Crate<'_>, rules: &[Rule]) -> Vec<Fault> {
    let path = |module: usize| read.modules[module].file.path.as_str();
    let in_folder =
        |path: &str, of: &str, folder: &str| path.strip_prefix(of).is_some_and(|path| path.starts_with(folder));
    let mut faults = Vec::new();
    for rule in rules {
        for one in read.uses() {
            if in_folder(path(one.from), rule.of, rule.folder) && in_folder(path(one.to), rule.of, rule.without) {
                let item = one.item.unwrap_or("the module");
                let what = format!(
                    "{} must not use {}: {item} of {}",
                    rule.folder,
                    rule.without,
                    path(one.to)
                );
                faults.push(Fault::at_line(path(one.from), one.line, what));
            }
        }
        for (file, foreign, line) in read.foreign() {
            let name = foreign.join("::");
            if in_folder(&file.path, rule.of, rule.folder) && name.starts_with(rule.without) {
                let what = format!("{} must not use {}: {name}", rule.folder, rule.without);
                faults.push(Fault::at_line(&file.path, line, what));
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::super::files::files;
    use super::*;

    #[test]
    fn a_forbidden_use_is_a_fault() {
        let files = files(&[
            ("s/lib.rs", "mod a; mod b; mod c; pub use b::B;"),
            ("s/a/mod.rs", "mod d;"),
            ("s/a/d.rs", "use crate::c::C;\nuse types::x::Y;\nfn d(_: crate::B) {}"),
            ("s/b.rs", "pub struct B;"),
            ("s/c.rs", "pub struct C; use crate::a;"),
        ]);
        let read = Crate::read(&files, "s/lib.rs").unwrap();
        let rules = [
            rule("s/", "a/", "b"),
            rule("s/", "a/", "types::"),
            rule("t/", "a/", "c"),
        ];
        let faults: Vec<String> = check_rules(&read, &rules).iter().map(ToString::to_string).collect();
        assert_eq!(
            faults,
            [
                "s/a/d.rs:3: a/ must not use b: B of s/b.rs",
                "s/a/d.rs:2: a/ must not use types::: types::x::Y"
            ]
        );
    }
}
