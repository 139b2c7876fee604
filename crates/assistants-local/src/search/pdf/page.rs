//! From what a page draws to its text: lines and words are told apart by where they stand.

use std::collections::HashMap;
use std::rc::Rc;

use super::file::{File, Page};
use super::font::Font;
use super::lexer::{Dict, Lexer, Token, Value, is_space};
use super::{Fault, LONGEST_TEXT};

/// How deep forms, which are drawings used by other drawings, may stand in each other.
const DEEPEST: usize = 8;

/// How many values may stand in front of an operator; the standard has 33 at most.
const MOST_OPERANDS: usize = 64;

/// How many fonts are kept at a time.
const MOST_FONTS: usize = 64;

/// How many states may be saved at a time.
const MOST_STATES: usize = 64;

/// A gap of this share of the font's size parts two words.
const WORD_GAP: f64 = 0.17;

/// A step of this share of the font's size, up, down or back, parts two lines.
const LINE_STEP: f64 = 0.4;

/// The text of pages.
#[derive(Debug)]
pub(super) struct Text<'f, 'a> {
    file: &'f File<'a>,
    text: String,
    /// Those that were used, by the numbers of their objects.
    fonts: HashMap<u32, Rc<Font>>,
    /// Where the last glyph ended.
    pen: Option<(f64, f64)>,
}

/// What is saved and restored.
#[derive(Clone, Debug)]
struct State {
    font: Option<Rc<Font>>,
    size: f64,
    character_spacing: f64,
    word_spacing: f64,
    /// From 0 to 1 and beyond.
    stretch: f64,
    leading: f64,
}

/// Where the text is written: a matrix.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// Along the line.
    along: (f64, f64),
    /// Across it.
    across: (f64, f64),
    origin: (f64, f64),
}

const START: Place = Place {
    along: (1.0, 0.0),
    across: (0.0, 1.0),
    origin: (0.0, 0.0),
};

impl Place {
    /// The place at that distance from here, in units of this one.
    fn moved(self, x: f64, y: f64) -> Self {
        let origin = (
            self.origin.0 + x * self.along.0 + y * self.across.0,
            self.origin.1 + x * self.along.1 + y * self.across.1,
        );
        Self { origin, ..self }
    }
}

impl<'f, 'a> Text<'f, 'a> {
    pub(super) fn new(file: &'f File<'a>) -> Self {
        Self {
            file,
            text: String::new(),
            fonts: HashMap::new(),
            pen: None,
        }
    }

    pub(super) fn into_string(self) -> String {
        self.text
    }

    /// Adds the text of a page.
    pub(super) fn page(&mut self, page: &Page) -> Result<(), Fault> {
        let contents = self.file.resolve(&page.contents)?;
        let mut bytes = Vec::new();
        if contents.value.as_array().is_empty() {
            bytes = self.file.stream(contents)?.unwrap_or_default().1;
        } else {
            // The parts of a page are one stream, cut between any two tokens.
            for part in contents.value.as_array() {
                if let Some((_, part)) = self.file.stream(self.file.resolve(part)?)? {
                    bytes.extend_from_slice(&part);
                    bytes.push(b'\n');
                }
                if bytes.len() > LONGEST_TEXT {
                    return Err(Fault::TooMuch);
                }
            }
        }
        self.break_line();
        self.draw(&bytes, &page.resources, 0)?;
        self.break_line();
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
        Ok(())
    }

    /// Adds the text that a content stream draws.
    fn draw(&mut self, content: &[u8], resources: &Dict, depth: usize) -> Result<(), Fault> {
        let mut lexer = Lexer::new(content, 0, self.file.budget);
        let mut operands: Vec<Value> = Vec::new();
        let mut saved = Vec::new();
        let mut state = State {
            font: None,
            size: 1.0,
            character_spacing: 0.0,
            word_spacing: 0.0,
            stretch: 1.0,
            leading: 0.0,
        };
        let (mut line, mut place) = (START, START);
        while let Some(token) = lexer.next()? {
            let operator = match token {
                Token::Value(value) => {
                    if operands.len() == MOST_OPERANDS {
                        operands.clear();
                    }
                    operands.push(value);
                    continue;
                }
                Token::Word(operator) => operator,
                Token::Close(_) => continue,
            };
            let number = |index: usize| operands.get(index).and_then(Value::as_number).unwrap_or_default();
            match operator {
                b"q" if saved.len() < MOST_STATES => saved.push(state.clone()),
                b"Q" => {
                    if let Some(before) = saved.pop() {
                        state = before;
                    }
                }
                b"BT" => (line, place) = (START, START),
                b"Tf" => {
                    state.size = number(1);
                    let name = operands.first().and_then(Value::as_name);
                    state.font = self.font(resources, name.unwrap_or_default())?;
                }
                b"Tc" => state.character_spacing = number(0),
                b"Tw" => state.word_spacing = number(0),
                b"Tz" => state.stretch = number(0) / 100.0,
                b"TL" => state.leading = number(0),
                b"Td" | b"TD" => {
                    if operator == b"TD" {
                        state.leading = -number(1);
                    }
                    line = line.moved(number(0), number(1));
                    place = line;
                }
                b"Tm" => {
                    line = Place {
                        along: (number(0), number(1)),
                        across: (number(2), number(3)),
                        origin: (number(4), number(5)),
                    };
                    place = line;
                }
                b"T*" | b"'" | b"\"" => {
                    if operator == b"\"" {
                        (state.word_spacing, state.character_spacing) = (number(0), number(1));
                    }
                    line = line.moved(0.0, -state.leading);
                    place = line;
                    if operator != b"T*" {
                        self.show(operands.last(), &state, &mut place)?;
                    }
                }
                b"Tj" => self.show(operands.last(), &state, &mut place)?,
                b"TJ" => {
                    for part in operands.last().map(Value::as_array).unwrap_or_default() {
                        match part {
                            Value::Number(back) => {
                                place = place.moved(-back / 1000.0 * state.size * state.stretch, 0.0);
                            }
                            part => self.show(Some(part), &state, &mut place)?,
                        }
                    }
                }
                b"Do" if depth < DEEPEST => {
                    let name = operands.first().and_then(Value::as_name).unwrap_or_default();
                    self.form(resources, name, depth)?;
                }
                b"ID" => skip_image(&mut lexer),
                _ => {}
            }
            operands.clear();
        }
        Ok(())
    }

