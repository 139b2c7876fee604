//! Work that goes on after its call was answered. Not `operations`: that is the table of operations, which comes with
//! the types.

mod operations;

pub use operations::{Operation, OperationCall, OperationWait, Operations};
