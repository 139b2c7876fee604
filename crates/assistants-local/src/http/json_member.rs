//! Extracts one string member from a JSON object that arrives in pieces.
//!
//! The rest is the same object with a short string in its place, so it can be parsed as usual, and the extracted string
//! can be of any length.

/// Replaces characters that are not ASCII, and bytes that no JSON string may contain. It never occurs in UTF-8 text.
const NOT_ASCII: u8 = 0xff;

/// Extracts the string of one member. Members of nested objects are left alone, and so are values of the member that
/// are not strings.
#[derive(Debug)]
pub(super) struct JsonMember {
    name: &'static str,
    /// What replaces a string that is not empty.
    substitute: &'static str,
    is_empty: bool,
    depth: usize,
    /// The next string at depth 1 is a member name.
    name_is_next: bool,
    /// The last member name was the wanted one.
    is_target: bool,
    /// The string that is being read.
    string: Option<StringKind>,
    escape: Escape,
    strings: usize,
}

/// The role of a string.
#[derive(Clone, Copy, Debug)]
enum StringKind {
    /// A member name. `Some(n)` if its first `n` characters match the wanted name so far, `None` if it is a different
    /// one.
    Name(Option<usize>),
    Target,
    Other,
}

/// The progress of an escape sequence.
#[derive(Clone, Copy, Debug)]
enum Escape {
    None,
    Backslash,
    /// After `\u`: the number of digits so far, and their value.
    Digits(u8, u32),
}

impl JsonMember {
    /// `name` must be ASCII, and `substitute` must not need escaping.
    pub(super) fn new(name: &'static str, substitute: &'static str) -> Self {
        Self {
            name,
            substitute,
            is_empty: true,
            depth: 0,
            name_is_next: false,
            is_target: false,
            string: None,
            escape: Escape::None,
            strings: 0,
        }
    }

    /// The number of extracted strings: more than one if the object has the member repeatedly.
    pub(super) fn strings(&self) -> usize {
        self.strings
    }

    /// Appends the part of `piece` that belongs to the string to `taken`, with escapes resolved, and everything else to
    /// `rest`.
    pub(super) fn split(&mut self, mut piece: &[u8], taken: &mut Vec<u8>, rest: &mut Vec<u8>) {
        while let Some((byte, behind)) = piece.split_first() {
            if matches!((self.string, self.escape), (Some(StringKind::Target), Escape::None)) {
                // The fast path: nearly all of a body is plain characters of the string.
                let plain = piece.iter().position(|byte| !is_plain(*byte)).unwrap_or(piece.len());
                if plain > 0 {
                    let (plain, behind) = piece.split_at(plain);
                    taken.extend_from_slice(plain);
                    self.is_empty = false;
                    piece = behind;
                    continue;
                }
            }
            piece = behind;
            match self.string {
                None => {
                    rest.push(*byte);
                    self.outside(*byte);
                }
                Some(kind) => {
                    let ends = *byte == b'"' && matches!(self.escape, Escape::None);
                    if ends && matches!(kind, StringKind::Target) && !self.is_empty {
                        rest.extend_from_slice(self.substitute.as_bytes());
                    }
                    if ends || !matches!(kind, StringKind::Target) {
                        rest.push(*byte);
                    }
                    if ends {
                        self.end(kind);
                    } else if let Some(character) = self.resolve(*byte) {
                        self.string = Some(self.take(kind, character, taken));
                    }
                }
            }
        }
    }

    fn outside(&mut self, byte: u8) {
        match byte {
            b'"' => {
                self.string = Some(match (self.depth, self.name_is_next) {
                    (1, true) => StringKind::Name(Some(0)),
                    (1, false) if self.is_target => {
                        self.strings += 1;
                        self.is_empty = true;
                        StringKind::Target
                    }
                    _ => StringKind::Other,
                });
            }
            b'{' | b'[' => {
                self.depth += 1;
                if self.depth == 1 {
                    self.name_is_next = byte == b'{';
                }
            }
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            b',' if self.depth == 1 => {
                // This also runs for a top-level array, where it does not matter: without a colon, no name ends.
                self.name_is_next = true;
                self.is_target = false;
            }
            b':' if self.depth == 1 => self.name_is_next = false,
            _ => {}
        }
    }

    fn end(&mut self, kind: StringKind) {
        if let StringKind::Name(matched) = kind {
            self.is_target = matched == Some(self.name.len());
        }
        self.string = None;
    }

    fn take(&mut self, kind: StringKind, character: u8, taken: &mut Vec<u8>) -> StringKind {
        match kind {
            StringKind::Name(matched) => {
                let next = matched.filter(|matched| self.name.as_bytes().get(*matched) == Some(&character));
                StringKind::Name(next.map(|matched| matched + 1))
            }
            StringKind::Target => {
                taken.push(character);
                self.is_empty = false;
                kind
            }
            StringKind::Other => kind,
        }
    }

