//! Maximum lengths of files and functions, without test code.

use std::collections::BTreeSet;

use super::fault::Fault;
use super::modules::Crate;
use crate::tokens;

/// Lines of code; comments and blank lines are not counted.
const FILE: usize = 450;
/// Lines from the name to the closing brace.
const FUNCTION: usize = 60;

/// A fault for each file and each function that is too long.
pub(super) fn check(read: &Crate<'_>) -> Vec<Fault> {
    let by_hand = read
        .modules
        .iter()
        .map(|module| module.file)
        .filter(|file| !file.is_generated());
    by_hand.flat_map(|file| check_file(&file.path, &file.text)).collect()
}

fn check_file(path: &str, text: &str) -> Vec<Fault> {
    let tokens = tokens::of_program(text);
    let lines: BTreeSet<usize> = tokens.iter().map(|token| token.line).collect();
    let mut faults = Vec::new();
    if lines.len() > FILE {
        faults.push(Fault::new(
            path,
            format!("{} lines of code; the limit is {FILE}", lines.len()),
        ));
    }
    for function in tokens::functions(&tokens) {
        let lines = function.lines.count();
        if lines > FUNCTION {
            let what = format!("{lines} lines; the limit is {FUNCTION}");
            faults.push(Fault::new(&format!("{path}: fn {}", function.name), what));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Vec<String> {
        check_file("a.rs", text).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn counts_the_lines_of_code() {
        assert_eq!(check(&"use a;\n".repeat(450)), [""; 0]);
        assert_eq!(
            check(&"use a;\n".repeat(451)),
            ["a.rs: 451 lines of code; the limit is 450"]
        );
        assert_eq!(check(&"/// a\n\n".repeat(451)), [""; 0]);
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "use a;\n".repeat(451));
        assert_eq!(check(&tests), [""; 0]);
    }

    #[test]
    fn counts_the_lines_of_functions() {
        let function = |lines: usize| format!("fn a() {{\n{}}}\n", "// b\n".repeat(lines - 2));
        assert_eq!(check(&function(60)), [""; 0]);
        assert_eq!(check(&function(61)), ["a.rs: fn a: 61 lines; the limit is 60"]);
    }
}
