//! The tokens and values that PDF files are made of; those of content streams and character maps are the same.

use super::{Budget, Fault};

/// How deep arrays and dictionaries may stand in each other.
const DEEPEST: usize = 50;

/// How many values one value may hold. Bounds the memory that a value takes to some 20 MiB.
const MOST_VALUES: usize = 200_000;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// Also what nothing here asks for: booleans.
    Null,
    Number(f64),
    Name(Vec<u8>),
    Text(Vec<u8>),
    Array(Vec<Value>),
    Dict(Dict),
    /// The number of another object.
    Reference(u32),
}

/// Names and values. A name that stands twice has the first of its values.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Dict(Vec<(Vec<u8>, Value)>);

impl Dict {
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        let found = self.0.iter().find(|(known, _)| known == name.as_bytes());
        found.map(|(_, value)| value)
    }

    pub(super) fn name(&self, name: &str) -> &[u8] {
        self.get(name).and_then(Value::as_name).unwrap_or_default()
    }
}

impl Value {
    pub(super) fn as_name(&self) -> Option<&[u8]> {
        match self {
            Self::Name(name) => Some(name),
            _ => None,
        }
    }

    pub(super) fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// The number, if it is a whole one from 0 to 4,294,967,295.
    pub(super) fn as_index(&self) -> Option<u32> {
        let number = self.as_number().filter(|number| number.fract() == 0.0)?;
        // Lossless: looked at before.
        (0.0..=f64::from(u32::MAX)).contains(&number).then_some(number as u32)
    }

    pub(super) fn as_array(&self) -> &[Self] {
        match self {
            Self::Array(values) => values,
            _ => &[],
        }
    }

    /// How many values there are in this one.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Array(values) => 1 + values.iter().map(Self::weight).sum::<usize>(),
            Self::Dict(dict) => 1 + dict.0.iter().map(|(_, value)| value.weight()).sum::<usize>(),
            _ => 1,
        }
    }

    pub(super) fn into_dict(self) -> Option<Dict> {
        match self {
            Self::Dict(dict) => Some(dict),
            _ => None,
        }
    }
}

