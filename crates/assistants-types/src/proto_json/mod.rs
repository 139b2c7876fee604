//! The JSON mapping of protocol buffers as used by Yandex AI Studio, with all its rules in one place.
//!
//! | in JSON | rule | where |
//! | --- | --- | --- |
//! | names | lowerCamelCase or snake_case on input, lowerCamelCase on output; [`Dialect`] writes the other form | `message!` |
//! | unknown members | kept in [`Extra`] under their original names | `message!` |
//! | null, missing, default | equivalent; not written | [`Wire`] |
//! | 64-bit integers | string or integral number on input, string on output | [`Wire`] |
//! | floating-point numbers | number, numeric string, `"NaN"`, `"Infinity"`, `"-Infinity"` | [`Wire`] |
//! | wrappers | `Option`: zero differs from not set | [`Wire`] |
//! | enums | name or number on input, name on output; unknown values are written back unchanged | `proto_enum!` |
//! | oneofs | the member that is set appears directly in its parent; an enum in Rust | `one_of!` |
//! | timestamps | RFC 3339, up to nanoseconds; values out of range are written back unchanged | [`timestamp`] |
//! | bytes | base64 in either alphabet, with or without padding | [`Bytes`] |
//! | field masks | one string with comma-separated paths | [`FieldMask`] |
//! | `Any` | the members of the message, in addition to `@type` | [`Any`] |
//! | `Struct`, map keys | caller-defined; never converted between spellings | [`Shape`] |

mod any;
mod bytes;
mod descriptor;
mod dialect;
mod field_mask;
mod macros;
mod one_of;
mod proto_enum;
mod proto_message;
mod rules;
mod time_field;
mod timestamp;
mod wire;

pub use any::{Any, UnpackError};
pub use bytes::Bytes;
pub use descriptor::Descriptor;
pub(crate) use descriptor::{FieldDescriptor, Shape, proto_name, sealed};
pub use dialect::Dialect;
pub use field_mask::{FieldMask, MaskError};
pub(crate) use macros::{message, message_field};
pub use one_of::UnknownMember;
pub(crate) use one_of::{OneOf, one_of, read_one_of, take_unknown};
pub(crate) use proto_enum::{known_by_number, proto_enum, read_enum, write_enum};
pub use proto_message::ProtoMessage;
pub(crate) use time_field::{read_time, write_time};
pub(crate) use wire::{Read, Wire, Write};
