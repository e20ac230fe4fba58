//! Values at the edges of what columns hold: none becomes another one.

use arrow::array::{
    Date32Array, Date64Array, Decimal128Array, Int64Array, TimestampMillisecondArray,
    TimestampNanosecondArray, TimestampSecondArray, UInt64Array,
};
use parquet::data_type::{
    ByteArray, ByteArrayType, DataType as ParquetType, Int32Type, Int96, Int96Type,
};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::*;
use crate::intake::columnar::instant::instant;

/// A file with the types of events, and a column of a type of Parquet's own.
fn raw_parquet<T: ParquetType>(column: &str, values: &[T::T]) -> Bytes {
    let schema = format!("message m {{ required binary event (STRING); {column} }}");
    let schema = Arc::new(parse_message_type(&schema).unwrap());
    let mut bytes = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut bytes, schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut events = group.next_column().unwrap().unwrap();
    let types = vec![ByteArray::from("e"); values.len()];
    events.typed::<ByteArrayType>().write_batch(&types, None, None).unwrap();
    events.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let levels = vec![1; values.len()];
    column.typed::<T>().write_batch(values, Some(&levels), None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
    bytes.into()
}

fn int96(day: i32, nanos: u64) -> Int96 {
    let mut value = Int96::new();
    value.set_data((nanos & 0xffff_ffff) as u32, (nanos >> 32) as u32, day as u32);
    value
}

/// The day of 1 January 1970, counted from noon of 24 November 4714 BC.
const EPOCH_DAY: i64 = 2_440_588;

fn of_int96(values: &[Int96]) -> Vec<String> {
    let body = raw_parquet::<Int96Type>("optional int96 time;", values);
    read(ColumnarFormat::Parquet, body).unwrap()
}

fn timed(time: &str) -> String {
    format!(r#"{{"event":"e","time":"{time}"}}"#)
}

#[test]
fn spark_s_instants_are_those_that_were_written_however_far() {
    let day = |days: i64| i32::try_from(EPOCH_DAY + days).unwrap();
    for (value, time) in [
        (int96(day(0), 1_500_000), "1970-01-01T00:00:00.001500Z"),
        (int96(day(193_579), 0), "2500-01-01T00:00:00Z"),
        (int96(day(106_751), 86_399_999_999_000), "2262-04-11T23:59:59.999999Z"),
        (int96(day(106_752), 1), "2262-04-12T00:00:00.000000001Z"),
        (int96(day(-135_140), 0), "1600-01-01T00:00:00Z"),
        (int96(day(-719_162), 0), "0001-01-01T00:00:00Z"),
        (int96(day(2_932_896), 86_399_999_999_999), "9999-12-31T23:59:59.999999999Z"),
        (int96(day(2_932_897), 0), "+10000-01-01T00:00:00Z"),
        (int96(i32::MAX, 86_399_000_000_000), "+5874898-06-03T23:59:59Z"),
        (int96(i32::MIN, 0), "-5884323-05-15T00:00:00Z"),
        // What some write of the evening before.
        (int96(day(1), u64::MAX), "1970-01-01T23:59:59.999999999Z"),
    ] {
        assert_eq!(of_int96(&[value]), [timed(time)]);
    }
}

#[test]
fn instants_within_lists_and_beside_others_are_the_same() {
    let body = raw_parquet::<Int96Type>(
        "required group properties { optional int96 at; }",
        &[int96(2_634_167, 0), int96(2_440_588, 1_000)],
    );
    assert_eq!(
        read(ColumnarFormat::Parquet, body).unwrap(),
        [
            r#"{"event":"e","properties":{"at":"2500-01-01T00:00:00Z"}}"#,
            r#"{"event":"e","properties":{"at":"1970-01-01T00:00:00.000001Z"}}"#,
        ]
    );
}

#[test]
fn a_value_that_a_type_cannot_hold_is_refused_and_not_cut() {
    for (column, value, words) in [
        (
            "optional int32 time (INTEGER(8,false));",
            300,
            "the value 300, and its type holds 0 to 255",
        ),
        ("optional int32 time (INTEGER(8,true));", 128, "holds -128 to 127"),
        ("optional int32 time (INTEGER(16,false));", -1, "the value -1, and its type"),
        ("optional int32 time (INTEGER(16,true));", 40_000, "holds -32768 to 32767"),
    ] {
        let body = raw_parquet::<Int32Type>(column, &[1, value, 2]);
        let error = read(ColumnarFormat::Parquet, body).unwrap_err();
        assert!(error.contains("the column `time`") && error.contains(words), "{error}");
    }
    let fits = raw_parquet::<Int32Type>("optional int32 time (INTEGER(8,false));", &[255]);
    assert_eq!(read(ColumnarFormat::Parquet, fits).unwrap(), [r#"{"event":"e","time":255}"#]);
    let bits = raw_parquet::<Int32Type>("optional int32 time (INTEGER(32,false));", &[-1]);
    assert_eq!(
        read(ColumnarFormat::Parquet, bits).unwrap(),
        [r#"{"event":"e","time":4294967295}"#]
    );
}

#[test]
fn errors_of_times_beyond_the_calendar_show_the_times() {
    let seconds = TimestampSecondArray::from(vec![i64::MAX, i64::MIN, 16_725_225_600]);
    assert_eq!(
        read(ColumnarFormat::ArrowStream, stream(&with("time", Arc::new(seconds)))).unwrap(),
        [
            timed("+292277026596-12-04T15:30:07Z"),
            timed("-292277022657-01-27T08:29:52Z"),
            timed("2500-01-01T00:00:00Z"),
        ]
    );
    let millis = TimestampMillisecondArray::from(vec![i64::MAX, i64::MIN]);
    assert_eq!(
        both(&with("time", Arc::new(millis))),
        [timed("+292278994-08-17T07:12:55.807Z"), timed("-292275055-05-16T16:47:04.192Z")]
    );
    let nanos = TimestampNanosecondArray::from(vec![i64::MAX, i64::MIN]);
    assert_eq!(
        both(&with("time", Arc::new(nanos))),
        [timed("2262-04-11T23:47:16.854775807Z"), timed("1677-09-21T00:12:43.145224192Z")]
    );
}

#[test]
fn a_time_that_is_no_number_is_not_that_of_arrival() {
    let floats = Float64Array::from(vec![Some(f64::NAN), Some(f64::INFINITY), Some(1.5), None]);
    let none = r#"{"event":"e"}"#.to_owned();
    let float = r#"{"event":"e","time":1.5}"#.to_owned();
    let expected = [timed("NaN"), timed("inf"), float, none];
    assert_eq!(both(&with("time", Arc::new(floats))), expected);
}

#[test]
fn dates_decimals_and_integers_have_every_digit() {
    let date = Date32Array::from(vec![i32::MAX, i32::MIN, 0]);
    let far = Date64Array::from(vec![i64::MAX, -1, 86_400_000]);
    let unsigned = UInt64Array::from(vec![u64::MAX, 0, 1]);
    let whole = Int64Array::from(vec![i64::MIN, i64::MAX, 0]);
    // More digits than the type says; a body may hold what it likes.
    let wide = Decimal128Array::from(vec![1_234_567, -5, 0]).with_precision_and_scale(4, 2);
    let most =
        Decimal128Array::from(vec![i128::MAX, i128::MIN, 7]).with_precision_and_scale(38, 38);
    let tens = Decimal128Array::from(vec![12, -3, 0]).with_precision_and_scale(5, -2);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("d", Arc::new(date)),
        ("f", Arc::new(far)),
        ("u", Arc::new(unsigned)),
        ("i", Arc::new(whole)),
        ("w", Arc::new(wide.unwrap())),
        ("m", Arc::new(most.unwrap())),
        ("t", Arc::new(tens.unwrap())),
    ];
    let read = read(ColumnarFormat::ArrowStream, stream(&with("properties", properties(columns))));
    assert_eq!(
        read.unwrap(),
        [
            concat!(
                r#"{"event":"e","properties":{"d":"+5881580-07-11","f":"+292278994-08-17","#,
                r#""u":18446744073709551615,"i":-9223372036854775808,"w":12345.67,"#,
                r#""m":1.70141183460469231731687303715884105727,"t":1200}}"#
            ),
            concat!(
                r#"{"event":"e","properties":{"d":"-5877641-06-23","f":"1969-12-31","#,
                r#""u":0,"i":9223372036854775807,"w":-0.05,"#,
                r#""m":-1.70141183460469231731687303715884105728,"t":-300}}"#
            ),
            concat!(
                r#"{"event":"e","properties":{"d":"1970-01-01","f":"1970-01-02","#,
                r#""u":1,"i":0,"w":0.00,"m":0.00000000000000000000000000000000000007,"t":0}}"#
            ),
        ]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Days and nanoseconds of any size are the instant that 128 bits make of them.
    #[test]
    fn int96_is_the_instant_that_wide_arithmetic_gives(day in any::<i32>(), nanos in any::<u64>()) {
        let day_nanos = 86_400_000_000_000_i128;
        let signed = nanos as i64;
        let all = (i128::from(day) - i128::from(EPOCH_DAY)) * day_nanos + i128::from(signed);
        let seconds = i64::try_from(all.div_euclid(1_000_000_000)).unwrap();
        let rest = u32::try_from(all.rem_euclid(1_000_000_000)).unwrap();
        prop_assert_eq!(of_int96(&[int96(day, nanos)]), [timed(&instant(seconds, rest))]);
    }
}
