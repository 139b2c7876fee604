//! Import cycles: no file may use another one that uses it, not even indirectly, because such files can only be
//! understood together.

use std::collections::{BTreeMap, BTreeSet};

use super::fault::Fault;
use super::modules::Crate;

/// The names that one file uses of another, by pair of files.
type Edges<'f> = BTreeMap<(&'f str, &'f str), BTreeSet<&'f str>>;

/// A cycle of more files than this is reported as its smallest parts.
const LARGE: usize = 8;

/// A fault for each cycle of the crate, with all of its steps.
///
/// Cycles between a file and the files of its folder are reported only if there are no others, because they would hide
/// those.
pub(super) fn check(read: &Crate<'_>) -> Vec<Fault> {
    let all = edges(read);
    let mut without_parents = all.clone();
    without_parents.retain(|(from, to), _| !is_parent(to, from));
    let faults = faults(&without_parents);
    if faults.is_empty() { self::faults(&all) } else { faults }
}

fn faults(edges: &Edges<'_>) -> Vec<Fault> {
    cycles(edges)
        .into_iter()
        .map(|cycle| {
            let inside = |(from, to): &(&str, &str)| cycle.contains(from) && cycle.contains(to);
            let all: Vec<_> = edges.iter().filter(|(ends, _)| inside(ends)).collect();
            // For a large cycle, the steps of its smallest parts: once these are fixed, most of it is gone.
            let short: Vec<_> = all.iter().filter(|(ends, _)| is_short(edges, ends)).copied().collect();
            let shown = if cycle.len() > LARGE && !short.is_empty() {
                short
            } else {
                all
            };
            let steps = shown.into_iter().map(|((from, to), names)| {
                let names: Vec<&str> = names.iter().copied().collect();
                format!("\n    {from} -> {to}: {}", names.join(", "))
            });
            let what = format!("import cycle of {} files{}", cycle.len(), steps.collect::<String>());
            Fault::new(cycle.first().copied().unwrap_or_default(), what)
        })
        .collect()
}

/// Whether the step is part of a cycle of two or three files.
fn is_short(edges: &Edges<'_>, (from, to): &(&str, &str)) -> bool {
    let is_step = |from: &str, to: &str| edges.contains_key(&(from, to));
    is_step(to, from) || edges.keys().any(|(start, end)| start == to && is_step(end, from))
}

/// Whether the file is that of a module around the other one.
fn is_parent(file: &str, other: &str) -> bool {
    let ends = ["mod.rs", "lib.rs", "main.rs"];
    let folder = match ends.iter().find_map(|name| file.strip_suffix(name)) {
        Some(folder) => folder.to_owned(),
        None => format!("{}/", file.trim_end_matches(".rs")),
    };
    other.starts_with(&folder)
}

/// A module that only declares and re-exports is ignored: a use through it is a use of the file that defines the name.
/// The files of a `generated` folder are treated as one, since they are generated from one document.
fn edges<'f>(read: &Crate<'f>) -> Edges<'f> {
    let mut edges = Edges::new();
    let name = |module: usize| {
        let path = read.modules[module].file.path.as_str();
        path.find("/generated/")
            .map_or(path, |at| &path[..at + "/generated".len()])
    };
    for one in read.uses() {
        let counts = !one.passed_on && !read.is_bare(one.from) && !read.is_bare(one.to);
        let (from, to) = (name(one.from), name(one.to));
        // A module is imported for its names, which are counted where they are used.
        if let Some(item) = one.item.filter(|_| counts && from != to) {
            edges.entry((from, to)).or_default().insert(item);
        }
    }
    edges
}

