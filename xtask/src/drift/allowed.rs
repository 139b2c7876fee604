//! Intended differences, from `spec/allowed-drift.toml`.

use std::path::Path;

use serde::Deserialize;

use super::compare::Difference;

/// The list of rules.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Allowed {
    #[serde(default)]
    allow: Vec<Rule>,
}

/// Allows the differences whose key matches the pattern.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    /// The provider whose definition differs.
    provider: String,
    /// Key of a difference, as printed up to the second colon; `*` matches any characters of the position. The aspect
    /// is written out, so that a rule does not allow other kinds of differences.
    at: String,
    /// For differences of the kind `value`, the values that only one side lists; a value added later is a new
    /// difference.
    #[serde(default)]
    values: Vec<String>,
    reason: String,
}

impl Rule {
    /// What is wrong with the rule itself.
    fn fault(&self) -> Option<String> {
        let aspect = self.at.rsplit_once(": ").map(|(_, aspect)| aspect);
        if self.reason.trim().is_empty() {
            Some(format!("`{}` has no reason", self.at))
        } else if aspect.is_none_or(|aspect| aspect.contains('*')) {
            Some(format!("`{}` does not name what differs", self.at))
        } else if (aspect == Some("value")) == self.values.is_empty() {
            Some(format!(
                "`{}`: `values` is required for differences of the kind `value`, and not allowed for others",
                self.at
            ))
        } else {
            None
        }
    }

    /// All patterns that the rule expands to.
    fn patterns(&self) -> impl Iterator<Item = String> {
        let whole = self.values.is_empty().then(|| self.at.clone());
        let each = self.values.iter().map(|value| format!("{} {value}", self.at));
        whole.into_iter().chain(each)
    }
}

impl Allowed {
    /// Loads the rules for one provider.
    pub(crate) fn load(path: &Path, provider: &str) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}"))?;
        Self::parse(&text, provider)
    }

    pub(crate) fn parse(text: &str, provider: &str) -> Result<Self, String> {
        let mut allowed: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        match allowed.allow.iter().find_map(Rule::fault) {
            Some(fault) => Err(fault),
            None => {
                allowed.allow.retain(|rule| rule.provider == provider);
                Ok(allowed)
            }
        }
    }

    /// The differences that no rule allows, and the patterns of unused rules.
    pub(crate) fn sort<'a>(&self, differences: &'a [Difference]) -> (Vec<&'a Difference>, Vec<String>) {
        let mut patterns: Vec<(String, bool)> = self
            .allow
            .iter()
            .flat_map(Rule::patterns)
            .map(|pattern| (pattern, false))
            .collect();
        let mut unexpected = Vec::new();
        for difference in differences {
            let key = difference.key();
            let mut allowed = false;
            for (pattern, used) in &mut patterns {
                if fits(pattern, &key) {
                    *used = true;
                    allowed = true;
                }
            }
            if !allowed {
                unexpected.push(difference);
            }
        }
        let unused = patterns.into_iter().filter(|(_, used)| !used);
        (unexpected, unused.map(|(pattern, _)| pattern).collect())
    }
}

/// Whether the text matches the pattern, in which `*` matches any characters, including none.
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
    fn a_star_matches_any_characters() {
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
        let rule = |rest: &str| Allowed::parse(&format!("[[allow]]\nprovider = \"p\"\n{rest}\n"), "p");
        assert!(rule("at = \"*x: y\"\nreason = \"y\"").is_ok());
        assert!(rule("at = \"x: value\"\nvalues = [\"v\"]\nreason = \"y\"").is_ok());
        for text in [
            "at = \"x\"\nreason = \"y\"",
            "at = \"x: *\"\nreason = \"y\"",
            "at = \"x: value *\"\nreason = \"y\"",
            "at = \"x: value\"\nreason = \"y\"",
            "at = \"x: y\"\nvalues = [\"v\"]\nreason = \"y\"",
            "at = \"x: y\"\nreason = \" \"",
            "at = \"x: y\"\nreason = \"y\"\nuntil = \"z\"",
        ] {
            assert!(rule(text).is_err(), "{text}");
        }
        for text in [
            "[[allow]]\nat = \"x: y\"\nreason = \"y\"\n",
            "[[allow]]\nprovider = \"p\"\nat = \"x: y\"\n",
            "[[allowed]]\nprovider = \"p\"\nat = \"x: y\"\nreason = \"y\"\n",
        ] {
            assert!(Allowed::parse(text, "p").is_err(), "{text}");
        }
    }

    #[test]
    fn separates_allowed_differences_and_unused_rules() {
        let difference = |at: &str, aspect: &str| Difference {
            at: at.to_owned(),
            aspect: aspect.to_owned(),
            ours: "yes".to_owned(),
            theirs: "no".to_owned(),
        };
        let differences = [
            difference("a.b", "property"),
            difference("a.c", "property"),
            difference("a.c", "value old"),
            difference("a.c", "value new"),
        ];
        let allowed = Allowed::parse(
            "[[allow]]\nprovider = \"p\"\nat = \"*.c: property\"\nreason = \"r\"\n\
             [[allow]]\nprovider = \"p\"\nat = \"*.c: value\"\nvalues = [\"old\", \"gone\"]\nreason = \"r\"\n\
             [[allow]]\nprovider = \"p\"\nat = \"d: property\"\nreason = \"r\"\n\
             [[allow]]\nprovider = \"q\"\nat = \"e: property\"\nreason = \"r\"\n",
            "p",
        )
        .unwrap();
        let unused = ["*.c: value gone", "d: property"].map(str::to_owned).to_vec();
        assert_eq!(
            allowed.sort(&differences),
            (vec![&differences[0], &differences[3]], unused)
        );
    }
}
