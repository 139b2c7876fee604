//! Writes a [`Model`](crate::model::Model) as text; one submodule for each kind of file.

pub(crate) mod request_schemas;
pub(crate) mod rust;
