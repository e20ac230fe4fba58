//! Bodies: layouts, encodings, limits and damage.

use std::io::Write;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::intake::adapters::SegmentCall;
use crate::intake::body_format::{BodyEncoding, BodyFormat};
use crate::intake::budget::IntakeBudget;
use crate::intake::error::{ExceededLimit, IntakeError};
use crate::intake::raw_event::RawEvent;

fn events(body: &[u8], format: BodyFormat) -> Result<Vec<(u32, String)>, IntakeError> {
    let events = split(body, &format, 5)?;
    Ok(events
        .into_iter()
        .map(|e| {
            assert!(e.text.is_none_or(|text| text.as_bytes() == e.bytes));
            (e.index, e.text.unwrap_or("not utf-8").to_owned())
        })
        .collect())
}

fn owned(events: &[(u32, &str)]) -> Vec<(u32, String)> {
    events.iter().map(|(i, text)| (*i, (*text).to_owned())).collect()
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn plain(body: &[u8], encoding: BodyEncoding, bytes_max: usize) -> Result<Bytes, IntakeError> {
    let mut share = IntakeBudget::new(1, 1 << 30).permit();
    share.grow(body.len()).unwrap();
    let plain = decompress(Bytes::copy_from_slice(body), encoding, bytes_max, &mut share)?;
    assert_eq!(share.bytes(), plain.len(), "what is held is charged");
    Ok(plain)
}

#[test]
fn lines_keep_their_numbers_and_blank_ones_are_skipped() {
    let body = b"\xef\xbb\xbf{\"a\":1}\r\n\n  \t\r\n {\"b\":\"\xc3\xa9\"} \nnope";
    let found = events(body, BodyFormat::Ndjson).unwrap();
    assert_eq!(found, owned(&[(0, r#"{"a":1}"#), (3, r#"{"b":"é"}"#), (4, "nope")]));
    assert_eq!(events(b"", BodyFormat::Ndjson).unwrap(), []);
    assert_eq!(events(b"\n\n", BodyFormat::Ndjson).unwrap(), []);
}

#[test]
fn an_id_before_a_line_is_none_of_its_event() {
    let named = |body: &'static [u8]| {
        let events = split(body, &BodyFormat::NamedNdjson, 5).unwrap();
        let event = |e: RawEvent<'static>| (e.index, e.id, e.text);
        events.into_iter().map(event).collect::<Vec<_>>()
    };
    let body = b"a\t{\"event\":\"x\"}\r\n\nb c\t {\t}\n\t{}\n{}";
    let none = |index, text| (index, None, Some(text));
    assert_eq!(
        named(body),
        [
            (0, Some("a"), Some("{\"event\":\"x\"}")),
            (2, Some("b c"), Some("{\t}")),
            none(3, "{}"),
            none(4, "{}"),
        ]
    );
    assert_eq!(named(b"\xff\t{}\na\t\xff"), [(0, None, None), (1, Some("a"), None)]);
}

#[test]
fn a_line_that_is_not_utf8_leaves_the_others_alone() {
    let found = events(b"{}\n\xff\n\xc3\xa9", BodyFormat::Ndjson).unwrap();
    assert_eq!(found, owned(&[(0, "{}"), (1, "not utf-8"), (2, "é")]));
}

#[test]
fn json_is_an_object_or_an_array() {
    let json = |body: &str| events(body.as_bytes(), BodyFormat::Json);
    assert_eq!(json("").unwrap(), []);
    assert_eq!(json(" \n").unwrap(), []);
    assert_eq!(json("[ ]").unwrap(), []);
    assert_eq!(json(" {\"a\": 1} ").unwrap(), owned(&[(0, "{\"a\": 1}")]));
    assert_eq!(json("[{}, 3 ,\"a\"]").unwrap(), owned(&[(0, "{}"), (1, "3"), (2, "\"a\"")]));
    for bad in ["{nope", "[{},", "[{}] x", "{} {}", "3", "null", "nope", "\"a\""] {
        let error = json(bad).unwrap_err();
        assert!(matches!(error, IntakeError::MalformedBody(_)), "{bad}: {error}");
    }
    let error = events(b"{\"a\":\"\xff\"}", BodyFormat::Json).unwrap_err();
    assert!(error.to_string().contains("byte 6"), "{error}");
}

#[test]
fn events_are_counted_without_blank_lines() {
    let too_many = |body: &[u8], format: BodyFormat| {
        let error = split(body, &format, 5).unwrap_err();
        assert!(
            matches!(error, IntakeError::TooLarge { limit: ExceededLimit::Events, max: 5 }),
            "{error}"
        );
    };
    assert_eq!(events(b"1\n\n2\n3\n4\n5\n\n", BodyFormat::Ndjson).unwrap().len(), 5);
    too_many(b"1\n2\n3\n4\n5\n6", BodyFormat::Ndjson);
    assert_eq!(events(b"[1,2,3,4,5]", BodyFormat::Json).unwrap().len(), 5);
    too_many(b"[1,2,3,4,5,6]", BodyFormat::Json);
}

#[test]
fn nesting_costs_no_stack() {
    let deep = format!("[{}]", "[".repeat(1 << 20));
    assert!(matches!(
        events(deep.as_bytes(), BodyFormat::Json),
        Err(IntakeError::MalformedBody(_))
    ));
    let deep = format!("[{}{}]", "[".repeat(1 << 20), "]".repeat(1 << 20));
    assert_eq!(events(deep.as_bytes(), BodyFormat::Json).unwrap().len(), 1);
}

#[test]
fn members_and_frames_follow_each_other() {
    let body = [gzip(b"one "), gzip(b""), gzip(b"two")].concat();
    assert_eq!(plain(&body, BodyEncoding::Gzip, 7).unwrap(), "one two");
    let frame = |text: &[u8]| zstd::encode_all(text, 1).unwrap();
    let body = [frame(b"one "), frame(b""), frame(b"two")].concat();
    assert_eq!(plain(&body, BodyEncoding::Zstd, 7).unwrap(), "one two");
    assert_eq!(plain(b"", BodyEncoding::Gzip, 7).unwrap(), "");
    assert_eq!(plain(b"plain", BodyEncoding::Identity, 7).unwrap(), "plain");
}

#[test]
fn damage_is_a_malformed_body() {
    let good = gzip(&b"some text ".repeat(50));
    let framed = zstd::encode_all(&b"some text ".repeat(50)[..], 1).unwrap();
    for (body, encoding) in [
        (&b"xx"[..], BodyEncoding::Gzip),
        (&good[..good.len() - 1], BodyEncoding::Gzip),
        (&[&good[..], b"trailing"].concat()[..], BodyEncoding::Gzip),
        (b"xx", BodyEncoding::Zstd),
        (&framed[..framed.len() - 1], BodyEncoding::Zstd),
        (&[&framed[..], b"trailing"].concat()[..], BodyEncoding::Zstd),
    ] {
        let error = plain(body, encoding, 1 << 20).unwrap_err();
        assert!(matches!(error, IntakeError::MalformedBody(_)), "{encoding:?}: {error}");
    }
}

#[test]
fn a_bomb_stops_at_the_limit() {
    let zeros = vec![0; 4 << 20];
    let bombs = [
        (gzip(&zeros), BodyEncoding::Gzip),
        (zstd::encode_all(&zeros[..], 1).unwrap(), BodyEncoding::Zstd),
        (zeros.clone(), BodyEncoding::Identity),
    ];
    for (bomb, encoding) in bombs {
        let error = plain(&bomb, encoding, 1 << 20).unwrap_err();
        let IntakeError::TooLarge { limit, max } = error else { panic!("{encoding:?}: {error}") };
        assert_eq!((limit, max), (ExceededLimit::DecompressedBytes, 1 << 20), "{encoding:?}");
    }
    let mut share = IntakeBudget::new(1, 1 << 20).permit();
    let error = decompress(gzip(&zeros).into(), BodyEncoding::Gzip, 8 << 20, &mut share);
    assert!(matches!(error, Err(IntakeError::Overloaded)), "{error:?}");
}

#[test]
fn types_and_encodings_are_read_as_http_spells_them() {
    use BodyEncoding::{Gzip, Identity, Zstd};
    for (name, format) in [
        ("application/json", BodyFormat::Json),
        ("Application/JSON; charset=\"UTF-8\"", BodyFormat::Json),
        ("application/x-ndjson;charset=utf-8", BodyFormat::Ndjson),
    ] {
        assert_eq!(BodyFormat::of_content_type(Some(name)).unwrap(), format);
    }
    for name in [None, Some(""), Some("text/html"), Some("application/json; charset=latin1")] {
        let error = BodyFormat::of_content_type(name).unwrap_err().to_string();
        assert!(error.contains("application/x-ndjson"), "{error}");
    }
    for (name, encoding) in
        [(None, Identity), (Some("identity"), Identity), (Some("GZIP"), Gzip), (Some("zstd"), Zstd)]
    {
        assert_eq!(BodyEncoding::of_content_encoding(name).unwrap(), encoding);
    }
    for name in ["br", "gzip, zstd"] {
        let error = BodyEncoding::of_content_encoding(Some(name)).unwrap_err().to_string();
        assert!(error.contains("`gzip` and `zstd`"), "{error}");
    }
}

proptest! {
    #[test]
    fn arbitrary_bodies_do_not_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        cut in any::<prop::sample::Index>(),
    ) {
        for encoding in [BodyEncoding::Gzip, BodyEncoding::Zstd] {
            let _ = plain(&bytes, encoding, 1 << 20);
        }
        for format in [BodyFormat::Json, BodyFormat::Ndjson] {
            let _ = split(&bytes, &format, 5);
        }
        let mut zipped = gzip(&bytes);
        let at = cut.index(zipped.len());
        zipped[at] ^= 0x55;
        let _ = plain(&zipped, BodyEncoding::Gzip, 1 << 20);
    }

    #[test]
    fn lines_are_those_of_a_naive_split(body in "[ab\r\n\té]{0,40}") {
        let naive: Vec<(u32, String)> = (0..)
            .zip(body.split('\n'))
            .map(|(i, line)| (i, line.trim().to_owned()))
            .filter(|(_, line)| !line.is_empty())
            .collect();
        let found = split(body.as_bytes(), &BodyFormat::Ndjson, usize::MAX).unwrap();
        let found: Vec<_> =
            found.iter().map(|e| (e.index, e.text.unwrap().to_owned())).collect();
        prop_assert_eq!(found, naive);
    }
}

#[test]
fn calls_are_an_object_and_a_batch_is_a_field_of_one() {
    let call = BodyFormat::Segment(SegmentCall::Track);
    assert_eq!(events(b" {\"a\":1}", call.clone()).unwrap(), owned(&[(0, "{\"a\":1}")]));
    for body in [&b""[..], b"[]", b"[{}]", b"7", b"{"] {
        assert!(matches!(events(body, call.clone()), Err(IntakeError::MalformedBody(_))));
    }
    let batch = br#"{"sentAt":"now","batch":[{"a":1}, 2],"writeKey":"k"}"#;
    let found = events(batch, BodyFormat::SegmentBatch).unwrap();
    assert_eq!(found, owned(&[(0, "{\"a\":1}"), (1, "2")]));
    for body in [&b""[..], b"{}", b"[]", br#"{"batch":{}}"#, br#"{"batch":[1],"batch":[2]}"#] {
        assert!(matches!(
            events(body, BodyFormat::SegmentBatch),
            Err(IntakeError::MalformedBody(_))
        ));
    }
    let many = br#"{"batch":[1,2,3,4,5,6]}"#;
    assert!(matches!(events(many, BodyFormat::SegmentBatch), Err(IntakeError::TooLarge { .. })));
}