/// What stands next.
#[derive(Debug, PartialEq)]
pub(super) enum Token<'a> {
    Value(Value),
    /// A keyword or an operator.
    Word(&'a [u8]),
    /// The end of an array or a dictionary.
    Close(&'static str),
}

/// Reads tokens out of bytes.
#[derive(Debug)]
pub(super) struct Lexer<'a> {
    bytes: &'a [u8],
    /// Where the next token is looked for.
    pub(super) at: usize,
    budget: &'a Budget,
    /// How many more values the one that is being read may hold.
    values: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize, budget: &'a Budget) -> Self {
        Self {
            bytes,
            at,
            budget,
            values: MOST_VALUES,
        }
    }

    /// The next token; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Token<'a>>, Fault> {
        self.values = MOST_VALUES;
        let start = self.at;
        let token = self.token(0);
        self.budget.spend(self.at.saturating_sub(start) + 1)?;
        token
    }

    /// The next value, whatever stands behind it.
    pub(super) fn value(&mut self) -> Result<Option<Value>, Fault> {
        Ok(match self.next()? {
            Some(Token::Value(value)) => Some(value),
            _ => None,
        })
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// What stands from here on.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn take_while(&mut self, is_part: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.rest();
        let length = rest.iter().position(|byte| !is_part(*byte)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    pub(super) fn skip_space(&mut self) {
        loop {
            self.take_while(is_space);
            if self.peek() != Some(b'%') {
                return;
            }
            self.take_while(|byte| !matches!(byte, b'\r' | b'\n'));
        }
    }

    fn token(&mut self, depth: usize) -> Result<Option<Token<'a>>, Fault> {
        self.skip_space();
        let Some(byte) = self.peek() else { return Ok(None) };
        self.values = self.values.checked_sub(1).ok_or(Fault::TooMuch)?;
        let next = self.bytes.get(self.at + 1).copied();
        let value = match (byte, next) {
            (b'/', _) => {
                self.at += 1;
                Value::Name(unescape(self.take_while(is_regular)))
            }
            (b'(', _) => Value::Text(self.literal()),
            (b'<', Some(b'<')) => {
                self.at += 2;
                let mut members = Vec::new();
                let mut values = self.values_until(">>", depth)?.into_iter();
                while let (Some(name), Some(value)) = (values.next(), values.next()) {
                    if let Value::Name(name) = name {
                        members.push((name, value));
                    }
                }
                Value::Dict(Dict(members))
            }
            (b'<', _) => Value::Text(self.hexadecimal()),
            (b'[', _) => {
                self.at += 1;
                Value::Array(self.values_until("]", depth)?)
            }
            (b']', _) => {
                self.at += 1;
                return Ok(Some(Token::Close("]")));
            }
            (b'>', Some(b'>')) => {
                self.at += 2;
                return Ok(Some(Token::Close(">>")));
            }
            (b'+' | b'-' | b'.' | b'0'..=b'9', _) => {
                let digits = self.take_while(|byte| matches!(byte, b'+' | b'-' | b'.' | b'0'..=b'9'));
                Value::Number(number(digits))
            }
            _ if is_regular(byte) => return Ok(Some(Token::Word(self.take_while(is_regular)))),
            _ => {
                // A delimiter where none belongs.
                let word = &self.rest()[..1];
                self.at += 1;
                return Ok(Some(Token::Word(word)));
            }
        };
        Ok(Some(Token::Value(value)))
    }

    /// The values up to the end of an array or a dictionary, or up to the end of everything.
    fn values_until(&mut self, end: &str, depth: usize) -> Result<Vec<Value>, Fault> {
        if depth == DEEPEST {
            return Err(Fault::Damaged("its values are nested too deeply".to_owned()));
        }
        let mut values = Vec::new();
        loop {
            match self.token(depth + 1)? {
                None => return Ok(values),
                Some(Token::Close(close)) if close == end => return Ok(values),
                // The end of something that is not open.
                Some(Token::Close(_)) => {}
                Some(Token::Value(value)) => values.push(value),
                Some(Token::Word(b"R")) => {
                    // `12 0 R`
                    let (_, object) = (values.pop(), values.pop());
                    let object = object.as_ref().and_then(Value::as_index);
                    values.push(object.map_or(Value::Null, Value::Reference));
                }
                // What follows an object belongs to no dictionary: one that is not closed ends here.
                Some(Token::Word(b"endobj" | b"stream")) => return Ok(values),
                Some(Token::Word(_)) => values.push(Value::Null),
            }
        }
    }

    /// A text in parentheses, which may stand in it in pairs.
    fn literal(&mut self) -> Vec<u8> {
        self.at += 1;
        let mut text = Vec::new();
        let mut open = 1_usize;
        while let Some(byte) = self.peek() {
            self.at += 1;
            match byte {
                b'(' => open += 1,
                b')' => {
                    open -= 1;
                    if open == 0 {
                        break;
                    }
                }
                b'\\' => {
                    self.escaped(&mut text);
                    continue;
                }
                _ => {}
            }
            text.push(byte);
        }
        text
    }

    /// What stands behind a backslash.
    fn escaped(&mut self, text: &mut Vec<u8>) {
        let Some(byte) = self.peek() else { return };
        self.at += 1;
        match byte {
            b'n' => text.push(b'\n'),
            b'r' => text.push(b'\r'),
            b't' => text.push(b'\t'),
            b'b' => text.push(8),
            b'f' => text.push(12),
            b'0'..=b'7' => {
                let mut code = byte - b'0';
                for _ in 0..2 {
                    let Some(digit @ b'0'..=b'7') = self.peek() else { break };
                    self.at += 1;
                    // Of a code above 255 the upper bit is left out, as the standard has it.
                    code = code.wrapping_mul(8).wrapping_add(digit - b'0');
                }
                text.push(code);
            }
            // A line that goes on.
            b'\r' => {
                if self.peek() == Some(b'\n') {
                    self.at += 1;
                }
            }
            b'\n' => {}
            other => text.push(other),
        }
    }

    /// A text in hexadecimal digits.
    fn hexadecimal(&mut self) -> Vec<u8> {
        self.at += 1;
        let digits = self.take_while(|byte| byte != b'>');
        self.at += 1;
        bytes_of_hexadecimal(digits)
    }
}

/// The bytes that hexadecimal digits stand for; a digit that is missing at the end is 0.
pub(super) fn bytes_of_hexadecimal(digits: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(digits.len() / 2 + 1);
    let mut upper = None;
    for digit in digits.iter().filter_map(|digit| hexadecimal_digit(*digit)) {
        match upper.take() {
            None => upper = Some(digit * 16),
            Some(upper) => bytes.push(upper + digit),
        }
    }
    bytes.extend(upper);
    bytes
}

fn hexadecimal_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// A name with what its `#` stand for.
fn unescape(name: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(name.len());
    let mut rest = name;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        match (byte, tail) {
            (b'#', [upper, lower, tail @ ..]) => match (hexadecimal_digit(*upper), hexadecimal_digit(*lower)) {
                (Some(upper), Some(lower)) => {
                    plain.push(upper * 16 + lower);
                    rest = tail;
                }
                _ => plain.push(b'#'),
            },
            _ => plain.push(*byte),
        }
    }
    plain
}

/// What is no number counts as 0, as viewers have it.
fn number(digits: &[u8]) -> f64 {
    // No number of a file needs more digits.
    let digits = digits.get(..40).unwrap_or(digits);
    std::str::from_utf8(digits)
        .ok()
        .and_then(|digits| digits.parse().ok())
        .unwrap_or_default()
}

pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, 0 | b'\t' | b'\n' | 12 | b'\r' | b' ')
}

fn is_regular(byte: u8) -> bool {
    !is_space(byte)
        && !matches!(
            byte,
            b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%'
        )
}
