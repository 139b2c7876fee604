//! The JSON of protocol buffers, as Yandex AI Studio speaks it: every rule of that mapping in one place.
//!
//! | on the wire | rule | where |
//! | --- | --- | --- |
//! | names | lowerCamelCase or snake_case on input, lowerCamelCase on output; [`Dialect`] writes the other form | `message!` |
//! | unknown members | kept in [`Extra`] under the name they came with | `message!` |
//! | null, missing, default | the same; none of them is written | [`Wire`] |
//! | 64-bit integers | string or integral number on input, string on output | [`Wire`] |
//! | floating-point numbers | number, numeric string, `"NaN"`, `"Infinity"`, `"-Infinity"` | [`Wire`] |
//! | wrappers | `Option`: a set zero differs from nothing | [`Wire`] |
//! | enums | name or number on input, name on output; what is unknown is written as it came | `proto_enum!` |
//! | oneofs | the chosen member stands in its parent; in Rust an enum | `one_of!` |
//! | timestamps | RFC 3339 to the nanosecond; what no clock shows is kept as it was spelled | [`timestamp`] |
//! | bytes | base64, either alphabet, with or without padding | [`Bytes`] |
//! | field masks | one string of paths with commas | [`FieldMask`] |
//! | `Any` | members of the message beside `@type` | [`Any`] |
//! | `Struct`, map keys | the user's own; never respelled | [`Shape`] |

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
