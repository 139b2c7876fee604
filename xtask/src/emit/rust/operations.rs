//! The operation table.

use std::fmt::Write as _;

use super::text::doc;
use crate::model::Model;

/// Source of `operations.rs`.
pub(crate) fn source(header: &str, model: &Model) -> String {
    let mut out = header.to_owned();
    out.push_str("//! All operations of the protocol: one constant per operation, and a table of them.\n//!\n");
    out.push_str("//! | operation | method | path |\n//! | --- | --- | --- |\n");
    for operation in &model.operations {
        let _infallible = writeln!(
            out,
            "//! | `{}` | {} | `{}` |",
            operation.id, operation.method, operation.path
        );
    }
    out.push_str("\nuse crate::Operation;\n\n");
    for operation in &model.operations {
        doc(&mut out, "", &operation.summary);
        let _infallible = writeln!(
            out,
            "pub const {}: Operation = Operation {{ id: {:?}, method: {:?}, path: {:?}, query: &{:?}, request: {:?}, \
             response: {:?}, stream: {:?} }};\n",
            operation.constant,
            operation.id,
            operation.method,
            operation.path,
            operation.query,
            operation.request,
            operation.response,
            operation.stream
        );
    }
    let names: Vec<&str> = model
        .operations
        .iter()
        .map(|operation| operation.constant.as_str())
        .collect();
    let _infallible = writeln!(
        out,
        "/// All operations, in the order of the specification.\npub const ALL: &[Operation] = &[{}];",
        names.join(", ")
    );
    out
}
