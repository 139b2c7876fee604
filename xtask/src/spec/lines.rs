//! Line numbers of the members of a YAML document, by JSON pointer.

use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

/// Line numbers, by JSON pointer (RFC 6901).
#[derive(Debug, Default)]
pub(crate) struct Lines(HashMap<String, u64>);

impl Lines {
    /// Determines the lines of `text`; none if it is not YAML, which parsing the document reports.
    pub(crate) fn of(text: &str) -> Self {
        let mut lines = Self::default();
        if let Ok(document) = serde_saphyr::from_str::<Spanned<Node>>(text) {
            lines.add(&document.value, &mut String::new());
        }
        lines
    }

    /// The line of the member at `pointer`, or of the closest enclosing one.
    pub(crate) fn line(&self, pointer: &str) -> u64 {
        let mut pointer = pointer;
        loop {
            if let Some(line) = self.0.get(pointer) {
                return *line;
            }
            let Some((outer, _)) = pointer.rsplit_once('/') else {
                return 1;
            };
            pointer = outer;
        }
    }

    fn add(&mut self, node: &Node, pointer: &mut String) {
        let length = pointer.len();
        match node {
            Node::Mapping(members) => {
                for (key, value) in members {
                    push(pointer, &key.value);
                    self.0.insert(pointer.clone(), key.referenced.line());
                    self.add(&value.value, pointer);
                    pointer.truncate(length);
                }
            }
            Node::Sequence(items) => {
                for (index, item) in items.iter().enumerate() {
                    push(pointer, &index.to_string());
                    self.0.insert(pointer.clone(), item.referenced.line());
                    self.add(&item.value, pointer);
                    pointer.truncate(length);
                }
            }
            Node::Scalar => {}
        }
    }
}

/// Appends a member to a JSON pointer.
pub(crate) fn push(pointer: &mut String, member: &str) {
    pointer.push('/');
    pointer.push_str(&member.replace('~', "~0").replace('/', "~1"));
}

/// A document of which only the positions are relevant.
enum Node {
    Mapping(Vec<(Spanned<String>, Spanned<Node>)>),
    Sequence(Vec<Spanned<Node>>),
    Scalar,
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Node::Mapping(members))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element()? {
            items.push(item);
        }
        Ok(Node::Sequence(items))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_str<E>(self, _: &str) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_line_of_every_member() {
        let lines = Lines::of("a: 1\nb:\n  - c: {d: null}\n  - x/y: two\n    z: 'three'\n");
        for (pointer, line) in [
            ("/a", 1),
            ("/b", 2),
            ("/b/0", 3),
            ("/b/0/c/d", 3),
            ("/b/1/x~1y", 4),
            ("/b/1/z", 5),
            ("/b/1/missing/deeper", 4),
            ("/nowhere", 1),
        ] {
            assert_eq!(lines.line(pointer), line, "{pointer}");
        }
    }
}