/// The sets of files in which each can reach every other.
fn cycles<'f>(edges: &Edges<'f>) -> Vec<BTreeSet<&'f str>> {
    let mut next: BTreeMap<&'f str, Vec<&'f str>> = BTreeMap::new();
    for (from, to) in edges.keys() {
        next.entry(*from).or_default().push(*to);
    }
    let reach = |start: &'f str| {
        let mut seen = BTreeSet::new();
        let mut open = vec![start];
        while let Some(file) = open.pop() {
            open.extend(next.get(file).into_iter().flatten().filter(|to| seen.insert(**to)));
        }
        seen
    };
    let reached: BTreeMap<&'f str, BTreeSet<&'f str>> = next.keys().map(|file| (*file, reach(file))).collect();
    let mut cycles: Vec<BTreeSet<&str>> = reached
        .iter()
        .filter(|(file, seen)| seen.contains(*file))
        .map(|(file, seen)| {
            let back = |other: &&&str| reached.get(**other).is_some_and(|seen| seen.contains(file));
            seen.iter().filter(back).copied().collect()
        })
        .collect();
    cycles.sort();
    cycles.dedup();
    cycles
}

#[cfg(test)]
mod tests {
    use super::super::files::files;
    use super::*;

    #[track_caller]
    fn check(texts: &[(&str, &str)], want: &[&str]) {
        let files = files(texts);
        let read = Crate::read(&files, "lib.rs").unwrap();
        let faults: Vec<String> = super::check(&read).iter().map(ToString::to_string).collect();
        assert_eq!(faults, want);
    }

    #[test]
    fn a_cycle_is_reported_with_its_steps() {
        check(
            &[
                ("lib.rs", "mod a; mod b; mod c; mod d;"),
                ("a.rs", "use crate::b::{B, b}; pub struct A;"),
                ("b.rs", "pub struct B; pub fn b() { crate::c::c() }"),
                ("c.rs", "use super::a; pub fn c() -> a::A {}"),
                ("d.rs", "use super::a::A;"),
            ],
            &["a.rs: import cycle of 3 files\n    a.rs -> b.rs: B, b\n    b.rs -> c.rs: c\n    c.rs -> a.rs: A"],
        );
    }

    #[test]
    fn a_module_that_only_re_exports_causes_no_cycle() {
        let a = ("a/a.rs", "pub struct A;");
        let b = ("a/b.rs", "use super::A; pub struct B;");
        check(
            &[
                ("lib.rs", "mod a;"),
                ("a/mod.rs", "mod a; mod b; pub use a::A; pub use b::B;"),
                a,
                b,
            ],
            &[],
        );
        check(
            &[
                ("lib.rs", "mod a;"),
                ("a/mod.rs", "mod a; mod b; use b::B; pub struct A; pub fn f(b: B) {}"),
                a,
                b,
            ],
            &["a/b.rs: import cycle of 2 files\n    a/b.rs -> a/mod.rs: A\n    a/mod.rs -> a/b.rs: B"],
        );
    }

    #[test]
    fn a_cycle_with_the_parent_module_is_reported_last() {
        let lib = ("lib.rs", "mod a;");
        let a = ("a/mod.rs", "mod b; mod c; pub struct A(b::B);");
        let b = ("a/b.rs", "pub struct B; impl super::A {} use super::c::C;");
        let with_parent = "a/b.rs: import cycle of 2 files\n    a/b.rs -> a/mod.rs: A\n    a/mod.rs -> a/b.rs: B";
        check(&[lib, a, b, ("a/c.rs", "pub struct C;")], &[with_parent]);
        let without = "a/b.rs: import cycle of 2 files\n    a/b.rs -> a/c.rs: C\n    a/c.rs -> a/b.rs: B";
        check(&[lib, a, b, ("a/c.rs", "use super::b::B; pub struct C;")], &[without]);
    }

    #[test]
    fn files_generated_from_one_document_count_as_one() {
        check(
            &[
                ("lib.rs", "mod generated; mod by_hand;"),
                ("src/generated/mod.rs", ""),
                ("generated/mod.rs", "mod a; mod b; pub use a::A; pub use b::B;"),
                ("generated/a.rs", "pub struct A(super::B);"),
                ("generated/b.rs", "pub struct B(super::A);"),
                ("by_hand.rs", "impl crate::generated::A {}"),
            ],
            &[
                "generated/a.rs: import cycle of 2 files\n    generated/a.rs -> generated/b.rs: B\n    generated/b.rs -> generated/a.rs: A",
            ],
        );
    }
}