    /// Returns the character that this byte of a string completes, if any.
    fn resolve(&mut self, byte: u8) -> Option<u8> {
        match std::mem::replace(&mut self.escape, Escape::None) {
            Escape::None if byte == b'\\' => {
                self.escape = Escape::Backslash;
                None
            }
            Escape::None => Some(if (b' '..0x80).contains(&byte) { byte } else { NOT_ASCII }),
            Escape::Backslash if byte == b'u' => {
                self.escape = Escape::Digits(0, 0);
                None
            }
            Escape::Backslash => Some(match byte {
                b'"' | b'\\' | b'/' => byte,
                b'b' => 0x08,
                b'f' => 0x0c,
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                _ => NOT_ASCII,
            }),
            Escape::Digits(count, value) => {
                let Some(digit) = char::from(byte).to_digit(16) else {
                    return Some(NOT_ASCII);
                };
                let value = value * 16 + digit;
                if count == 3 {
                    let ascii = u8::try_from(value).ok().filter(u8::is_ascii);
                    return Some(ascii.unwrap_or(NOT_ASCII));
                }
                self.escape = Escape::Digits(count + 1, value);
                None
            }
        }
    }
}

/// Returns whether a byte of a string represents itself.
fn is_plain(byte: u8) -> bool {
    (b' '..0x80).contains(&byte) && !matches!(byte, b'"' | b'\\')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn split<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (String, String, usize) {
        let mut member = JsonMember::new("content", "-");
        let (mut taken, mut rest) = (Vec::new(), Vec::new());
        for piece in pieces {
            member.split(piece, &mut taken, &mut rest);
        }
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        (text(taken), text(rest), member.strings())
    }

    #[track_caller]
    fn check(json: &str, taken: &str, rest: &str, strings: usize) {
        for step in 1..=json.len() {
            let matched = split(json.as_bytes().chunks(step));
            assert_eq!(
                matched,
                (taken.to_owned(), rest.to_owned(), strings),
                "{step} at a time"
            );
        }
    }

    #[test]
    fn takes_the_string_of_the_member_and_nothing_else() {
        check(
            r#"{"a": 1, "content": "YQ==", "b": []}"#,
            "YQ==",
            r#"{"a": 1, "content": "-", "b": []}"#,
            1,
        );
        check(
            r#"{"content":"\/\u002b\n\"\\\u00e9é\q"}"#,
            "/+\n\"\\\u{fffd}\u{fffd}\u{fffd}\u{fffd}",
            r#"{"content":"-"}"#,
            1,
        );
        check(r#"{"c\u006fntent":"x"}"#, "x", r#"{"c\u006fntent":"-"}"#, 1);
        check(
            r#"{"content":"a","content":"b"}"#,
            "ab",
            r#"{"content":"-","content":"-"}"#,
            2,
        );
        check(r#"{"content": ""}"#, "", r#"{"content": ""}"#, 1);
        for whole in [
            r#"{"a": {"content": "x"}, "b": [{"content": "x"}], "contents": "x", "conten": "x", "content\u0000": "x"}"#,
            r#"{"content": null, "a": "content", "b": "x"}"#,
            r#"{"content": ["x", {"content": "x"}], "a": "\",\"content\":\"x"}"#,
            r#"["content", "x", {"content": "x"}]"#,
            r#""content""#,
            "",
        ] {
            check(&format!("{whole} "), "", &format!("{whole} "), 0);
        }
    }

    /// Any JSON value, in the formatting of `serde_json`.
    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i32>().prop_map(Value::from),
            "[a-z\"\\\\/\n:,{}\\[\\]é]{0,8}".prop_map(Value::from),
            Just(Value::from("content")),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("content|[a-c\"\\\\]{1,3}", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_taken_and_what_is_left_are_the_whole(whole in value(), cuts in proptest::collection::vec(0_usize..200, 0..6)) {
            let json = whole.to_string();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(json.len())).collect();
            cuts.extend([0, json.len()]);
            cuts.sort_unstable();
            let (taken, rest, strings) = split(cuts.windows(2).map(|cut| &json.as_bytes()[cut[0]..cut[1]]));
            let mut left = whole.clone();
            if let Some(Value::String(string)) = left.get_mut("content") {
                let ascii: String = string
                    .chars()
                    .flat_map(|one| std::iter::repeat_n(if one.is_ascii() { one } else { '\u{fffd}' }, one.len_utf8()))
                    .collect();
                prop_assert_eq!(taken, ascii);
                prop_assert_eq!(strings, 1);
                if !string.is_empty() {
                    "-".clone_into(string);
                }
            } else {
                prop_assert_eq!((taken.as_str(), strings), ("", 0));
            }
            prop_assert_eq!(rest, left.to_string());
        }
    }
}
