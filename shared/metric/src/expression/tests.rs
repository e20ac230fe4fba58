//! What expressions give, and what is refused.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::Decimal128Type;
use proptest::prelude::*;

use super::*;
use crate::extract::PropertyExtractor;
use merganser_core::event::EventBatch;
use merganser_core::event::EventOffsets;
use merganser_core::ids::Offset;
use merganser_core::property::parse_path;
use merganser_core::testing::event;

/// 2013-01-31T23:30:15Z, a Thursday.
const TIME: i64 = 1_359_675_015_000_000;

fn inputs(lowering: ExpressionLowering<'_>, events: &EventBatch) -> RecordBatch {
    let numbers = lowering.numbers;
    let inputs = lowering.into_inputs();
    let properties = inputs.iter().filter_map(|input| match input {
        InputColumn::Property(column) => Some(column.clone()),
        _ => None,
    });
    let extracted = PropertyExtractor::new(properties)
        .extract(events, EventOffsets::consecutive(Offset::ZERO, events.len()));
    let columns: Vec<ArrayRef> = inputs
        .iter()
        .map(|input| match input {
            InputColumn::Field(name) => events.batch().column_by_name(name).unwrap().clone(),
            InputColumn::Property(column) => {
                let property = extracted.column(column).unwrap();
                match (column.ty, numbers) {
                    (PropertyType::Number, NumberWidth::Wide) => {
                        Arc::new(property.wide()) as ArrayRef
                    }
                    _ => property.values.clone(),
                }
            }
            InputColumn::Exact(..) | InputColumn::Column(..) => {
                unreachable!("nothing here asks for it")
            }
        })
        .collect();
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(events.len()));
    let schema = input_schema(&inputs, numbers);
    RecordBatch::try_new_with_options(schema, columns, &options).unwrap()
}

fn one(properties: &str) -> EventBatch {
    [event("sale", TIME, Some(properties))].into_iter().collect()
}

