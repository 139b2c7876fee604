//! What streams are packed with.

use miniz_oxide::inflate::{TINFLStatus, decompress_to_vec_zlib_with_limit};

use super::lexer::{Dict, Value, bytes_of_hexadecimal, is_space};
use super::{Budget, Fault};

/// How many filters a stream may go through.
pub(super) const MOST: usize = 4;

/// The largest stream, in bytes after each of its filters.
const LARGEST: usize = 32 * 1024 * 1024;

/// The bytes of a stream, unpacked.
pub(super) fn decode(filters: &[Value], params: &[Dict], data: &[u8], budget: &Budget) -> Result<Vec<u8>, Fault> {
    if filters.len() >= MOST || data.len() > LARGEST {
        return Err(Fault::TooMuch);
    }
    budget.spend(data.len())?;
    let none = Dict::default();
    let mut bytes = data.to_vec();
    for (index, filter) in filters.iter().enumerate() {
        bytes = match filter.as_name().unwrap_or_default() {
            b"FlateDecode" | b"Fl" => unpredict(inflate(&bytes)?, params.get(index).unwrap_or(&none))?,
            b"ASCIIHexDecode" | b"AHx" => {
                let end = bytes.iter().position(|byte| *byte == b'>');
                bytes_of_hexadecimal(&bytes[..end.unwrap_or(bytes.len())])
            }
            b"ASCII85Decode" | b"A85" => base_85(&bytes),
            other => {
                let name = String::from_utf8_lossy(other);
                return Err(Fault::Unsupported(format!("it is packed with the filter '{name}'")));
            }
        };
        budget.spend(bytes.len())?;
    }
    Ok(bytes)
}

fn inflate(bytes: &[u8]) -> Result<Vec<u8>, Fault> {
    match decompress_to_vec_zlib_with_limit(bytes, LARGEST) {
        Ok(inflated) => Ok(inflated),
        Err(error) => match error.status {
            // The last bytes or the checksum are missing or wrong: the text is there, and viewers show it.
            TINFLStatus::FailedCannotMakeProgress | TINFLStatus::Adler32Mismatch => Ok(error.output),
            TINFLStatus::HasMoreOutput => Err(Fault::TooMuch),
            _ => Err(Fault::Damaged("a part of it cannot be unpacked".to_owned())),
        },
    }
}

/// Takes back the predictor of PNG, which streams that hold objects or numbers may have.
fn unpredict(bytes: Vec<u8>, params: &Dict) -> Result<Vec<u8>, Fault> {
    let number = |name: &str, default: usize| {
        let given = params.get(name).and_then(Value::as_index);
        given.map_or(default, |given| usize::try_from(given).unwrap_or(usize::MAX))
    };
    match number("Predictor", 1) {
        1 => return Ok(bytes),
        10..=15 => {}
        other => return Err(Fault::Unsupported(format!("it is packed with the predictor {other}"))),
    }
    let bits = number("Colors", 1).saturating_mul(number("BitsPerComponent", 8));
    let width = bits.saturating_mul(number("Columns", 1)).div_ceil(8);
    let step = bits.div_ceil(8).max(1);
    if width == 0 || width > bytes.len() {
        return Err(Fault::Damaged("a part of it cannot be unpacked".to_owned()));
    }
    let mut plain: Vec<u8> = Vec::with_capacity(bytes.len());
    let mut above = vec![0; width];
    for row in bytes.chunks(width + 1) {
        let Some((kind, row)) = row.split_first() else { break };
        let mut current = row.to_vec();
        for index in 0..current.len() {
            let left = index.checked_sub(step).map_or(0, |left| current[left]);
            let corner = index.checked_sub(step).map_or(0, |left| above[left]);
            let up = above[index];
            let predicted = match kind {
                1 => left,
                2 => up,
                3 => left.midpoint(up),
                4 => paeth(left, up, corner),
                _ => 0,
            };
            current[index] = current[index].wrapping_add(predicted);
        }
        plain.extend_from_slice(&current);
        current.resize(width, 0);
        above = current;
    }
    Ok(plain)
}

/// The neighbour that is closest to `left + up - corner`.
fn paeth(left: u8, up: u8, corner: u8) -> u8 {
    let guess = i16::from(left) + i16::from(up) - i16::from(corner);
    let distance = |byte: u8| (guess - i16::from(byte)).abs();
    if distance(left) <= distance(up) && distance(left) <= distance(corner) {
        left
    } else if distance(up) <= distance(corner) {
        up
    } else {
        corner
    }
}

/// The bytes that groups of five characters stand for.
fn base_85(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut group = Vec::with_capacity(5);
    for byte in text.iter().filter(|byte| !is_space(**byte)) {
        match byte {
            b'z' if group.is_empty() => bytes.extend([0; 4]),
            b'!'..=b'u' => group.push(byte - b'!'),
            _ => break,
        }
        if group.len() == 5 {
            bytes.extend(value_85(&group).to_be_bytes());
            group.clear();
        }
    }
    if group.len() > 1 {
        let known = group.len() - 1;
        group.resize(5, 84);
        bytes.extend_from_slice(&value_85(&group).to_be_bytes()[..known]);
    }
    bytes
}

fn value_85(group: &[u8]) -> u32 {
    let digits = group.iter();
    digits.fold(0, |value: u32, digit| {
        value.wrapping_mul(85).wrapping_add(u32::from(*digit))
    })
}
