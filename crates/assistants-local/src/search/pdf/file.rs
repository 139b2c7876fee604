//! The objects of a file, and its pages.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::rc::Rc;

use super::lexer::{Dict, Lexer, Token, Value, is_space};
use super::{Budget, Fault, filters, find};

/// How far behind the last mark of its end a file may go on, in bytes.
const LONGEST_TAIL: usize = 4096;

/// How much the streams that hold objects may have together once they are unpacked, in bytes.
const LARGEST_PACKED: usize = 64 * 1024 * 1024;

/// How many objects a file may have.
const MOST_OBJECTS: usize = 1_000_000;

/// How deep the tree of pages may be. Files have two or three levels.
const DEEPEST_TREE: usize = 32;

/// A file whose objects are known.
#[derive(Debug)]
pub(super) struct File<'a> {
    bytes: &'a [u8],
    pub(super) budget: &'a Budget,
    places: HashMap<u32, Place>,
    /// The streams that hold objects, unpacked.
    packed: Vec<Vec<u8>>,
    root: Value,
    is_encrypted: bool,
}

/// Where an object is.
#[derive(Clone, Debug)]
enum Place {
    /// In the file, from there on.
    File(usize),
    /// In a stream that holds objects.
    Packed { stream: usize, part: Range<usize> },
}

/// An object: its value, and its bytes if it is a stream.
#[derive(Debug)]
pub(super) struct Object<'a> {
    pub(super) value: Value,
    data: Option<&'a [u8]>,
}

/// A page, with what it inherits.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) contents: Value,
    pub(super) resources: Rc<Dict>,
}

impl<'a> File<'a> {
    /// Finds the objects. A later one of the same number takes the place of an earlier one, as updates are appended.
    pub(super) fn open(bytes: &'a [u8], budget: &'a Budget) -> Result<Self, Fault> {
        if find(&bytes[..bytes.len().min(1024)], 0, b"%PDF-", budget)?.is_none() {
            return Err(Fault::Damaged("it does not begin like one".to_owned()));
        }
        if find(bytes, bytes.len().saturating_sub(LONGEST_TAIL), b"%%EOF", budget)?.is_none() {
            return Err(Fault::Damaged("its end is missing".to_owned()));
        }
        let mut file = Self {
            bytes,
            budget,
            places: HashMap::new(),
            packed: Vec::new(),
            root: Value::Null,
            is_encrypted: false,
        };
        let mut holders = Vec::new();
        let (mut at, mut gap) = (0, 0);
        while let Some(found) = find(bytes, at, b"obj", budget)? {
            at = found + 3;
            let Some((start, number)) = header(bytes, found) else {
                continue;
            };
            file.trailers(gap..start)?;
            let (object, end) = match file.read(at) {
                Ok(read) => read,
                Err(Fault::Damaged(_)) => continue,
                Err(fault) => return Err(fault),
            };
            file.place(number, Place::File(at))?;
            if let Value::Dict(dict) = &object.value {
                match dict.name("Type") {
                    b"XRef" => file.trailer(dict),
                    b"ObjStm" => holders.push((number, at)),
                    _ => {}
                }
            }
            (at, gap) = (end, end);
        }
        file.trailers(gap..bytes.len())?;
        if file.is_encrypted {
            return Err(Fault::Unsupported("it is encrypted".to_owned()));
        }
        for (number, at) in holders {
            file.unpack(number, at)?;
        }
        Ok(file)
    }

    fn place(&mut self, number: u32, place: Place) -> Result<(), Fault> {
        self.places.insert(number, place);
        if self.places.len() > MOST_OBJECTS {
            return Err(Fault::TooMuch);
        }
        Ok(())
    }

    /// Looks for trailers where no objects are.
    fn trailers(&mut self, part: Range<usize>) -> Result<(), Fault> {
        let (bytes, budget) = (self.bytes, self.budget);
        let part_bytes = bytes.get(..part.end).unwrap_or_default();
        let mut at = part.start;
        while let Some(found) = find(part_bytes, at, b"trailer", budget)? {
            at = found + 7;
            if let Some(Value::Dict(dict)) = Lexer::new(part_bytes, at, budget).value()? {
                self.trailer(&dict);
            }
        }
        Ok(())
    }

    fn trailer(&mut self, dict: &Dict) {
        self.is_encrypted |= dict.get("Encrypt").is_some_and(|encrypt| *encrypt != Value::Null);
        if let Some(root) = dict.get("Root") {
            self.root = root.clone();
        }
    }