/// What an expression gives over short numbers, and over wide ones, which is the same.
fn alike<T: PartialEq + std::fmt::Debug>(give: impl Fn(ExpressionLowering<'static>) -> T) -> T {
    let given = give(ExpressionLowering::new(NameScope::Event));
    assert_eq!(give(ExpressionLowering::over_wide_events()), given);
    given
}

fn text(expression: &str, properties: &str) -> Option<String> {
    alike(|lowering| text_by(lowering, expression, properties))
}

fn text_by(
    mut lowering: ExpressionLowering<'static>,
    expression: &str,
    properties: &str,
) -> Option<String> {
    let expr = lowering.text(expression).unwrap_or_else(|e| panic!("{expression}: {e}"));
    let batch = inputs(lowering, &one(properties));
    let values = Evaluator::new(&expr, &batch.schema()).unwrap().evaluate(&batch).unwrap();
    let values = values.as_string::<i32>();
    values.is_valid(0).then(|| values.value(0).to_owned())
}

fn number(expression: &str, properties: &str) -> (Option<String>, u64) {
    alike(|lowering| number_by(lowering, expression, properties))
}

fn number_by(
    mut lowering: ExpressionLowering<'static>,
    expression: &str,
    properties: &str,
) -> (Option<String>, u64) {
    let expr = lowering.number(expression).unwrap_or_else(|e| panic!("{expression}: {e}"));
    let batch = inputs(lowering, &one(properties));
    let evaluator = Evaluator::new(&expr, &batch.schema()).unwrap();
    let (values, effects) = count_effects(|| evaluator.evaluate(&batch).unwrap());
    let values = values.as_primitive::<Decimal128Type>();
    let value = values.is_valid(0).then(|| decimal::format(values.value(0)));
    (value, effects.no_result)
}

fn refused(expression: &str) -> String {
    let mut lowering = ExpressionLowering::new(NameScope::Event);
    match lowering.condition(expression) {
        Err(error) => error.to_string(),
        Ok(expr) => panic!("{expression} was taken: {expr}"),
    }
}

#[test]
fn arithmetic_is_decimal_and_total() {
    let value =
        |expression| number(expression, r#"{"a":0.1,"b":0.2,"big":99999999999999999999999999999}"#);
    let some = |text: &str| (Some(text.to_owned()), 0);
    assert_eq!(value("a + b"), some("0.3"));
    assert_eq!(value("1 / 2"), some("0.5"));
    assert_eq!(value("2 / 3 * 3"), some("2"));
    assert_eq!(value("a * 3 - -b"), some("0.5"));
    assert_eq!(value("7 % 4"), some("3"));
    assert_eq!(value("round(2.5) + round(3.456, 1)"), some("5.5"));
    assert_eq!(value("floor(-0.5) + ceil(0.2) + abs(-3)"), some("3"));
    assert_eq!(value("big * 10 / 10 - big"), some("0"));
    assert_eq!(value("big * 10"), (None, 1));
    assert_eq!(value("a / 0"), (None, 1));
    assert_eq!(value("missing + 1"), (None, 0));
    assert_eq!(value("coalesce(missing, 7)"), some("7"));
    assert_eq!(value("CASE WHEN a > 0.05 THEN 1 ELSE b / 3 END"), some("1"));
    assert_eq!(value("nullif(a, 0.1)"), (None, 0));
    assert_eq!(value("length('héllo')"), some("5"));
    assert_eq!(value("CAST('12.5' AS DECIMAL)"), some("12.5"));
    assert_eq!(value("CAST('x' AS DECIMAL)"), (None, 1));
}

#[test]
fn texts_times_and_properties() {
    let value = |expression| {
        text(
            expression,
            r#"{"plan":{"name":"Pro"},"n":12.50,"yes":true,"a b":{"c":"q"},"time":"noon"}"#,
        )
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(value("plan.name"), some("Pro"));
    assert_eq!(value("lower(plan.name) || '-' || n"), some("pro-12.50"));
    assert_eq!(value("n + 0"), some("12.5"));
    assert_eq!(value("yes"), some("true"));
    assert_eq!(value("\"a b\".c"), some("q"));
    assert_eq!(value("properties.time"), some("noon"));
    assert_eq!(value("event"), some("sale"));
    assert_eq!(value("time"), some("2013-01-31T23:30:15Z"));
    assert_eq!(value("date_part('dow', time)"), some("4"));
    assert_eq!(value("EXTRACT(hour FROM time)"), some("23"));
    assert_eq!(value("date_trunc('month', time)"), some("2013-01-01T00:00:00Z"));
    assert_eq!(value("substring(plan.name, 1, 2)"), some("Pr"));
    assert_eq!(value("substring(plan.name FROM 2)"), some("ro"));
    assert_eq!(value("trim(' x ')"), some("x"));
    assert_eq!(value("split_part('a,b', ',', 2)"), some("b"));
    assert_eq!(value("concat('a', plan.name)"), some("aPro"));
    assert_eq!(value("CASE plan.name WHEN 'Pro' THEN 'p' END"), some("p"));
    assert_eq!(value("n > 12"), some("true"));
    assert_eq!(value("missing"), None);
    assert_eq!(value("plan"), None);
}

#[test]
fn conditions() {
    let holds = |condition: &str| {
        let text = text(
            &format!("CASE WHEN {condition} THEN 'yes' ELSE 'no' END"),
            r#"{"a":1,"s":"JFK","f":false,"date":"x"}"#,
        );
        text.as_deref() == Some("yes")
    };
    for condition in [
        "a = 1",
        "a <> 2",
        "s IN ('JFK', 'LGA')",
        "s NOT IN ('EWR')",
        "s LIKE 'J%'",
        "s ILIKE '_fk'",
        "s NOT LIKE 'K%'",
        "a BETWEEN 0.5 AND 1",
        "a NOT BETWEEN 2 AND 3",
        "missing IS NULL",
        "a IS NOT NULL",
        "NOT f",
        "f = FALSE",
        "f IS NOT TRUE",
        "a IS DISTINCT FROM 2",
        "time >= '2013-01-31'",
        "time < '2013-02-01T00:00:00+00:00'",
        "a = 1 AND (s = 'x' OR s = 'JFK')",
        "starts_with(s, 'J')",
        "a = 1.0000000000000000",
        "date = 'x'",
        "s = 'JFK' OR missing > 3",
        "subject IS NULL",
        "id LIKE 'sale-%'",
    ] {
        assert!(holds(condition), "{condition}");
    }
    for condition in ["missing = 1", "a = 2", "a > 1", "s = 'jfk'", "NOT (a = 1)", "f"] {
        assert!(!holds(condition), "{condition}");
    }
}

#[test]
fn forbidden_expressions_are_refused_with_a_reason() {
    for (expression, reason) in [
        ("", "empty"),
        ("a =", "behind `=`, where it ends, a name, a number or a 'text' is missing"),
        ("(a = 1", "behind `1`, where it ends, `)` is missing"),
        ("a = 'x", "the quote that begins at 'x is not closed; ' is missing"),
        ("a = 1 && b = 2", "AND is right"),
        ("a = 1 b", "behind the end"),
        ("(SELECT 1) = 1", "can be used here"),
        ("a IN (SELECT 1)", "can be used here"),
        ("EXISTS (SELECT 1)", "can be used here"),
        ("now() > time", "no function `now`"),
        ("random() > 1", "no function `random`"),
        ("lowr(a) = 'x'", "did you mean `lower`?"),
        ("lower(a, b) = 'x'", "takes 1 arguments"),
        ("date_part('epoch', time) = 1", "'epoch'"),
        ("a + 'x' = 1", "is text, where a number is needed"),
        ("a + 1", "is a number, where a condition"),
        ("time > 'noon'", "RFC 3339"),
        ("a = $1", "cannot be used"),
        ("a LIKE b", "must be 'text'"),
        ("a = 1e999", "out of range"),
        ("count(*) = 1", "plain argument"),
        ("sum(a) OVER () = 1", "plain arguments"),
        ("CAST(a AS DOUBLE) = 1", "DECIMAL and TEXT"),
        ("a ~ 'x'", "cannot be used"),
        ("repeat('x', 100000) = a", "no function `repeat`"),
        ("left('x', 1000000000) = a", "from 0 to 100000"),
        ("split_part(a, ',', 0) = 'x'", "from 1 to"),
        ("CASE WHEN TRUE THEN 1 ELSE 'x' END = 1", "is text"),
    ] {
        let message = refused(expression);
        assert!(message.contains(reason), "{expression}: {message}");
    }
}

#[test]
fn bounds_of_length_depth_and_lists() {
    assert!(refused(&format!("a = '{}'", "x".repeat(5000))).contains("limit"));
    let deep = format!("{}a = 1{}", "(".repeat(500), ")".repeat(500));
    assert!(refused(&deep).contains("nested deeper than the limit of 64 levels"));
    let sum = vec!["a"; 1000].join("+");
    assert!(refused(&format!("{sum} > 1")).contains("nested deeper"));
    for text in [
        format!("{} f", "NOT ".repeat(700)),
        "not ".repeat(1000),
        format!("{}1{} = 1", "case when a = 1 then ".repeat(100), " end".repeat(100)),
        format!("{}1{} = 1", "case when a = ".repeat(40), " then 1 end".repeat(40)),
    ] {
        assert!(refused(&text).contains("nested deeper than the limit of 64 levels"), "{text}");
    }
    // What is wrong by itself is not said to be deep.
    let wrong = format!("{}a{} b", "(".repeat(20), ")".repeat(20));
    assert!(refused(&wrong).contains("`b` stands behind"), "{}", refused(&wrong));
    let list = vec!["1"; 1001].join(",");
    assert!(refused(&format!("a IN ({list})")).contains("over 1000"));
    // A long chain of conditions is not deep.
    let chain = (0..300).map(|n| format!("a = {n}")).collect::<Vec<_>>().join(" OR ");
    let mut lowering = ExpressionLowering::new(NameScope::Event);
    lowering.condition(&chain).unwrap();
}

/// Found by fuzzing: each level doubled what the one below had come to.
#[test]
fn operands_that_are_used_twice_do_not_double_with_each_level() {
    for (begin, end) in [
        ("coalesce(", ", 1)"),
        ("nullif(", ", 1)"),
        ("CASE WHEN ", " BETWEEN 1 AND 2 THEN 1 ELSE 2 END"),
        ("CASE ", " WHEN 1 THEN 2 WHEN 2 THEN 1 END"),
    ] {
        let nested = |levels| format!("{}a{} = 1", begin.repeat(levels), end.repeat(levels));
        assert!(refused(&nested(15)).contains("limit of 4096 operations"), "{begin}");
        ExpressionLowering::new(NameScope::Event).condition(&nested(5)).unwrap();
    }
    // Each text has its own bound.
    let list = format!("a IN ({})", vec!["1"; 1000].join(","));
    let mut lowering = ExpressionLowering::new(NameScope::Event);
    for _ in 0..5 {
        lowering.condition(&list).unwrap();
    }
}

/// Found by fuzzing: what is wrong at its end was read in ways that doubled with each level.
#[test]
fn a_wrong_text_is_read_in_a_bounded_number_of_ways() {
    for text in [
        format!("{}a[", "a.".repeat(50)),
        format!("{}1", "not(".repeat(50)),
        format!("{}1", "case(".repeat(50)),
        format!("{}1 1", "cast(".repeat(50)),
        format!("a IN (SELECT 1 FROM {}a", "(".repeat(50)),
        format!("a IN (FROM {}a", "(".repeat(50)),
        format!("EXISTS (UPDATE {}a", "(a JOIN ".repeat(50)),
    ] {
        let begun = std::time::Instant::now();
        refused(&text);
        assert!(begun.elapsed().as_secs() < 10, "{text} took {:?}", begun.elapsed());
    }
}

/// Words that begin a query elsewhere are names here.
#[test]
fn names_may_be_words_of_queries() {
    for name in ["select", "with", "values", "table", "insert", "update", "delete", "from"] {
        let condition = format!("{name} = 'x' AND (a.{name} = 1 OR {name} IN ('y'))");
        let mut lowering = ExpressionLowering::new(NameScope::Event);
        lowering.condition(&condition).unwrap_or_else(|error| panic!("{condition}: {error}"));
    }
}

#[test]
fn a_predicate_knows_its_columns_and_takes_numbers_for_texts() {
    let columns =
        vec![("origin".to_owned(), PropertyType::Text), ("dow".to_owned(), PropertyType::Text)];
    let error = Predicate::new("orign = 'x'", "dimension", &columns).unwrap_err();
    assert!(error.to_string().contains("no dimension `orign`; did you mean `origin`?"), "{error}");
    let origin: ArrayRef = Arc::new(arrow::array::StringArray::from(vec![Some("JFK"), None]));
    let dow: ArrayRef = Arc::new(arrow::array::StringArray::from(vec![Some("4"), Some("5")]));
    let batch = RecordBatch::try_from_iter([("dow", dow), ("origin", origin)]).unwrap();
    let matches = |text: &str| {
        let predicate = Predicate::new(text, "dimension", &columns).unwrap();
        predicate.matches(&batch).unwrap().iter().map(|m| m.unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(matches("origin = 'JFK' AND dow IN (4, 6)"), [true, false]);
    assert_eq!(matches("origin <> 'LGA'"), [true, false]);
    assert_eq!(matches("origin IS NULL"), [false, true]);
    assert_eq!(matches("dow = 5.0"), [false, true]);
    assert!(Predicate::new("dow < 5", "dimension", &columns).is_err());
}

#[test]
fn paths() {
    let path = |text: &str| parse_path(text).map(|p| p.0).map_err(|e| e.to_string());
    assert_eq!(path("a.b").unwrap(), ["a", "b"]);
    assert_eq!(path("\"a b\".\"c\"\"d\"").unwrap(), ["a b", "c\"d"]);
    assert_eq!(path("properties.time").unwrap(), ["time"]);
    assert_eq!(path("time").unwrap(), ["time"]);
    for wrong in ["", "a..b", "a.", "user-id", "\"open", "\"a\"b"] {
        assert!(path(wrong).is_err(), "{wrong}");
    }
    assert_eq!(parse_path("\"a b\".c").unwrap().to_string(), "\"a b\".c");
}

proptest! {
    #[test]
    fn any_text_is_taken_or_refused(text in "[a-z0-9_'\"().,=<>+*/ %-]{0,60}") {
        let mut lowering = ExpressionLowering::new(NameScope::Event);
        let _ = lowering.condition(&text);
        let _ = parse_path(&text);
    }
}

#[test]
fn wide_numbers_keep_eighteen_places_on_the_way() {
    let wide = |expression| {
        let properties = r#"{"price":3.75e-8,"tokens":1000,"tiny":2.5e-10}"#;
        number_by(ExpressionLowering::over_wide_events(), expression, properties).0
    };
    assert_eq!(wide("tokens * price").as_deref(), Some("0.0000375"));
    assert_eq!(wide("tiny * 1000").as_deref(), Some("0.00000025"));
    assert_eq!(wide("CASE WHEN tiny > 0 THEN 1 ELSE 0 END").as_deref(), Some("1"));
    assert_eq!(wide("CASE WHEN tiny = 0.00000000025 THEN 1 END").as_deref(), Some("1"));
    assert_eq!(wide("CASE WHEN price IN (1, 0.0000000375) THEN 1 END").as_deref(), Some("1"));
    assert_eq!(wide("CASE WHEN price BETWEEN 3.7e-8 AND 3.8e-8 THEN 1 END").as_deref(), Some("1"));
    assert_eq!(wide("coalesce(missing, price, 1) * 100").as_deref(), Some("0.00000375"));
    assert_eq!(wide("nullif(price, 0.000000038)").as_deref(), Some("0.000000038"));
    let text =
        text_by(ExpressionLowering::over_wide_events(), "'x' || (tiny + 0)", r#"{"tiny":2.5e-10}"#);
    assert_eq!(text.as_deref(), Some("x0.00000000025"));
}

/// Conditions over what may fail, one in another.
fn conditional() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec!["a", "b", "c", "0", "2"]);
    let divided = (name.clone(), name.clone()).prop_map(|(a, b)| format!("({a} / {b})"));
    let compared = (divided.clone(), name).prop_map(|(a, b)| format!("{a} > {b}"));
    let plain = prop::sample::select(vec!["k = 'x'", "k IS NULL", "k <> 'y'", "a = 1"]);
    let condition = prop_oneof![compared, plain.prop_map(str::to_owned)];
    let condition = condition.prop_recursive(4, 16, 3, |inner| {
        let two = (inner.clone(), inner.clone());
        prop_oneof![
            two.clone().prop_map(|(a, b)| format!("({a} AND {b})")),
            two.prop_map(|(a, b)| format!("({a} OR {b})")),
            inner.clone().prop_map(|a| format!("NOT ({a})")),
        ]
    });
    let case = (condition.clone(), divided.clone(), condition, divided.clone(), divided);
    case.prop_map(|(first, a, second, b, c)| {
        format!("CASE WHEN {first} THEN {a} WHEN {second} THEN {b} ELSE {c} END")
    })
}

proptest! {
    /// What is counted of many rows is what is counted of each by itself.
    #[test]
    fn rows_that_fail_are_counted_as_if_each_were_alone(
        expression in conditional(),
        rows in prop::collection::vec((0..3_i32, 0..3_i32, 0..3_i32, 0..3_usize), 1..40),
    ) {
        let kinds = [r#""x""#, r#""y""#, "null"];
        let rows = rows.iter().map(|(a, b, c, k)| {
            format!(r#"{{"a":{a},"b":{b},"c":{c},"k":{}}}"#, kinds[*k])
        });
        let events: EventBatch = rows.map(|row| event("e", TIME, Some(&row))).collect();
        alike(|mut lowering| {
            let expr = lowering.number(&expression).unwrap_or_else(|e| panic!("{expression}: {e}"));
            let batch = inputs(lowering, &events);
            let evaluator = Evaluator::new(&expr, &batch.schema()).unwrap();
            let fails = |row: &usize| {
                let (done, effects) = count_effects(|| evaluator.evaluate(&batch.slice(*row, 1)));
                done.unwrap();
                effects.no_result > 0
            };
            let alone = (0..batch.num_rows()).filter(fails).count() as u64;
            let failures = FailureCounter::new(&expr, &batch.schema()).unwrap();
            assert_eq!(failures.count(&batch).unwrap(), alone, "{expression}");
        });
    }
}
