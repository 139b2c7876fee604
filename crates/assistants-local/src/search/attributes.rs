//! Evaluates filters on the attributes of files.

use assistants_types::openai::{
    AttributeValue, Attributes, ComparisonFilter, ComparisonOperator, ComparisonValue, CompoundOperator, Filter,
    ListedValue,
};

/// The maximum nesting depth of a filter.
const MAX_DEPTH: usize = 16;

/// Checks a filter, and describes what is wrong with it.
pub(crate) fn check_filter(filter: &Filter) -> Result<(), String> {
    check(filter, MAX_DEPTH)
}

fn check(filter: &Filter, depth: usize) -> Result<(), String> {
    match filter {
        Filter::ComparisonFilter(comparison) => {
            let is_list = matches!(comparison.value, ComparisonValue::List(_));
            match comparison.type_ {
                ComparisonOperator::In | ComparisonOperator::NotIn if !is_list => Err(format!(
                    "'{}' must compare '{}' with a list",
                    comparison.type_, comparison.key
                )),
                ComparisonOperator::In | ComparisonOperator::NotIn => Ok(()),
                _ if is_list => Err(format!("'{}' cannot compare with a list", comparison.type_)),
                _ => Ok(()),
            }
        }
        Filter::CompoundFilter(_) if depth == 0 => Err(format!("it is nested more than {MAX_DEPTH} deep")),
        Filter::CompoundFilter(compound) => compound.filters.iter().try_for_each(|one| check(one, depth - 1)),
        _ => Err("its type is unknown".to_owned()),
    }
}

/// Returns whether attributes match a filter. A comparison with an attribute that is missing or of another type is
/// false, except for `ne` and `nin`, which are then true.
pub(crate) fn passes(filter: &Filter, attributes: &Attributes) -> bool {
    match filter {
        Filter::ComparisonFilter(comparison) => compare(comparison, attributes.get(&comparison.key)),
        Filter::CompoundFilter(compound) => {
            let mut each = compound.filters.iter().map(|filter| passes(filter, attributes));
            match compound.type_ {
                CompoundOperator::Or => each.any(|passed| passed),
                _ => each.all(|passed| passed),
            }
        }
        _ => false,
    }
}

fn compare(comparison: &ComparisonFilter, value: Option<&AttributeValue>) -> bool {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let order = value.and_then(|value| order(value, &comparison.value));
    let listed = || match &comparison.value {
        ComparisonValue::List(list) => list.iter().any(|one| value.is_some_and(|value| equals(value, one))),
        _ => false,
    };
    match comparison.type_ {
        ComparisonOperator::Eq => order == Some(Equal),
        ComparisonOperator::Ne => order != Some(Equal),
        ComparisonOperator::Gt => order == Some(Greater),
        ComparisonOperator::Gte => matches!(order, Some(Greater | Equal)),
        ComparisonOperator::Lt => order == Some(Less),
        ComparisonOperator::Lte => matches!(order, Some(Less | Equal)),
        ComparisonOperator::In => listed(),
        ComparisonOperator::NotIn => !listed(),
        _ => false,
    }
}

fn order(value: &AttributeValue, other: &ComparisonValue) -> Option<std::cmp::Ordering> {
    match (value, other) {
        (AttributeValue::Text(one), ComparisonValue::Text(other)) => Some(one.cmp(other)),
        (AttributeValue::Number(one), ComparisonValue::Number(other)) => one.as_f64()?.partial_cmp(&other.as_f64()?),
        (AttributeValue::Flag(one), ComparisonValue::Flag(other)) => Some(one.cmp(other)),
        _ => None,
    }
}

fn equals(value: &AttributeValue, other: &ListedValue) -> bool {
    match (value, other) {
        (AttributeValue::Text(one), ListedValue::Text(other)) => one == other,
        (AttributeValue::Number(one), ListedValue::Number(other)) => one.as_f64() == other.as_f64(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn filter(json: Value) -> Filter {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn compares_attributes() {
        let attributes: Attributes =
            serde_json::from_value(json!({"lang": "en", "year": 2024, "price": 1.5, "draft": false})).unwrap();
        for (key, operator, value, want) in [
            ("lang", "eq", json!("en"), true),
            ("lang", "eq", json!("ru"), false),
            ("lang", "ne", json!("ru"), true),
            ("lang", "gt", json!("de"), true),
            ("year", "eq", json!(2024.0), true),
            ("year", "gt", json!(2023), true),
            ("year", "gte", json!(2024), true),
            ("year", "lt", json!(2024), false),
            ("price", "lte", json!(1.5), true),
            ("draft", "eq", json!(false), true),
            ("draft", "eq", json!("false"), false),
            ("lang", "in", json!(["de", "en"]), true),
            ("lang", "nin", json!(["de", "en"]), false),
            ("year", "in", json!([2024]), true),
            ("none", "eq", json!("x"), false),
            ("none", "ne", json!("x"), true),
            ("none", "in", json!(["x"]), false),
            ("none", "nin", json!(["x"]), true),
        ] {
            let one = filter(json!({"type": operator, "key": key, "value": value}));
            check_filter(&one).unwrap();
            assert_eq!(passes(&one, &attributes), want, "{key} {operator} {value}");
        }
        let (yes, no) = (Filter::eq("lang", "en"), Filter::eq("lang", "ru"));
        for (one, want) in [
            (Filter::all([yes.clone(), yes.clone()]), true),
            (Filter::all([yes.clone(), no.clone()]), false),
            (Filter::any([no.clone(), yes.clone()]), true),
            (Filter::any([no.clone(), no]), false),
            (Filter::all([Filter::any([yes.clone()]), yes]), true),
        ] {
            assert_eq!(passes(&one, &attributes), want, "{one:?}");
        }
    }

    #[test]
    fn refuses_what_makes_no_sense() {
        let mut deep = Filter::eq("a", "b");
        for _ in 0..20 {
            deep = Filter::all([deep]);
        }
        for one in [
            filter(json!({"type": "in", "key": "a", "value": "b"})),
            filter(json!({"type": "eq", "key": "a", "value": ["b"]})),
            filter(json!({"type": "like", "key": "a", "value": "b"})),
            filter(json!({"type": "and", "filters": [{"type": "like"}]})),
            deep,
        ] {
            assert!(check_filter(&one).is_err(), "{one:?}");
        }
    }
}
