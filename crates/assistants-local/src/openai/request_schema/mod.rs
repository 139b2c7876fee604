//! Checks the raw JSON of a request against the limits of the spec.
//!
//! The rules are data: a subset of JSON Schema, generated from the spec. The first violation is reported in the
//! provider's words ([`wording`]), with the path of the parameter. `null` for an optional member is the same as leaving
//! it out ([`Schemas::drop_nulls`]). Members that the schema does not know are let through, because clients newer than
//! the schema send them, unless the schemas are [strict](Schemas::strict).

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