    /// The object whose value stands there, and where it ends.
    fn read(&self, at: usize) -> Result<(Object<'a>, usize), Fault> {
        let mut lexer = Lexer::new(self.bytes, at, self.budget);
        let value = lexer.value()?.unwrap_or(Value::Null);
        let end = lexer.at;
        let Value::Dict(dict) = &value else {
            return Ok((Object { value, data: None }, end));
        };
        // The word is left out of a dictionary that is not closed, and then there is no stream.
        if lexer.next()? != Some(Token::Word(b"stream")) {
            return Ok((Object { value, data: None }, end));
        }
        let start = match lexer.rest() {
            [b'\r', b'\n', ..] => lexer.at + 2,
            [b'\r' | b'\n', ..] => lexer.at + 1,
            _ => lexer.at,
        };
        let length = dict.get("Length").and_then(Value::as_index);
        let stated = length.and_then(|length| start.checked_add(usize::try_from(length).ok()?));
        let end = match stated.filter(|end| self.is_end_of_stream(*end)) {
            Some(end) => end,
            // The length is wrong or in another object.
            None => match find(self.bytes, start, b"endstream", self.budget)? {
                Some(end) if self.bytes[start..end].ends_with(b"\r\n") => end - 2,
                Some(end) if self.bytes[start..end].ends_with(b"\n") => end - 1,
                Some(end) => end,
                None => self.bytes.len(),
            },
        };
        let data = self.bytes.get(start..end);
        Ok((Object { value, data }, end))
    }

    fn is_end_of_stream(&self, at: usize) -> bool {
        let rest = self.bytes.get(at..).unwrap_or_default();
        let space = rest.iter().take(4).take_while(|byte| is_space(**byte)).count();
        rest[space..].starts_with(b"endstream")
    }

    /// Notes the objects in a stream that holds objects.
    fn unpack(&mut self, number: u32, at: usize) -> Result<(), Fault> {
        // A later object of that number has taken its place.
        if !matches!(self.places.get(&number), Some(Place::File(place)) if *place == at) {
            return Ok(());
        }
        let (object, _) = self.read(at)?;
        let Value::Dict(dict) = &object.value else {
            return Ok(());
        };
        let (Some(count), Some(first)) = (
            dict.get("N").and_then(Value::as_index),
            dict.get("First").and_then(Value::as_index),
        ) else {
            return Ok(());
        };
        let first = usize::try_from(first).unwrap_or(usize::MAX);
        let bytes = self.decode(dict, object.data.unwrap_or_default())?;
        let total: usize = self.packed.iter().map(Vec::len).sum();
        if total + bytes.len() > LARGEST_PACKED {
            return Err(Fault::TooMuch);
        }
        let mut starts = Vec::new();
        let mut lexer = Lexer::new(bytes.get(..first).unwrap_or_default(), 0, self.budget);
        for _ in 0..usize::try_from(count).unwrap_or_default().min(MOST_OBJECTS) {
            let (Some(number), Some(offset)) = (lexer.value()?, lexer.value()?) else {
                break;
            };
            if let (Some(number), Some(offset)) = (number.as_index(), offset.as_index())
                && let Some(start) = first.checked_add(usize::try_from(offset).unwrap_or(usize::MAX))
                && start < bytes.len()
            {
                starts.push((start, number));
            }
        }
        starts.sort_unstable();
        // Each object ends where the next begins, so that no byte is read for more than one of them.
        let ends: Vec<usize> = starts
            .iter()
            .skip(1)
            .map(|(start, _)| *start)
            .chain([bytes.len()])
            .collect();
        let stream = self.packed.len();
        for ((start, number), end) in starts.into_iter().zip(ends) {
            // An object of the file was written behind the streams of an earlier version, or stands for itself.
            let part = start..end;
            let is_newer = |place: &Place| matches!(place, Place::File(other) if *other > at);
            if !self.places.get(&number).is_some_and(is_newer) {
                self.place(number, Place::Packed { stream, part })?;
            }
        }
        self.packed.push(bytes);
        Ok(())
    }

