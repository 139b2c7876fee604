//! Fonts: what the codes of a text stand for, and how wide they are.

use super::encodings::{Base, character, glyph};
use super::file::File;
use super::lexer::{Dict, Lexer, Token, Value};
use super::{Budget, Fault};

/// How many codes of a font are kept. They have one or two bytes.
const MOST_CODES: usize = 0x1_0000;

/// How much text one code may stand for, in units of UTF-16: more than any ligature needs.
const LONGEST_ENTRY: usize = 32;

/// What it costs to keep a font, and what each of its codes costs besides: the memory that they take.
const FONT_COST: usize = 8192;
const ENTRY_COST: usize = 16;

/// How wide a code is whose width is not given, in units of the text.
const USUAL_WIDTH: f64 = 0.5;

/// A font.
#[derive(Debug)]
pub(super) struct Font {
    is_wide: bool,
    /// What the font says itself; it goes before everything else.
    unicode: Map,
    /// What the codes of a simple font stand for, 256 of them.
    simple: Vec<Option<String>>,
    /// The codes of the font are UTF-16.
    is_utf_16: bool,
    widths: Widths,
}

/// A code of a text.
#[derive(Debug, PartialEq)]
pub(super) struct Glyph {
    pub(super) text: Option<String>,
    /// In units of the text, before the size of the font.
    pub(super) width: f64,
    /// Whether spacing of words counts behind it.
    pub(super) is_space: bool,
}

impl Font {
    pub(super) fn load(file: &File<'_>, dict: &Dict) -> Result<Self, Fault> {
        file.budget.spend(FONT_COST)?;
        let is_wide = dict.name("Subtype") == b"Type0";
        let unicode = match dict.get("ToUnicode") {
            Some(stream) => match file.stream(file.resolve(stream)?)? {
                Some((_, bytes)) => Map::parse(&bytes, file.budget)?,
                None => Map::default(),
            },
            None => Map::default(),
        };
        let encoding = file.get(dict, "Encoding")?;
        let name = encoding.as_name().unwrap_or_default();
        let is_utf_16 = is_wide && name.starts_with(b"Uni") && (contains(name, b"UCS2") || contains(name, b"UTF16"));
        Ok(Self {
            is_wide,
            unicode,
            simple: if is_wide {
                Vec::new()
            } else {
                simple(file, dict, &encoding)?
            },
            is_utf_16,
            widths: if is_wide {
                Widths::of_wide(file, dict)?
            } else {
                Widths::of_simple(file, dict)?
            },
        })
    }

    /// Takes the next code from the front of a text.
    pub(super) fn next(&self, text: &mut &[u8]) -> Option<Glyph> {
        let code = match (self.is_wide, *text) {
            (_, []) => return None,
            (true, [upper, lower, rest @ ..]) => {
                *text = rest;
                u16::from_be_bytes([*upper, *lower])
            }
            (_, [byte, rest @ ..]) => {
                *text = rest;
                u16::from(*byte)
            }
        };
        let own = self.unicode.get(code);
        let simple = || self.simple.get(usize::from(code)).cloned().flatten();
        let utf_16 = || {
            let character = char::from_u32(u32::from(code)).filter(|_| self.is_utf_16);
            character.map(String::from)
        };
        Some(Glyph {
            text: own.or_else(simple).or_else(utf_16),
            width: self.widths.get(code),
            is_space: !self.is_wide && code == 32,
        })
    }
}

