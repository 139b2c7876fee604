//! The modules of a crate, and what they use of each other.

use std::collections::{BTreeMap, BTreeSet};

use super::contents::Contents;
use super::fault::Fault;
use super::files::File;
use crate::tokens;

/// Maximum number of re-exports that a name is followed through.
const MAX_HOPS: usize = 32;

/// A crate as modules in files, excluding files that are compiled only for tests.
#[derive(Debug)]
pub(super) struct Crate<'f> {
    pub(super) modules: Vec<Module<'f>>,
    /// The modules without a file of their name.
    pub(super) missing: Vec<Fault>,
}

#[derive(Debug)]
pub(super) struct Module<'f> {
    pub(super) file: &'f File,
    parent: usize,
    children: BTreeMap<&'f str, usize>,
    contents: Contents<'f>,
}

/// A name of one file that is used by another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Use<'f> {
    pub(super) from: usize,
    pub(super) to: usize,
    /// `None` for the module itself.
    pub(super) item: Option<&'f str>,
    /// Whether the name is only re-exported.
    pub(super) passed_on: bool,
    pub(super) line: usize,
}

/// The target of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Target<'f> {
    module: usize,
    item: Option<&'f str>,
}

impl<'f> Crate<'f> {
    /// Reads the crate with the root file `path`.
    pub(super) fn read(files: &'f [File], path: &str) -> Result<Self, String> {
        let mut read = Self {
            modules: Vec::new(),
            missing: Vec::new(),
        };
        let root = files.iter().find(|file| file.path == path);
        read.add(files, root.ok_or_else(|| format!("{path}: is missing"))?, 0);
        Ok(read)
    }

    fn add(&mut self, files: &'f [File], file: &'f File, parent: usize) -> usize {
        let number = self.modules.len();
        let contents = Contents::of(&tokens::of_program(&file.text));
        let children = contents.children.clone();
        self.modules.push(Module {
            file,
            parent,
            children: BTreeMap::new(),
            contents,
        });
        let folder = child_folder(&file.path);
        for name in children {
            let paths = [format!("{folder}{name}.rs"), format!("{folder}{name}/mod.rs")];
            let Some(child) = files.iter().find(|file| paths.contains(&file.path)) else {
                let what = format!("the module `{name}` has no file of that name");
                self.missing.push(Fault::new(&file.path, what));
                continue;
            };
            let child = self.add(files, child, number);
            self.modules[number].children.insert(name, child);
        }
        number
    }

    /// Whether the module only declares and re-exports.
    pub(super) fn is_bare(&self, module: usize) -> bool {
        self.modules[module].contents.is_bare()
    }