    /// The object of that number; null if there is none.
    fn object(&self, number: u32) -> Result<Object<'a>, Fault> {
        self.budget.spend(1)?;
        match self.places.get(&number) {
            None => Ok(Object {
                value: Value::Null,
                data: None,
            }),
            Some(Place::File(at)) => Ok(self.read(*at)?.0),
            Some(Place::Packed { stream, part }) => {
                let bytes = self.packed.get(*stream).and_then(|bytes| bytes.get(part.clone()));
                let value = Lexer::new(bytes.unwrap_or_default(), 0, self.budget).value()?;
                Ok(Object {
                    value: value.unwrap_or(Value::Null),
                    data: None,
                })
            }
        }
    }

    /// The object that a value stands for. An object is no reference itself, so this takes one step. A value that is
    /// no object of its own is copied, which is paid for.
    pub(super) fn resolve(&self, value: &Value) -> Result<Object<'a>, Fault> {
        self.budget.spend(value.weight().saturating_mul(8))?;
        match value {
            Value::Reference(number) => self.object(*number),
            other => Ok(Object {
                value: other.clone(),
                data: None,
            }),
        }
    }

    /// The value of a member, wherever it is; null if there is none.
    pub(super) fn get(&self, dict: &Dict, name: &str) -> Result<Value, Fault> {
        match dict.get(name) {
            Some(value) => Ok(self.resolve(value)?.value),
            None => Ok(Value::Null),
        }
    }

    /// The dictionary of a member; an empty one if there is none.
    pub(super) fn dict(&self, dict: &Dict, name: &str) -> Result<Dict, Fault> {
        Ok(self.get(dict, name)?.into_dict().unwrap_or_default())
    }

    /// The dictionary and the decoded bytes of a stream.
    pub(super) fn stream(&self, object: Object<'a>) -> Result<Option<(Dict, Vec<u8>)>, Fault> {
        let (Value::Dict(dict), Some(data)) = (object.value, object.data) else {
            return Ok(None);
        };
        let bytes = self.decode(&dict, data)?;
        Ok(Some((dict, bytes)))
    }

    fn decode(&self, dict: &Dict, data: &[u8]) -> Result<Vec<u8>, Fault> {
        let all = |name: &str| -> Result<Vec<Value>, Fault> {
            match self.get(dict, name)? {
                Value::Array(values) => {
                    let resolved = values.iter().take(filters::MOST).map(|value| self.resolve(value));
                    resolved.map(|object| Ok(object?.value)).collect()
                }
                Value::Null => Ok(Vec::new()),
                other => Ok(vec![other]),
            }
        };
        let params: Vec<Dict> = all("DecodeParms")?
            .into_iter()
            .map(|value| value.into_dict().unwrap_or_default())
            .collect();
        filters::decode(&all("Filter")?, &params, data, self.budget)
    }

    /// Visits the pages in their order.
    pub(super) fn each_page(&self, mut visit: impl FnMut(&Page) -> Result<(), Fault>) -> Result<(), Fault> {
        let root = self.resolve(&self.root)?.value.into_dict().unwrap_or_default();
        let Some(tree) = root.get("Pages") else {
            return Err(Fault::Damaged("it has no list of its pages".to_owned()));
        };
        let mut count = 0_usize;
        let mut seen = HashSet::new();
        // What is still to be looked at, the next one last, with the resources that it inherits and its depth.
        let mut open = vec![(tree.clone(), Rc::new(Dict::default()), 0)];
        while let Some((node, inherited, depth)) = open.pop() {
            // A node that is its own descendant would have no end.
            if let Value::Reference(number) = node
                && !seen.insert(number)
            {
                continue;
            }
            let Some(node) = self.resolve(&node)?.value.into_dict() else {
                continue;
            };
            let resources = match self.get(&node, "Resources")? {
                Value::Dict(own) => Rc::new(own),
                _ => inherited,
            };
            match self.get(&node, "Kids")? {
                Value::Array(_) if depth == DEEPEST_TREE => {
                    return Err(Fault::Damaged("the list of its pages is nested too deeply".to_owned()));
                }
                Value::Array(kids) => {
                    let kids = kids.into_iter().rev();
                    open.extend(kids.map(|kid| (kid, Rc::clone(&resources), depth + 1)));
                }
                _ => {
                    count += 1;
                    let contents = node.get("Contents").cloned().unwrap_or(Value::Null);
                    visit(&Page { contents, resources })?;
                }
            }
        }
        match count {
            0 => Err(Fault::Damaged("it has no pages".to_owned())),
            _ => Ok(()),
        }
    }
}

/// The start and the number of the object whose header, `12 0 obj`, ends with this `obj`.
fn header(bytes: &[u8], obj: usize) -> Option<(usize, u32)> {
    let before = |end: usize, is_part: fn(u8) -> bool| {
        let part = bytes[..end].iter().rev().take(12).take_while(|byte| is_part(**byte));
        end - part.count()
    };
    let is_digit = |byte: u8| byte.is_ascii_digit();
    let generation_end = before(obj, is_space);
    let generation = before(generation_end, is_digit);
    let number_end = before(generation, is_space);
    let number = before(number_end, is_digit);
    if generation == generation_end || number_end == generation {
        return None;
    }
    let digits = std::str::from_utf8(&bytes[number..number_end]).ok()?;
    Some((number, digits.parse().ok()?))
}
