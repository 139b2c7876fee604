//! Module docs, and file names in ARCHITECTURE.md.

use super::fault::Fault;
use super::files::File;

/// Extensions that identify a word in backticks as a file name.
const ENDINGS: &[&str] = &[".rs", ".yaml", ".toml", ".md", ".json", ".sh"];

/// A fault if a module has no doc comment.
pub(super) fn module_doc(file: &File) -> Option<Fault> {
    let first = file.text.lines().map(str::trim).find(|line| {
        let other = line.is_empty() || line.starts_with("#![") || line.starts_with("//") && !line.starts_with("//!");
        !other
    });
    let has_doc = first.is_some_and(|line| line.starts_with("//!") || line.starts_with("/*!"));
    (!has_doc && !file.is_generated()).then(|| Fault::new(&file.path, "has no module doc comment (`//!`)".to_owned()))
}

/// A fault for each file and folder that the document names in backticks but that does not exist.
pub(super) fn file_names(document: &str, text: &str, files: &[File]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut in_block = false;
    for (number, line) in text.lines().enumerate() {
        if line.starts_with("```") {
            in_block = !in_block;
        }
        if in_block {
            continue;
        }
        for word in line.split('`').skip(1).step_by(2).filter(|word| is_file_name(word)) {
            if !files.iter().any(|file| names(word, &file.path)) {
                faults.push(Fault::at_line(document, number + 1, format!("there is no `{word}`")));
            }
        }
    }
    faults
}

fn is_file_name(word: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/*<>".contains(c);
    let like_a_path =
        word.contains('/') && !word.starts_with('/') || ENDINGS.iter().any(|ending| word.ends_with(ending));
    like_a_path && word.chars().all(plain)
}

/// Whether the name refers to the file or to a folder around it. Leading folders may be omitted; `*` matches part of a
/// segment, `<…>` a whole one.
fn names(name: &str, path: &str) -> bool {
    let (name, folder) = name.strip_suffix('/').map_or((name, false), |name| (name, true));
    let want: Vec<&str> = name.split('/').collect();
    let have: Vec<&str> = path.split('/').collect();
    let mut runs = have.windows(want.len()).enumerate();
    runs.any(|(at, run)| {
        let last = at + want.len() == have.len();
        !(last && folder) && want.iter().zip(run).all(|(want, have)| fits(want, have))
    })
}

fn fits(want: &str, have: &str) -> bool {
    let star = want.split_once('*');
    let name = || {
        let (start, rest) = want.split_once('<')?;
        Some((start, rest.split_once('>')?.1))
    };
    let Some((start, rest)) = star.or_else(name) else {
        return want == have;
    };
    have.strip_prefix(start)
        .is_some_and(|have| rest.is_empty() || have.char_indices().any(|(at, _)| fits(rest, &have[at..])))
}

#[cfg(test)]
mod tests {
    use super::super::files::files;
    use super::*;

    #[test]
    fn every_module_has_docs() {
        for (text, want) in [
            ("//! A.\n", true),
            ("// @generated\n\n#![forbid(unsafe_code)]\n//! A.\n", true),
            ("use a;\n//! A.\n", false),
            ("/// A.\nstruct B;\n", false),
            ("", false),
        ] {
            let files = files(&[("a.rs", text)]);
            assert_eq!(module_doc(&files[0]).is_none(), want, "{text:?}");
        }
    }

    #[test]
    fn every_named_file_exists() {
        let files = files(&[
            ("crates/a/src/openai/runs.rs", ""),
            ("spec/b.yaml", ""),
            (".ci/run", ""),
        ]);
        let check = |text: &str| -> Vec<String> {
            let faults = file_names("A.md", text, &files);
            faults.iter().map(ToString::to_string).collect()
        };
        for text in [
            "`runs.rs` `openai/runs.rs` `openai/<resource>.rs` `openai/` `crates/a` `src/` `spec/*.yaml` `.ci/run`",
            "`/v1/runs` `a::b` `x` `cargo xtask ops`",
            "```\n`none.rs`\n```\n",
        ] {
            assert_eq!(check(text), [""; 0], "{text}");
        }
        assert_eq!(
            check("`a`\n`run.rs` or `yandex/` or `runs.rs/` or `ai/runs.rs`"),
            [
                "A.md:2: there is no `run.rs`",
                "A.md:2: there is no `yandex/`",
                "A.md:2: there is no `runs.rs/`",
                "A.md:2: there is no `ai/runs.rs`",
            ]
        );
    }
}
