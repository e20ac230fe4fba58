//! Finding values by their paths.

use super::PropertyExtractor;
use merganser_core::json::{JsonString, JsonVisitor};

/// A name's place among the paths: the columns that end here, and the names below.
#[derive(Clone, Debug, Default)]
pub(super) struct PathNode {
    columns: Vec<usize>,
    below: Vec<(String, PathNode)>,
}

impl PathNode {
    /// Adds a column's path.
    pub(super) fn add(&mut self, path: &[String], column: usize) {
        let Some((name, rest)) = path.split_first() else {
            self.columns.push(column);
            return;
        };
        let at = self.below.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
            self.below.push((name.clone(), PathNode::default()));
            self.below.len() - 1
        });
        self.below[at].1.add(rest, column);
    }

    #[inline]
    fn named(&self, name: &str) -> Option<&Self> {
        let same = |known: &str| {
            // Most names differ here already.
            known.len() == name.len() && known.as_bytes().first() == name.as_bytes().first()
        };
        self.below.iter().find(|(known, _)| same(known) && known == name).map(|(_, node)| node)
    }
}

/// Finds the values that an [`PropertyExtractor`] reads, in one object after the other.
#[derive(Debug)]
pub struct PropertyFinder<'x, 'a> {
    root: &'x PathNode,
    /// By column, the JSON text of its value; of an object or array the bracket alone, which fits
    /// no type.
    values: Vec<Option<&'a str>>,
    /// Of what is open, its place among the paths, if it has one; the innermost last.
    open: Vec<Option<&'x PathNode>>,
    /// The place of the value that comes next.
    next: Option<&'x PathNode>,
}

impl<'x, 'a> PropertyFinder<'x, 'a> {
    /// Has found nothing.
    #[must_use]
    pub fn new(extractor: &'x PropertyExtractor) -> Self {
        let values = vec![None; extractor.columns.len()];
        Self { root: &extractor.root, values, open: Vec::new(), next: None }
    }

    /// Forgets what it found: another event's properties come next.
    #[inline]
    pub fn begin(&mut self) {
        self.values.fill(None);
        self.open.clear();
        self.next = Some(self.root);
    }

    /// By column, what was found.
    #[inline]
    pub(super) fn values(&self) -> &[Option<&'a str>] {
        &self.values
    }

    #[inline]
    fn found(&mut self, json: &'a str) -> Option<&'x PathNode> {
        let node = self.next.take()?;
        for column in &node.columns {
            self.values[*column] = Some(json);
        }
        Some(node)
    }
}

impl<'a> JsonVisitor<'a> for PropertyFinder<'_, 'a> {
    #[inline]
    fn open(&mut self, is_object: bool) {
        let node = self.found(if is_object { "{" } else { "[" });
        self.open.push(node.filter(|_| is_object));
    }

    #[inline]
    fn close(&mut self) {
        self.open.pop();
    }

    #[inline]
    fn key(&mut self, key: JsonString<'a>) {
        let node = self.open.last().copied().flatten().filter(|node| !node.below.is_empty());
        self.next = node.and_then(|node| node.named(&key.text()?));
    }

    #[inline]
    fn string(&mut self, value: JsonString<'a>) {
        self.found(value.json);
    }

    #[inline]
    fn plain(&mut self, json: &'a str) {
        self.found(json);
    }
}
