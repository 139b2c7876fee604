//! Checks the JSON of a request against the spec.
//!
//! The rules are data: a subset of JSON Schema, generated from the spec. The first violation is reported in the
//! provider's words ([`wording`]), with the path of the parameter. `null` for an optional member is equivalent to its
//! absence ([`Schemas::drop_nulls`]). Unknown members are accepted, because clients may be newer than the schema,
//! unless the schemas are [strict](Schemas::strict).

mod check;
mod keywords;
mod nulls;
mod parameters;
mod schemas;
#[cfg(test)]
mod tests;
mod violation;
mod wording;

pub(crate) use self::schemas::Schemas;
pub(crate) use self::violation::Violation;
