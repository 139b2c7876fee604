//! Checks of parameters outside the body.

use serde_json::{Value, json};

use super::violation::{Path, Violation};
use super::wording;

impl Violation {
    /// Reports that a parameter outside the body has an unknown value.
    pub(crate) fn invalid_value<'a>(param: &str, given: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let known: Vec<Value> = known.into_iter().map(Value::from).collect();
        wording::invalid_value(&given.into(), &known, &Path::Member(&Path::Body, param))
    }

    /// Checks that a parameter outside the body is an integer from `least` to `most`. `None` if it is.
    pub(crate) fn outside(param: &str, given: &str, least: i64, most: i64) -> Option<Self> {
        let path = Path::Member(&Path::Body, param);
        match given.parse::<i64>() {
            Err(_) => Some(wording::invalid_type(
                &[&json!({"type": "integer"})],
                &given.into(),
                &path,
            )),
            Ok(number) if number > most => Some(wording::above_maximum(&most.into(), &number.into(), true, &path)),
            Ok(number) if number < least => Some(wording::below_minimum(&least.into(), &number.into(), true, &path)),
            Ok(_) => None,
        }
    }
}
