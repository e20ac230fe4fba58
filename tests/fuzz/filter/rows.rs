//! What expressions are evaluated on: few rows, with what is odd about each type.

use std::sync::{Arc, LazyLock};

use arrow::array::{
    BooleanArray, Decimal128Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use merganser_core::decimal;
use merganser_core::event::{Event, EventBatch};
use merganser_core::property::PropertyType;
use merganser_core::time::Timestamp;
use merganser_metric::expression::{InputColumn, NumberWidth, input_schema};

/// Columns of the kinds that queries have conditions over.
pub(super) const TYPES: [(&str, PropertyType); 5] = [
    ("country", PropertyType::Text),
    ("a b", PropertyType::Text),
    ("orders", PropertyType::Number),
    ("late", PropertyType::Boolean),
    ("seen", PropertyType::Time),
];

const PROPERTIES: [Option<&str>; 7] = [
    Some(r#"{"a":0,"b":1,"s":"","t":true,"o":{"p":"x"}}"#),
    Some(r#"{"a":-0.5,"b":2.5,"s":"Straße İ","t":false,"o":{"p":1}}"#),
    Some(r#"{"a":99999999999999999999999999999.999999999,"b":1e-9,"s":"a,b","o":[]}"#),
    Some(r#"{"a":-99999999999999999999999999999,"b":3,"s":"%_\\","t":"true"}"#),
    Some(r#"{"a":"12","b":1e400,"s":null,"t":1,"o":{"p":null}}"#),
    Some(r#"{"a":0.0000000005,"b":0.1,"s":"\ud83e\udd86 x"}"#),
    None,
];

const TIMES: [i64; 7] =
    [0, Timestamp::MIN.0, Timestamp::MAX.0 - 1, -1, 1_359_675_015_000_001, 951_782_400_000_000, 1];

/// Events whose properties have the types that a use needs, and others.
pub(super) fn events() -> &'static EventBatch {
    static EVENTS: LazyLock<EventBatch> = LazyLock::new(|| {
        let event = |(number, (properties, time)): (usize, (&Option<&str>, &i64))| Event {
            id: format!("e{number}"),
            content: None,
            event: ["sale", "visit"][number % 2].to_owned(),
            time: *time,
            arrived: *time,
            subject: [None, Some("u-1".to_owned())][number % 2].clone(),
            properties: properties.map(str::to_owned),
        };
        PROPERTIES.iter().zip(&TIMES).enumerate().map(event).collect()
    });
    &EVENTS
}

/// Rows of [`TYPES`].
pub(super) fn columns() -> &'static RecordBatch {
    static COLUMNS: LazyLock<RecordBatch> = LazyLock::new(|| {
        let inputs = TYPES.map(|(name, ty)| InputColumn::Column(name.to_owned(), ty));
        let numbers = [Some(0), Some(-1_500_000_000), Some(10_i128.pow(38) - 1), None];
        let numbers = Decimal128Array::from_iter(numbers);
        let numbers = numbers.with_precision_and_scale(decimal::PRECISION, decimal::SCALE);
        let times = [Some(0), Some(Timestamp::MIN.0), None, Some(1_359_675_015_000_000)];
        RecordBatch::try_new(
            input_schema(&inputs, NumberWidth::Short),
            vec![
                Arc::new(StringArray::from(vec![Some("DE"), Some(""), None, Some("12")])),
                Arc::new(StringArray::from(vec![Some("x"), None, Some("İ"), Some("12.0")])),
                Arc::new(numbers.unwrap()),
                Arc::new(BooleanArray::from(vec![Some(true), Some(false), None, None])),
                Arc::new(TimestampMicrosecondArray::from(times.to_vec()).with_timezone("UTC")),
            ],
        )
        .unwrap()
    });
    &COLUMNS
}
