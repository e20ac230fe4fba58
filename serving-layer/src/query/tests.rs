//! Reading queries.

use super::*;

/// Names of all parameters.
pub(crate) fn names() -> [&'static str; 23] {
    parameters::NAMES
}

#[test]
fn defaults_are_those_of_the_contract() {
    let query = Query::from_pairs([("metric".to_owned(), "m".to_owned())]).unwrap();
    assert_eq!(query.granularity, Granularity::All);
    assert_eq!(query.timezone, Tz::UTC);
    assert_eq!((query.rows_max(), query.offset), (10_000, 0));
    assert_eq!(
        (query.fill, query.compare, query.partial),
        (FillPolicy::None, None, PartialPolicy::Refuse)
    );
    assert_eq!(
        (query.csv, query.with_all_rows().rows_max()),
        (CsvTextStyle::Verbatim, LIMIT_MAX + 1)
    );
    let query = Query::from_pairs([("metric".to_owned(), "m".to_owned())]).unwrap();
    assert_eq!((query.measures, query.format), (None, None));
}
