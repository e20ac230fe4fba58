//! The rules of `properties`, against a parser that builds what it reads.

use std::collections::HashSet;
use std::fmt;

use proptest::prelude::*;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use merganser_core::json::JsonCursor;

use super::*;

/// `None` for what is not JSON.
fn walk(text: &str) -> Option<Result<(), InvalidCode>> {
    let mut rules = PropertyRules::default();
    rules.begin();
    JsonCursor::new(text).walk(&mut Vec::new(), &mut rules)?;
    Some(rules.end().map_err(|invalid| invalid.code))
}

fn check(text: &str) -> Result<(), InvalidCode> {
    walk(text).unwrap()
}

fn nested(open: &str, close: &str, depth: usize) -> String {
    format!("{}1{}", open.repeat(depth), close.repeat(depth))
}

#[test]
fn objects_that_keep_the_rules_pass() {
    for text in [
        "{}",
        r#"{"a":1,"b":{"a":1},"c":[{"a":1},{"a":1}],"d":"a","A":1}"#,
        r#"{"a":"a","b":["a","a",{"x":"a"}],"":null}"#,
        r#"{"a":"\ud83d\ude00 \" \\ \u0000","\"":1,"\\":2,"{":3,"}":"]","[":","}"#,
        r#"{"n":1e999,"m":123456789012345678901234567890.5,"k":-0}"#,
        r#"{ "a" : [ ] , "b" : { } }"#,
    ] {
        assert_eq!(check(text), Ok(()), "{text}");
    }
}

#[test]
fn a_key_twice_is_found_at_any_level_and_spelling() {
    for text in [
        r#"{"a":1,"a":2}"#,
        r#"{"a":{"x":{"b":1,"c":[],"b":2}}}"#,
        r#"{"l":[1,{"k":[],"k":{}}]}"#,
        r#"{"a":1,"\u0061":2}"#,
        r#"{"":1,"":2}"#,
        r#"{"é":1,"\u00e9":2}"#,
        r#"{"a":{},"b":1,"a":3}"#,
    ] {
        assert_eq!(check(text), Err(InvalidCode::DuplicateProperty), "{text}");
    }
    let many = |last: &str| {
        let keys: String = (0..5000).map(|i| format!(r#""k{i}":{i},"#)).collect();
        format!(r#"{{{keys}"{last}":0}}"#)
    };
    assert_eq!(check(&many("k")), Ok(()));
    assert_eq!(check(&many("k77")), Err(InvalidCode::DuplicateProperty));
}

#[test]
fn the_object_itself_is_level_one_of_32() {
    assert_eq!(check(&nested(r#"{"a":"#, "}", 32)), Ok(()));
    assert_eq!(check(&nested(r#"{"a":"#, "}", 33)), Err(InvalidCode::PropertiesTooDeep));
    let lists = |depth| format!(r#"{{"a":{}}}"#, nested("[", "]", depth));
    assert_eq!(check(&lists(31)), Ok(()));
    assert_eq!(check(&lists(32)), Err(InvalidCode::PropertiesTooDeep));
    assert_eq!(check(&lists(1_000_000)), Err(InvalidCode::PropertiesTooDeep));
}

#[test]
fn only_unicode_text_passes() {
    for text in [
        r#"{"a":"\ud800"}"#,
        r#"{"a":"\udc00"}"#,
        r#"{"a":"\ud800\n"}"#,
        r#"{"a":"\ud800\ud800\udc00"}"#,
        r#"{"\udfff":1}"#,
        r#"{"a":["\uDBFF\u0041"]}"#,
    ] {
        assert_eq!(check(text), Err(InvalidCode::InvalidProperties), "{text}");
    }
}

/// The rules again, by a parser that builds what it reads.
enum Tree {
    Leaf,
    Inner { depth: usize, has_twice: bool },
}

impl Tree {
    fn over(parts: impl IntoIterator<Item = Tree>, is_twice: bool) -> Self {
        let (mut below, mut has_twice) = (0, is_twice);
        for part in parts {
            if let Tree::Inner { depth, has_twice: twice } = part {
                below = below.max(depth);
                has_twice |= twice;
            }
        }
        Tree::Inner { depth: below + 1, has_twice }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Tree;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }
            fn visit_unit<E>(self) -> Result<Tree, E> {
                Ok(Tree::Leaf)
            }
            fn visit_bool<E>(self, _: bool) -> Result<Tree, E> {
                Ok(Tree::Leaf)
            }
            fn visit_i64<E>(self, _: i64) -> Result<Tree, E> {
                Ok(Tree::Leaf)
            }
            fn visit_u64<E>(self, _: u64) -> Result<Tree, E> {
                Ok(Tree::Leaf)
            }
            fn visit_f64<E>(self, _: f64) -> Result<Tree, E> {
                Ok(Tree::Leaf)
            }
            fn visit_str<E>(self, _: &str) -> Result<Tree, E> {
                Ok(Tree::Leaf)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Tree, A::Error> {
                let mut parts = Vec::new();
                while let Some(part) = seq.next_element()? {
                    parts.push(part);
                }
                Ok(Tree::over(parts, false))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
                let (mut keys, mut is_twice, mut parts) = (HashSet::new(), false, Vec::new());
                while let Some((key, part)) = map.next_entry::<String, Tree>()? {
                    is_twice |= !keys.insert(key);
                    parts.push(part);
                }
                Ok(Tree::over(parts, is_twice))
            }
        }

        deserializer.deserialize_any(Any)
    }
}

fn json() -> impl Strategy<Value = String> {
    let string = prop_oneof![
        "[a-c]{0,2}".prop_map(|s| format!("\"{s}\"")),
        Just(r#""\u0061""#.to_owned()),
        Just(r#""\ud83d\ude00\"{[,""#.to_owned()),
        Just(r#""\ud83d""#.to_owned()),
        Just("\"é\\\\\"".to_owned()),
    ];
    let leaf = prop_oneof![
        3 => string.clone(),
        1 => Just("-1.5e3".to_owned()),
        1 => Just("null".to_owned()),
        1 => Just("true".to_owned()),
    ];
    let value = leaf.prop_recursive(40, 60, 4, move |inner| {
        let pair = (string.clone(), inner.clone()).prop_map(|(k, v)| format!("{k} :{v}"));
        prop_oneof![
            prop::collection::vec(pair, 0..5).prop_map(|p| format!("{{{}}}", p.join(" ,"))),
            prop::collection::vec(inner, 0..3).prop_map(|p| format!("[{}]", p.join(","))),
        ]
    });
    (value, 0_usize..40).prop_map(|(value, depth)| {
        format!(r#"{}{{"":{value}}}{}"#, r#"{"x":["#.repeat(depth / 2), "]}".repeat(depth / 2))
    })
}

proptest! {
    #[test]
    fn it_finds_what_a_parser_finds(text in json()) {
        let expected = match serde_json::from_str::<Tree>(&text) {
            Ok(Tree::Inner { depth, has_twice }) if depth <= DEPTH_MAX && !has_twice => Ok(()),
            Ok(Tree::Inner { depth, .. }) if depth > DEPTH_MAX => Err("deep"),
            Ok(_) => Err("twice"),
            Err(_) => Err("surrogate"),
        };
        let found = check(&text);
        prop_assert_eq!(found.is_ok(), expected.is_ok(), "{}: {:?}, {:?}", text, found, expected);
    }

    #[test]
    fn it_survives_what_is_not_json(text in r#"\{[{}\[\]",:\\uD8da0-9é]{0,60}"#) {
        let _ = walk(&text);
    }
}
