//! What was decoded elsewhere is what is decoded here.

use merganser_core::property::parse_path;
use merganser_metric::extract::PropertyExtractor;
use proptest::prelude::*;

use super::*;
use crate::intake::event_id::CountedIds;
use crate::intake::prepare::{PlainBody, prepare};
use crate::intake::settings::IntakeLimits;

const NOW: Timestamp = Timestamp(1_795_000_000_000_000);

fn prepared(body: &str) -> PreparedEvents {
    let wanted = [("n", PropertyType::Number), ("t", PropertyType::Text)];
    let column = |(path, ty)| PropertyColumn { path: parse_path(path).unwrap(), ty };
    let body = PlainBody {
        bytes: Bytes::copy_from_slice(body.as_bytes()),
        format: BodyFormat::Ndjson,
        fixed: None,
        arrived: NOW,
        begun: Instant::now(),
    };
    let wanted = PropertyExtractor::new(wanted.map(column));
    prepare(&[body], &IntakeLimits::default(), &wanted, &CountedIds::default()).unwrap()
}

/// What the committer makes of it.
fn seen(prepared: &PreparedEvents) -> impl PartialEq + std::fmt::Debug + use<> {
    let request = prepared.requests[0].as_ref().unwrap();
    let text = |place| String::from_utf8_lossy(&request.as_sent(place)).into_owned();
    let valid: Vec<_> = prepared
        .candidates
        .iter()
        .map(|event| (event.place.index, text(event.place), event.id_hash))
        .collect();
    let invalid: Vec<_> = request
        .invalid
        .iter()
        .map(|(place, fault)| (place.index, text(*place), fault.clone()))
        .collect();
    (prepared.events.batch().clone(), valid, invalid, request.rows.clone(), request.arrived)
}

fn handed_on(prepared: &PreparedEvents) -> PreparedEvents {
    decode(&encode(prepared).unwrap().into(), NOW).unwrap()
}

#[test]
fn properties_come_along_but_for_those_that_are_read_again() {
    let short =
        prepared("{\"event\":\"a\",\"properties\":{\"n\":1.5,\"t\":\"x\"}}\n{\"event\":\"b\"}");
    let there = handed_on(&short);
    assert_eq!(there.events.read().iter().count(), 2);
    for (column, values) in short.events.read().iter() {
        assert_eq!(&there.events.read().get(column).unwrap().values, &values.values);
    }
    let odd = prepared(
        "{\"event\":\"a\",\"properties\":{\"n\":\"1\",\"t\":\"x\"}}\n\
         {\"event\":\"b\",\"properties\":{\"n\":0.1234567890123456789}}",
    );
    let there = handed_on(&odd);
    let names: Vec<String> = there.events.read().iter().map(|(column, _)| column.name()).collect();
    assert_eq!(names, ["text:t"]);
}

/// What a request takes decides how many are committed together, and whether there is room.
#[test]
fn it_takes_about_as_much_as_what_was_decoded_here() {
    let line = |n| format!("{{\"event\":\"a\",\"id\":\"i-{n}\",\"properties\":{{\"n\":{n}}}}}\n");
    let here = prepared(&(0..5_000).map(line).collect::<String>());
    let (there, here) = (handed_on(&here).size_bytes(), here.size_bytes());
    assert!(there <= here && here < 2 * there, "{there} bytes, and {here} here");
    let encoded = encode(&prepared(&(0..5_000).map(line).collect::<String>())).unwrap().len();
    assert!(encoded < 4 * here, "{encoded} bytes of {here}");
}

proptest! {
    #[test]
    fn what_is_handed_on_is_what_was_decoded(
        lines in prop::collection::vec(
            prop_oneof![
                "\\{\"event\":\"[a-c]{0,2}\"(,\"id\":\"[a-z]{1,9}\")?(,\"subject\":\"s\")?\
                 (,\"properties\":\\{\"n\":[0-9]{1,4}\\})?\\}",
                "[ -~]{0,12}",
            ],
            0..20,
        )
    ) {
        let prepared = prepared(&lines.join("\n"));
        prop_assert_eq!(seen(&handed_on(&prepared)), seen(&prepared));
    }

    #[test]
    fn damage_is_found(at in 0_usize..2000, flip in 1_u8.., cut in 0_usize..3, summed: bool) {
        let prepared = prepared("{\"event\":\"a\",\"id\":\"i\",\"properties\":{\"n\":1}}\nnope");
        let mut body = encode(&prepared).unwrap();
        let at = at % body.len();
        match cut {
            0 => body[at] ^= flip,
            1 => body.truncate(at),
            _ => body.extend(std::iter::repeat_n(flip, 1 + at)),
        }
        if summed {
            // Whoever writes it may also write the checksum.
            let sum = crc32c::crc32c(body.get(4..).unwrap_or_default()).to_le_bytes();
            body.iter_mut().zip(sum).for_each(|(byte, sum)| *byte = sum);
        }
        match decode(&body.into(), NOW) {
            Err(error) => prop_assert!(matches!(error, IntakeError::MalformedBody(_)), "{error}"),
            Ok(read) => {
                prop_assert!(summed, "damage was not found");
                let request = read.requests[0].as_ref().unwrap();
                read.candidates.iter().for_each(|event| drop(request.as_sent(event.place)));
            }
        }
    }
}