fn contains(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

/// What the codes of a simple font stand for.
fn simple(file: &File<'_>, font: &Dict, encoding: &Value) -> Result<Vec<Option<String>>, Fault> {
    let base = |name: &[u8]| match name {
        b"WinAnsiEncoding" => Some(Base::WinAnsi),
        b"MacRomanEncoding" => Some(Base::MacRoman),
        b"StandardEncoding" => Some(Base::Standard),
        _ => None,
    };
    // Fonts of this kind that do not say come from programs for Windows.
    let usual = match font.name("Subtype") {
        b"TrueType" => Base::WinAnsi,
        _ => Base::Standard,
    };
    let (named, differences) = match encoding {
        Value::Name(name) => (base(name), Vec::new()),
        Value::Dict(dict) => {
            let differences = file.get(dict, "Differences")?;
            (base(dict.name("BaseEncoding")), differences.as_array().to_vec())
        }
        _ => (None, Vec::new()),
    };
    let base = named.unwrap_or(usual);
    let mut simple: Vec<Option<String>> = (0..=255).map(|code| character(base, code).map(String::from)).collect();
    let mut code = 0_usize;
    for difference in &differences {
        file.budget.spend(256)?;
        if let Some(number) = difference.as_index() {
            code = usize::try_from(number).unwrap_or(usize::MAX);
        } else if let Some(name) = difference.as_name() {
            if let Some(slot) = simple.get_mut(code) {
                *slot = std::str::from_utf8(name).ok().and_then(glyph);
            }
            code = code.saturating_add(1);
        }
    }
    Ok(simple)
}

/// From codes to what they stand for, as a font's `ToUnicode` gives it.
#[derive(Debug, Default)]
struct Map {
    /// What all entries stand for, one after the other.
    text: String,
    /// Entries of one code; they go before the others.
    single: Vec<Entry>,
    ranges: Vec<Entry>,
}

/// First and last code, and where the text of the first begins and ends. The codes behind it count up from there.
#[derive(Clone, Copy, Debug)]
struct Entry {
    first: u16,
    last: u16,
    text: (usize, usize),
}

impl Map {
    fn parse(bytes: &[u8], budget: &Budget) -> Result<Self, Fault> {
        let mut map = Self::default();
        let mut lexer = Lexer::new(bytes, 0, budget);
        let mut values: Vec<Value> = Vec::new();
        while let Some(token) = lexer.next()? {
            match token {
                Token::Value(value) if values.len() < 3 * MOST_CODES => {
                    values.push(value);
                    continue;
                }
                Token::Word(b"endbfchar") => {
                    for entry in values.chunks_exact(2) {
                        if let (Some(code), Value::Text(text)) = (code(&entry[0]), &entry[1]) {
                            map.add(code, code, text, budget)?;
                        }
                    }
                }
                Token::Word(b"endbfrange") => {
                    for entry in values.chunks_exact(3) {
                        let (Some(first), Some(last)) = (code(&entry[0]), code(&entry[1])) else {
                            continue;
                        };
                        match &entry[2] {
                            Value::Text(text) => map.add(first, last, text, budget)?,
                            Value::Array(texts) => {
                                for (code, text) in (first..=last).zip(texts) {
                                    if let Value::Text(text) = text {
                                        map.add(code, code, text, budget)?;
                                    }
                                }
                            }
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
            values.clear();
        }
        map.single.sort_by_key(|entry| entry.first);
        map.ranges.sort_by_key(|entry| entry.first);
        Ok(map)
    }

    /// More entries than there are codes are left out.
    fn add(&mut self, first: u16, last: u16, text: &[u8], budget: &Budget) -> Result<(), Fault> {
        let entries = if first == last {
            &mut self.single
        } else {
            &mut self.ranges
        };
        if entries.len() == MOST_CODES {
            return Ok(());
        }
        budget.spend(ENTRY_COST)?;
        let start = self.text.len();
        let units = text.chunks_exact(2).take(LONGEST_ENTRY);
        let units = units.map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
        self.text.extend(char::decode_utf16(units).filter_map(Result::ok));
        entries.push(Entry {
            first,
            last,
            text: (start, self.text.len()),
        });
        Ok(())
    }

    fn get(&self, code: u16) -> Option<String> {
        let among = |entries: &[Entry]| {
            let index = entries.partition_point(|entry| entry.first <= code);
            let entry = *entries.get(index.checked_sub(1)?)?;
            (code <= entry.last).then_some(entry)
        };
        let entry = among(&self.single).or_else(|| among(&self.ranges))?;
        let mut characters = self.text.get(entry.text.0..entry.text.1)?.chars();
        let end = u32::from(characters.next_back()?) + u32::from(code - entry.first);
        Some(characters.chain(char::from_u32(end)).collect())
    }
}

/// A code of one or two bytes. Longer ones are not read.
fn code(value: &Value) -> Option<u16> {
    match value {
        Value::Text(bytes) => match bytes[..] {
            [byte] => Some(u16::from(byte)),
            [upper, lower] => Some(u16::from_be_bytes([upper, lower])),
            _ => None,
        },
        _ => None,
    }
}

/// How wide codes are.
#[derive(Debug)]
struct Widths {
    /// First and last code and their width, by the first.
    ranges: Vec<(u16, u16, f64)>,
    other: f64,
}

impl Widths {
    fn of_simple(file: &File<'_>, font: &Dict) -> Result<Self, Fault> {
        let scale = match file.get(font, "FontMatrix")?.as_array() {
            [first, ..] if font.name("Subtype") == b"Type3" => first.as_number().unwrap_or(0.001).abs(),
            _ => 0.001,
        };
        let widths = file.get(font, "Widths")?;
        file.budget.spend(widths.as_array().len().saturating_mul(ENTRY_COST))?;
        let first = file.get(font, "FirstChar")?.as_index().unwrap_or_default();
        let codes = (first..).map_while(|code| u16::try_from(code).ok());
        let ranges = codes.zip(widths.as_array());
        let ranges = ranges.map(|(code, width)| (code, code, width.as_number().unwrap_or_default() * scale));
        Ok(Self {
            ranges: ranges.collect(),
            other: USUAL_WIDTH,
        })
    }

    fn of_wide(file: &File<'_>, font: &Dict) -> Result<Self, Fault> {
        let descendants = file.get(font, "DescendantFonts")?;
        let font = match descendants.as_array().first() {
            Some(font) => file.resolve(font)?.value.into_dict().unwrap_or_default(),
            None => Dict::default(),
        };
        let mut ranges = Vec::new();
        let widths = file.get(&font, "W")?;
        file.budget.spend(widths.weight().saturating_mul(ENTRY_COST))?;
        let mut values = widths.as_array().iter();
        // Either `first [width …]` or `first last width`.
        while let (Some(first), Some(second)) = (values.next(), values.next()) {
            let Some(first) = first.as_index() else { break };
            let second = file.resolve(second)?.value;
            if let Some(last) = second.as_index() {
                let width = values.next().and_then(Value::as_number).unwrap_or_default();
                ranges.push((narrow(first), narrow(last), width / 1000.0));
            } else {
                let codes = (first..).map_while(|code| u16::try_from(code).ok());
                let each = codes.zip(second.as_array());
                ranges.extend(each.map(|(code, width)| (code, code, width.as_number().unwrap_or_default() / 1000.0)));
            }
            if ranges.len() > MOST_CODES {
                return Err(Fault::TooMuch);
            }
        }
        ranges.sort_by_key(|(first, ..)| *first);
        let other = file.get(&font, "DW")?.as_number().unwrap_or(1000.0) / 1000.0;
        Ok(Self { ranges, other })
    }

    fn get(&self, code: u16) -> f64 {
        let index = self.ranges.partition_point(|(first, ..)| *first <= code);
        let range = index.checked_sub(1).and_then(|index| self.ranges.get(index));
        match range {
            Some((_, last, width)) if code <= *last => *width,
            _ => self.other,
        }
    }
}

fn narrow(code: u32) -> u16 {
    u16::try_from(code).unwrap_or(u16::MAX)
}
