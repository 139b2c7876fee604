//! Intended violations, from `xtask/tidy.toml`.

use serde::Deserialize;

use super::fault::Fault;

/// The list of rules.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Allowed {
    #[serde(default)]
    allow: Vec<Allowance>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Allowance {
    /// The file, or the function in it, as named by faults.
    at: String,
    reason: String,
}

impl Allowed {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let allowed: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        match allowed.allow.iter().find(|one| one.reason.trim().is_empty()) {
            Some(one) => Err(format!("`{}` has no reason", one.at)),
            None => Ok(allowed),
        }
    }

    /// The faults that are not allowed, and a fault for each unused rule.
    pub(super) fn judge(&self, document: &str, mut faults: Vec<Fault>) -> Vec<Fault> {
        for one in &self.allow {
            let before = faults.len();
            faults.retain(|fault| fault.at != one.at);
            if faults.len() == before {
                faults.push(Fault::new(document, format!("`{}` matches nothing: delete it", one.at)));
            }
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_has_a_reason_and_is_used() {
        let text = "[[allow]]\nat = \"a.rs: fn b\"\nreason = \"a table\"\n[[allow]]\nat = \"c.rs\"\nreason = \"d\"\n";
        let faults = vec![
            Fault::new("a.rs: fn b", "61 lines".to_owned()),
            Fault::new("a.rs", "451 lines".to_owned()),
        ];
        let judged: Vec<String> = Allowed::parse(text)
            .unwrap()
            .judge("e.toml", faults)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(judged, ["a.rs: 451 lines", "e.toml: `c.rs` matches nothing: delete it"]);
        assert!(Allowed::parse("[[allow]]\nat = \"a\"\nreason = \" \"\n").is_err());
    }
}
