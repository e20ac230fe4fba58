//! The segments that a journal holds, as far as they are durable.
//!
//! It is what readers look at and what the writer publishes to: an event is in here once its frame
//! is fsynced, never before. Segments follow each other without a gap, oldest first, and the last
//! one is always there: the open one, to which is appended.

use std::collections::VecDeque;

use merganser_core::ids::Offset;

use super::segment::JournalSegment;

/// A journal's segments.
#[derive(Debug)]
pub(super) struct SegmentList {
    closed: VecDeque<JournalSegment>,
    open: JournalSegment,
    closed_bytes: u64,
}

impl SegmentList {
    /// All segments, in order: those before the open one, and it.
    pub(super) fn new(closed: Vec<JournalSegment>, open: JournalSegment) -> Self {
        let closed_bytes = closed.iter().map(|segment| segment.size_bytes).sum();
        Self { closed: closed.into(), open, closed_bytes }
    }

    /// The segment that is appended to.
    pub(super) fn open(&self) -> &JournalSegment {
        &self.open
    }

    /// The segment that is appended to, to take in a frame.
    pub(super) fn open_mut(&mut self) -> &mut JournalSegment {
        &mut self.open
    }

    /// Puts a new segment behind the open one, which is closed by that.
    pub(super) fn begin(&mut self, segment: JournalSegment) {
        let closed = std::mem::replace(&mut self.open, segment);
        self.closed_bytes += closed.size_bytes;
        self.closed.push_back(closed);
    }

    /// The first offset that is held.
    pub(super) fn start(&self) -> Offset {
        self.closed.front().unwrap_or(&self.open).header.first
    }

    /// The offset after the last durable event.
    pub(super) fn end(&self) -> Offset {
        self.open.end
    }

    /// Bytes of all files.
    pub(super) fn size_bytes(&self) -> u64 {
        self.closed_bytes + self.open.size_bytes
    }

    /// All segments, in order.
    pub(super) fn all(&self) -> impl Iterator<Item = &JournalSegment> {
        self.closed.iter().chain([&self.open])
    }

    /// The segment that holds the event at `offset`; `None` outside of `[start, end)`.
    pub(super) fn holding(&self, offset: Offset) -> Option<&JournalSegment> {
        let index = self.closed.partition_point(|segment| segment.end <= offset);
        let segment = self.closed.get(index).unwrap_or(&self.open);
        (segment.header.first <= offset && offset < segment.end).then_some(segment)
    }

    /// The first segment that ends at `position` or after; `None` past the end.
    pub(super) fn ending_from(&self, position: Offset) -> Option<&JournalSegment> {
        let index = self.closed.partition_point(|segment| segment.end < position);
        let segment = self.closed.get(index).unwrap_or(&self.open);
        (position <= segment.end).then_some(segment)
    }

    /// Takes out the oldest segment, if all of it lies below `below` and it is not the open one.
    pub(super) fn pop_below(&mut self, below: Offset) -> Option<JournalSegment> {
        let oldest = self.closed.pop_front_if(|segment| segment.end <= below)?;
        self.closed_bytes -= oldest.size_bytes;
        Some(oldest)
    }

    /// Puts back the oldest segment, whose file could not be deleted.
    pub(super) fn restore_oldest(&mut self, oldest: JournalSegment) {
        self.closed_bytes += oldest.size_bytes;
        self.closed.push_front(oldest);
    }
}
