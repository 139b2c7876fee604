//! The dependencies of the crates.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use super::fault::Fault;

/// Crates with the maximum number of crates in their dependency tree, including themselves.
const BUDGETS: &[(&str, usize)] = &[("assistants-types", 13), ("assistants-blocking", 70)];

/// Crates that no crate with a budget may depend on.
const RUNTIMES: &[&str] = &["tokio", "futures", "async-std", "smol", "hyper", "reqwest"];

/// A fault for each crate that exceeds its budget or depends on an async runtime.
pub(super) fn check(root: &Path) -> Result<Vec<Fault>, String> {
    let mut faults = Vec::new();
    for (name, budget) in BUDGETS {
        faults.extend(over_budget(name, *budget, &tree(root, name, &[])?));
        faults.extend(with_runtime(name, &tree(root, name, &["--all-features"])?));
    }
    Ok(faults)
}

/// Cargo's list of the crates needed at run time.
fn tree(root: &Path, name: &str, more: &[&str]) -> Result<String, String> {
    let arguments = [
        "tree",
        "--locked",
        "--package",
        name,
        "--edges",
        "normal",
        "--prefix",
        "none",
    ];
    let output = Command::new("cargo")
        .args(arguments)
        .args(more)
        .current_dir(root)
        .output()
        .map_err(|error| format!("cargo tree: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo tree: {}", String::from_utf8_lossy(&output.stderr)));
    }
    String::from_utf8(output.stdout).map_err(|error| format!("cargo tree: {error}"))
}

fn over_budget(name: &str, budget: usize, tree: &str) -> Option<Fault> {
    let count = crates(tree).len();
    (count > budget).then(|| {
        Fault::new(
            name,
            format!("depends on {count} crates, including itself; its budget is {budget}"),
        )
    })
}

fn with_runtime(name: &str, tree: &str) -> Vec<Fault> {
    let is_runtime = |(name, _): &(&str, &str)| {
        RUNTIMES.iter().any(|runtime| {
            name.strip_prefix(runtime)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        })
    };
    crates(tree)
        .into_iter()
        .filter(is_runtime)
        .map(|(runtime, _)| Fault::new(name, format!("depends on `{runtime}`, an async runtime")))
        .collect()
}

/// Name and version of each crate in the list.
fn crates(tree: &str) -> BTreeSet<(&str, &str)> {
    tree.lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(name, rest)| (name, rest.split(' ').next().unwrap_or_default()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "a v0.1.0 (/a)\nb v1.0.0\nc v1.0.0 (proc-macro)\nb v2.0.0\nb v1.0.0 (*)\n\nhyper-util v0.1.0\nhyperbole v1.0.0\n";

    #[test]
    fn each_version_of_a_crate_counts_once() {
        assert_eq!(over_budget("a", 6, TREE).map(|fault| fault.to_string()), None);
        assert_eq!(
            over_budget("a", 5, TREE).map(|fault| fault.to_string()).as_deref(),
            Some("a: depends on 6 crates, including itself; its budget is 5")
        );
    }

    #[test]
    fn a_runtime_is_recognized_by_its_family() {
        let faults: Vec<String> = with_runtime("a", TREE).iter().map(ToString::to_string).collect();
        assert_eq!(faults, ["a: depends on `hyper-util`, an async runtime"]);
    }
}