    /// Everything that a file uses of others.
    pub(super) fn uses(&self) -> BTreeSet<Use<'f>> {
        let mut uses = BTreeSet::new();
        for from in 0..self.modules.len() {
            let contents = &self.modules[from].contents;
            let mut add = |path: &[&'f str], depth: usize, passed_on: bool, line: usize| {
                if let Some(to) = self.resolve(from, depth, path, 0)
                    && to.module != from
                {
                    uses.insert(Use {
                        from,
                        to: to.module,
                        item: to.item,
                        passed_on,
                        line,
                    });
                }
            };
            for import in &contents.imports {
                let passed_on = import.public && !contents.words.contains(import.name);
                if import.name != "*" {
                    add(&import.path, import.depth, passed_on, import.line);
                    continue;
                }
                // If a whole module is imported: the types that the code names.
                for word in &contents.words {
                    if word.starts_with(|c: char| c.is_uppercase()) {
                        let path: Vec<&str> = import.path.iter().copied().chain([*word]).collect();
                        if self
                            .resolve(from, import.depth, &path, 0)
                            .is_some_and(|to| to.item.is_some())
                        {
                            add(&path, import.depth, false, import.line);
                        }
                    }
                }
            }
            for mention in &contents.mentions {
                add(&mention.path, mention.depth, false, mention.line);
            }
        }
        uses
    }

    /// The paths into other crates: file, path and line.
    pub(super) fn foreign(&self) -> impl Iterator<Item = (&'f File, &[&'f str], usize)> {
        self.modules.iter().enumerate().flat_map(move |(from, module)| {
            let imports = module.contents.imports.iter();
            let mentions = module.contents.mentions.iter();
            imports
                .map(|one| (&one.path[..], one.depth, one.line))
                .chain(mentions.map(|one| (&one.path[..], one.depth, one.line)))
                .filter(move |(path, depth, _)| self.resolve(from, *depth, path, 0).is_none())
                .map(move |(path, _, line)| (module.file, path, line))
        })
    }

    /// Resolves a path in a module; `None` if it is outside this crate. `depth` is the number of inline modules around
    /// it.
    fn resolve(&self, from: usize, depth: usize, path: &[&'f str], hops: usize) -> Option<Target<'f>> {
        let supers = path.iter().take_while(|segment| **segment == "super").count();
        match path {
            ["crate", rest @ ..] => self.below(0, rest, hops),
            ["self", rest @ ..] => self.below(from, rest, hops),
            ["super", ..] => {
                let up = supers.saturating_sub(depth);
                let module = (0..up).fold(from, |module, _| self.modules[module].parent);
                self.below(module, &path[supers..], hops)
            }
            [first, ..] if self.has(from, first) => self.below(from, path, hops),
            _ => None,
        }
    }

    /// Whether the file of the module defines the name.
    fn has(&self, module: usize, name: &str) -> bool {
        let Module { children, contents, .. } = &self.modules[module];
        children.contains_key(name)
            || contents.items.contains(name)
            || contents.imports.iter().any(|import| import.name == name)
    }

    /// Resolves a path relative to the module.
    fn below(&self, module: usize, path: &[&'f str], hops: usize) -> Option<Target<'f>> {
        let [name, rest @ ..] = path else {
            return Some(Target { module, item: None });
        };
        let Module { children, contents, .. } = &self.modules[module];
        if let Some(child) = children.get(name) {
            return self.below(*child, rest, hops);
        }
        let here = Target {
            module,
            item: Some(name),
        };
        if contents.items.contains(name) || hops > MAX_HOPS {
            return Some(here);
        }
        if let Some(import) = contents.imports.iter().find(|import| import.name == *name) {
            if import.path.first() == Some(name) {
                return None; // Another crate of that name.
            }
            let target = self.resolve(module, import.depth, &import.path, hops + 1)?;
            return match target.item {
                None => self.below(target.module, rest, hops + 1),
                Some(_) => Some(target),
            };
        }
        contents
            .imports
            .iter()
            .filter(|import| import.name == "*")
            .filter_map(|import| self.resolve(module, import.depth, &import.path, hops + 1))
            .filter(|target| target.item.is_none() && target.module != module)
            .find_map(|target| self.defines(target.module, name, hops + 1))
            .or(Some(here))
    }

    /// The file that defines a name imported by a glob import of the module.
    fn defines(&self, module: usize, name: &'f str, hops: usize) -> Option<Target<'f>> {
        let target = self.below(module, &[name], hops)?;
        let real = |target: &Target<'f>| {
            let item = target
                .item
                .is_none_or(|item| self.modules[target.module].contents.items.contains(item));
            item || target.module != module
        };
        Some(target).filter(real)
    }
}

/// The folder with the files of a file's child modules, with a slash unless it is empty.
fn child_folder(path: &str) -> String {
    let (folder, name) = path.split_at(path.rfind('/').map_or(0, |slash| slash + 1));
    match name {
        "mod.rs" | "lib.rs" | "main.rs" => folder.to_owned(),
        name => format!("{folder}{}/", name.trim_end_matches(".rs")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::files::files;
    use super::*;

    #[track_caller]
    fn check(texts: &[(&str, &str)], want: &[&str]) {
        let files = files(texts);
        let read = Crate::read(&files, "lib.rs").unwrap();
        let name = |module: usize| read.modules[module].file.path.as_str();
        let uses: BTreeSet<String> = read
            .uses()
            .into_iter()
            .map(|one| {
                let how = if one.passed_on { "=>" } else { "->" };
                format!("{} {how} {}: {}", name(one.from), name(one.to), one.item.unwrap_or("-"))
            })
            .collect();
        assert_eq!(uses.iter().map(String::as_str).collect::<Vec<_>>(), want);
    }

    #[test]
    fn names_are_followed_to_the_file_that_defines_them() {
        check(
            &[
                ("lib.rs", "mod a; mod b; pub use a::C;"),
                ("a/mod.rs", "mod c; mod d; pub use c::*; pub(crate) use d::{D, d as e};"),
                ("a/c.rs", "pub struct C;"),
                ("a/d.rs", "pub struct D; pub fn d() {} fn f(_: super::C) {}"),
                ("b.rs", "use crate::{C, a}; fn g() { a::e(a::D); a::c::C; std::h() }"),
            ],
            &[
                "a/d.rs -> a/c.rs: C",
                "a/mod.rs => a/d.rs: D",
                "a/mod.rs => a/d.rs: d",
                "b.rs -> a/c.rs: C",
                "b.rs -> a/d.rs: D",
                "b.rs -> a/d.rs: d",
                "b.rs -> a/mod.rs: -",
                "lib.rs => a/c.rs: C",
            ],
        );
    }

    #[test]
    fn ignores_uses_in_tests() {
        check(
            &[
                ("lib.rs", "mod a; mod b;"),
                (
                    "a.rs",
                    "#[cfg(test)] use crate::b::B; #[cfg(test)] mod tests { use crate::b::B; } #[cfg(test)] mod c;",
                ),
                ("b.rs", "pub struct B;"),
            ],
            &[],
        );
    }

    #[test]
    fn inline_modules_belong_to_their_file() {
        check(
            &[
                ("lib.rs", "mod a; mod b;"),
                ("a.rs", "mod c { use super::D; use super::super::b::B; } struct D;"),
                ("b.rs", "pub struct B; fn e() { crate::a::c::F }"),
            ],
            &["a.rs -> b.rs: B", "b.rs -> a.rs: c"],
        );
    }

    #[test]
    fn a_module_without_a_file_is_a_fault() {
        let files = files(&[("lib.rs", "#[path = \"b.rs\"]\nmod a;"), ("b.rs", "")]);
        let missing = Crate::read(&files, "lib.rs").unwrap().missing;
        assert_eq!(
            missing,
            [Fault::new(
                "lib.rs",
                "the module `a` has no file of that name".to_owned()
            )]
        );
    }
}
