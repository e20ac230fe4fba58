//! The digest of an event's content, which distinguishes a repetition from another event with the
//! same id. It is stored with the event, so its bytes are part of the journal's format.
//!
//! xxh3-64 over four parts, in this order: `event` without JSON escapes, `time` as the JSON text
//! that was sent, `subject` without JSON escapes, `properties` as the JSON text that was sent. Each
//! part is its length as a little-endian u32, then its bytes; a part that was absent or null is
//! `ff ff ff ff`. An event without `time` has therefore the same content whenever it is sent.

use xxhash_rust::xxh3::xxh3_64;

use super::envelope::Envelope;

const ABSENT: [u8; 4] = u32::MAX.to_le_bytes();

/// Computes digests, reusing its memory from event to event.
#[derive(Debug, Default)]
pub(crate) struct ContentDigest {
    framed: Vec<u8>,
}

impl ContentDigest {
    pub(crate) fn of(&mut self, event: &Envelope<'_>) -> u64 {
        self.framed.clear();
        let time = event.time.map(|time| time.text);
        for part in [Some(&*event.event), time, event.subject.as_deref(), event.properties] {
            match part {
                // An event is far smaller than 4 GiB: settings cap the body at 1 GiB.
                Some(text) => {
                    self.framed.extend_from_slice(&(text.len() as u32).to_le_bytes());
                    self.framed.extend_from_slice(text.as_bytes());
                }
                None => self.framed.extend_from_slice(&ABSENT),
            }
        }
        xxh3_64(&self.framed)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::intake::envelope::EventTime;
    use merganser_core::time::Timestamp;

    fn digest(
        event: &str,
        time: Option<&str>,
        subject: Option<&str>,
        properties: Option<&str>,
    ) -> u64 {
        ContentDigest::default().of(&Envelope {
            event: event.into(),
            id: None,
            time: time.map(|text| EventTime { at: Timestamp(0), text }),
            subject: subject.map(Into::into),
            properties,
        })
    }

    #[test]
    fn no_part_can_be_taken_for_another() {
        let all = [
            digest("ab", None, None, None),
            digest("a", Some("b"), None, None),
            digest("a", None, Some("b"), None),
            digest("a", None, None, Some("b")),
            digest("a", None, Some(""), None),
            digest("a", None, None, None),
        ];
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
    }

    #[test]
    fn the_digest_is_the_one_that_journals_hold() {
        // Fixed by the format: a change here breaks the recognition of repetitions.
        let framed = b"\x08\0\0\0purchase\xff\xff\xff\xff\x01\0\0\0u\x02\0\0\0{}";
        assert_eq!(digest("purchase", None, Some("u"), Some("{}")), xxh3_64(framed));
    }
}
