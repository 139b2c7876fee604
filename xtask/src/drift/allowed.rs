//! The differences that are meant to be there, from `spec/allowed-drift.toml`.

use std::path::Path;

use serde::Deserialize;

use super::compare::Difference;

/// The list of allowances.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Allowed {
    #[serde(default)]
    allow: Vec<Rule>,
}

/// Allows the differences whose key fits the pattern.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    /// Whose definition differs.
    provider: String,
    /// Key of a difference, as printed up to the second colon; `*` stands for any characters.
    at: String,
    reason: String,
}

impl Allowed {
    /// The rules for one provider.
    pub(crate) fn load(path: &Path, provider: &str) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}"))?;
        Self::parse(&text, provider)
    }

    pub(crate) fn parse(text: &str, provider: &str) -> Result<Self, String> {
        let mut allowed: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        match allowed.allow.iter().find(|rule| rule.reason.trim().is_empty()) {
            Some(rule) => Err(format!("`{}` has no reason", rule.at)),
            None => {
                allowed.allow.retain(|rule| rule.provider == provider);
                Ok(allowed)
            }
        }
    }

    /// The differences that no rule allows, and the patterns of the rules that allow none.
    pub(crate) fn sort<'a>(&'a self, differences: &'a [Difference]) -> (Vec<&'a Difference>, Vec<&'a str>) {
        let mut used = vec![false; self.allow.len()];
        let mut unexpected = Vec::new();
        for difference in differences {
            let key = difference.key();
            let mut allowed = false;
            for (rule, used) in self.allow.iter().zip(&mut used) {
                if fits(&rule.at, &key) {
                    *used = true;
                    allowed = true;
                }
            }
            if !allowed {
                unexpected.push(difference);
            }
        }
        let unused = self
            .allow
            .iter()
            .zip(used)
            .filter(|(_, used)| !used)
            .map(|(rule, _)| rule.at.as_str())
            .collect();
        (unexpected, unused)
    }
}

/// Whether the text fits the pattern, in which `*` stands for any characters, also none.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(text) = text.strip_prefix(start) else {
        return false;
    };
    text.char_indices()
        .map(|(at, _)| at)
        .chain([text.len()])
        .any(|at| fits(rest, &text[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_characters() {
        for (pattern, text, want) in [
            ("GET /a: operation", "GET /a: operation", true),
            ("GET /a: operation", "GET /a/b: operation", false),
            ("* /a*: operation", "GET /a/b: operation", true),
            ("* /a*: operation", "GET /b/a: operation", false),
            ("* /a*: operation", "GET /a/b: default", false),
            ("*.x*: type", "POST /a request.x.x{}: type", true),
            ("*", "", true),
            ("a*", "ä", false),
            ("*ä", "aä", true),
        ] {
            assert_eq!(fits(pattern, text), want, "{pattern} on {text}");
        }
    }

    #[test]
    fn a_rule_needs_a_provider_and_a_reason_and_nothing_else() {
        assert!(Allowed::parse("", "p").is_ok());
        assert!(Allowed::parse("[[allow]]\nprovider = \"p\"\nat = \"x\"\nreason = \"y\"\n", "p").is_ok());
        for text in [
            "[[allow]]\nat = \"x\"\nreason = \"y\"\n",
            "[[allow]]\nprovider = \"p\"\nat = \"x\"\n",
            "[[allow]]\nprovider = \"p\"\nat = \"x\"\nreason = \" \"\n",
            "[[allow]]\nprovider = \"p\"\nat = \"x\"\nreason = \"y\"\nuntil = \"z\"\n",
            "[[allowed]]\nprovider = \"p\"\nat = \"x\"\nreason = \"y\"\n",
        ] {
            assert!(Allowed::parse(text, "p").is_err(), "{text}");
        }
    }

    #[test]
    fn sorts_out_what_is_allowed_and_what_is_unused() {
        let difference = |at: &str| Difference {
            at: at.to_owned(),
            aspect: "property".to_owned(),
            ours: "yes".to_owned(),
            theirs: "no".to_owned(),
        };
        let differences = [difference("a.b"), difference("a.c")];
        let allowed = Allowed::parse(
            "[[allow]]\nprovider = \"p\"\nat = \"*.c: property\"\nreason = \"r\"\n\
             [[allow]]\nprovider = \"p\"\nat = \"d\"\nreason = \"r\"\n\
             [[allow]]\nprovider = \"q\"\nat = \"e\"\nreason = \"r\"\n",
            "p",
        )
        .unwrap();
        assert_eq!(allowed.sort(&differences), (vec![&differences[0]], vec!["d"]));
    }
}