    /// Draws a form; a picture has no text.
    fn form(&mut self, resources: &Dict, name: &[u8], depth: usize) -> Result<(), Fault> {
        let forms = self.file.dict(resources, "XObject")?;
        let Some(form) = std::str::from_utf8(name).ok().and_then(|name| forms.get(name)) else {
            return Ok(());
        };
        let form = self.file.resolve(form)?;
        let is_form = matches!(&form.value, Value::Dict(dict) if dict.name("Subtype") == b"Form");
        if is_form && let Some((dict, content)) = self.file.stream(form)? {
            let own = self.file.dict(&dict, "Resources")?;
            let resources = if dict.get("Resources").is_some() {
                &own
            } else {
                resources
            };
            self.draw(&content, resources, depth + 1)?;
        }
        Ok(())
    }

    fn font(&mut self, resources: &Dict, name: &[u8]) -> Result<Option<Rc<Font>>, Fault> {
        let fonts = self.file.dict(resources, "Font")?;
        let Some(font) = std::str::from_utf8(name).ok().and_then(|name| fonts.get(name)) else {
            return Ok(None);
        };
        let number = match font {
            Value::Reference(number) => Some(*number),
            _ => None,
        };
        if let Some(known) = number.and_then(|number| self.fonts.get(&number)) {
            return Ok(Some(Rc::clone(known)));
        }
        let Value::Dict(dict) = self.file.resolve(font)?.value else {
            return Ok(None);
        };
        let font = Rc::new(Font::load(self.file, &dict)?);
        if let Some(number) = number {
            if self.fonts.len() == MOST_FONTS {
                self.fonts.clear();
            }
            self.fonts.insert(number, Rc::clone(&font));
        }
        Ok(Some(font))
    }

    /// Adds a text that is drawn at that place, and moves the place behind it.
    fn show(&mut self, text: Option<&Value>, state: &State, place: &mut Place) -> Result<(), Fault> {
        let (Some(Value::Text(text)), Some(font)) = (text, &state.font) else {
            return Ok(());
        };
        let mut text = text.as_slice();
        while let Some(glyph) = font.next(&mut text) {
            self.part(state, place);
            if let Some(text) = &glyph.text {
                self.file.budget.spend(text.len())?;
                self.text.extend(text.chars().filter_map(plain).flat_map(letters));
                if self.text.len() > LONGEST_TEXT {
                    return Err(Fault::TooMuch);
                }
            }
            let mut width = glyph.width * state.size + state.character_spacing;
            if glyph.is_space {
                width += state.word_spacing;
            }
            *place = place.moved(width * state.stretch, 0.0);
            self.pen = Some(place.origin);
        }
        Ok(())
    }

    /// Begins a new word or line if the next glyph does not stand where the last one ended.
    fn part(&mut self, state: &State, place: &Place) {
        let Some(pen) = self.pen else { return };
        let scale = place.along.0.hypot(place.along.1);
        let size = state.size.abs() * scale;
        let (x, y) = (place.origin.0 - pen.0, place.origin.1 - pen.1);
        let along = (x * place.along.0 + y * place.along.1) / scale;
        let across = (y * place.along.0 - x * place.along.1) / scale;
        if !along.is_finite() || !across.is_finite() || across.abs() > size * LINE_STEP || along < -size * LINE_STEP {
            self.break_line();
        } else if along > size * WORD_GAP && !self.text.ends_with(|last: char| last.is_whitespace()) {
            self.text.push(' ');
        }
    }

    fn break_line(&mut self) {
        self.pen = None;
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            let end = self.text.trim_end_matches(' ').len();
            self.text.truncate(end);
            self.text.push('\n');
        }
    }
}

/// Characters that say how a text looks, and those that say nothing, as ones that can be searched for.
fn plain(character: char) -> Option<char> {
    match character {
        '\u{ad}' | '\u{fffd}' => None,
        character if character.is_whitespace() => Some(' '),
        character if character.is_control() => None,
        character => Some(character),
    }
}

/// A character, or the letters of a ligature.
fn letters(character: char) -> impl Iterator<Item = char> {
    let letters = match character {
        'ﬀ' => "ff",
        'ﬁ' => "fi",
        'ﬂ' => "fl",
        'ﬃ' => "ffi",
        'ﬄ' => "ffl",
        'ﬅ' | 'ﬆ' => "st",
        _ => "",
    };
    let itself = letters.is_empty().then_some(character);
    letters.chars().chain(itself)
}

/// Skips the bytes of a picture in the content, up to its `EI`.
fn skip_image(lexer: &mut Lexer<'_>) {
    let rest = lexer.rest();
    let end = rest
        .windows(4)
        .position(|window| matches!(window, [before, b'E', b'I', after] if is_space(*before) && is_space(*after)));
    lexer.at += end.map_or(rest.len(), |end| end + 4);
}
