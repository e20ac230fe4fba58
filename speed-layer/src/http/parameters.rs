//! The parameters of the routes that take events, and of the quarantine's.

use merganser_api::invalid_code::InvalidCode;
use merganser_api::quarantine::QuarantineId;
use std::sync::Arc;

use axum::http::Uri;
use merganser_api::problem::Problem;
use merganser_api::request::{conflicting_parameter, invalid_parameter, parameters};

use crate::intake::{BodyFormat, ColumnMapping, CsvParameters, InvalidEventPolicy};

/// When a request is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum WaitMode {
    /// When its events are durable.
    #[default]
    Durable,
    /// When every query from now on includes them.
    Applied,
}

/// Where the ids of events are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum IdPlacement {
    /// In the events.
    #[default]
    Event,
    /// Before each line, for an event that has none.
    Line,
}

impl IdPlacement {
    /// The format with ids there.
    pub(super) fn apply_to(self, format: BodyFormat) -> Result<BodyFormat, Problem> {
        match (self, format) {
            (Self::Event, format) => Ok(format),
            (Self::Line, BodyFormat::Ndjson) => Ok(BodyFormat::NamedNdjson),
            (Self::Line, BodyFormat::Csv(options)) => {
                let options = CsvParameters { is_named: true, ..Arc::unwrap_or_clone(options) };
                Ok(BodyFormat::Csv(Arc::new(options)))
            }
            (Self::Line, _) => Err(conflicting_parameter(
                "ids",
                "can be `line` for `application/x-ndjson` and `text/csv`, which have lines",
            )),
        }
    }
}

/// Parameters of `POST /v1/events`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct EventParameters {
    pub(super) wait: WaitMode,
    pub(super) on_invalid: InvalidEventPolicy,
    /// Where ids are.
    pub(super) ids: IdPlacement,
    /// What was said of columns, if anything was.
    pub(super) columns: Option<ColumnParameters>,
}

/// What is said of the columns of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ColumnParameters {
    csv: CsvParameters,
    /// The first parameter of columns that is there.
    given: &'static str,
    /// A parameter that is about CSV alone.
    csv_only: Option<&'static str>,
}

impl ColumnParameters {
    const NAMES: [&str; 9] = [
        "event",
        "event_column",
        "time_column",
        "id_column",
        "subject_column",
        "number_columns",
        "text_columns",
        "delimiter",
        "first_line",
    ];

    fn of(values: [Option<String>; 9]) -> Result<Option<Self>, Problem> {
        let given = Self::NAMES.iter().zip(&values).find(|(_, value)| value.is_some());
        let Some((given, _)) = given else { return Ok(None) };
        let csv_only = (5..).zip(&values[5..]).find(|(_, value)| value.is_some());
        let csv_only = csv_only.map(|(at, _)| Self::NAMES[at]);
        let [
            event,
            event_column,
            time_column,
            id_column,
            subject_column,
            numbers,
            texts,
            delimiter,
            line,
        ] = values;
        if event.is_some() && event_column.is_some() {
            return Err(conflicting_parameter(
                "event_column",
                "is a column of types and `event` the type of all events; one of them is right",
            ));
        }
        let names = |parameter: &str, list: Option<String>| match list {
            None => Ok(Vec::new()),
            Some(list) => CsvParameters::parse_column_list(&list).ok_or_else(|| {
                invalid_parameter(parameter, &list, "names of columns, as `amount,tax`")
            }),
        };
        let delimiter = match delimiter.as_deref().map(str::as_bytes) {
            None => b',',
            Some([byte]) if CsvParameters::is_delimiter(*byte) => *byte,
            Some(other) => {
                let other = String::from_utf8_lossy(other);
                return Err(invalid_parameter(
                    "delimiter",
                    &other,
                    "one character, as `;` or `%09`, a tab",
                ));
            }
        };
        let first_line = match line {
            None => 0,
            Some(text) => text.parse().ok().filter(|line| *line > 0).ok_or_else(|| {
                invalid_parameter("first_line", &text, "the number of a line, from 1")
            })?,
        };
        let mapping = ColumnMapping { event, event_column, time_column, id_column, subject_column };
        let (number_columns, text_columns) =
            (names("number_columns", numbers)?, names("text_columns", texts)?);
        let csv = CsvParameters {
            mapping,
            number_columns,
            text_columns,
            delimiter,
            first_line,
            is_named: false,
        };
        Ok(Some(Self { csv, given, csv_only }))
    }

    /// The format, with what was said of its columns.
    pub(super) fn apply_to(self, format: BodyFormat) -> Result<BodyFormat, Problem> {
        match (format, self.csv_only) {
            (BodyFormat::Csv(_), _) => Ok(BodyFormat::Csv(Arc::new(self.csv))),
            (BodyFormat::Columns(kind, _), None) => {
                Ok(BodyFormat::Columns(kind, Some(Arc::new(self.csv.mapping))))
            }
            (BodyFormat::Columns(..), Some(name)) => {
                Err(conflicting_parameter(name, "is for `text/csv`"))
            }
            _ => Err(conflicting_parameter(
                self.given,
                "is for `text/csv`, Arrow and Parquet; other events name their fields themselves",
            )),
        }
    }
}

impl EventParameters {
    pub(super) fn of_query(uri: &Uri) -> Result<Self, Problem> {
        let mut names = ["wait", "on_invalid", "ids"].into_iter().chain(ColumnParameters::NAMES);
        let names = std::array::from_fn::<_, 12, _>(|_| names.next().unwrap_or_default());
        let [wait, on_invalid, ids, columns @ ..] = parameters(uri, names)?;
        Ok(Self {
            columns: ColumnParameters::of(columns)?,
            wait: match wait.as_deref() {
                None | Some("durable") => WaitMode::Durable,
                Some("applied") => WaitMode::Applied,
                Some(other) => {
                    return Err(invalid_parameter("wait", other, "`durable` or `applied`"));
                }
            },
            on_invalid: match on_invalid.as_deref() {
                None | Some("quarantine") => InvalidEventPolicy::Quarantine,
                Some("reject") => InvalidEventPolicy::Reject,
                Some(other) => {
                    return Err(invalid_parameter("on_invalid", other, "`quarantine` or `reject`"));
                }
            },
            ids: match ids.as_deref() {
                None | Some("event") => IdPlacement::Event,
                Some("line") => IdPlacement::Line,
                Some(other) => return Err(invalid_parameter("ids", other, "`event` or `line`")),
            },
        })
    }
}

/// Parameters of `GET /v1/quarantine`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct QuarantineListParameters {
    pub(super) limit: usize,
    pub(super) after: Option<QuarantineId>,
    pub(super) code: Option<String>,
}

impl QuarantineListParameters {
    const LIMIT_DEFAULT: usize = 100;
    const LIMIT_MAX: usize = 1000;

    pub(super) fn of_query(uri: &Uri) -> Result<Self, Problem> {
        let [limit, after, code] = parameters(uri, ["limit", "after", "code"])?;
        let limit = match limit {
            None => Self::LIMIT_DEFAULT,
            Some(text) => text
                .parse()
                .ok()
                .filter(|limit| (1..=Self::LIMIT_MAX).contains(limit))
                .ok_or_else(|| invalid_parameter("limit", &text, "1 to 1000"))?,
        };
        let after = after
            .map(|text| {
                text.parse()
                    .map_err(|_| invalid_parameter("after", &text, "an entry's id, as `q-17`"))
            })
            .transpose()?;
        if let Some(code) = code.as_deref().filter(|code| !codes().any(|known| known == *code)) {
            let known: Vec<String> = codes().map(|code| format!("`{code}`")).collect();
            return Err(invalid_parameter("code", code, &known.join(", ")));
        }
        Ok(Self { limit, after, code })
    }
}

/// Codes that entries of the quarantine have.
fn codes() -> impl Iterator<Item = &'static str> {
    InvalidCode::EACH.iter().map(|code| code.name()).chain(["conflict"])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(query: &str) -> Result<EventParameters, String> {
        let uri = format!("/v1/events{query}").parse().unwrap();
        EventParameters::of_query(&uri).map_err(|problem| problem.detail().to_owned())
    }

    #[test]
    fn options_are_read_and_default() {
        assert_eq!(events(""), Ok(EventParameters::default()));
        assert_eq!(events("?"), Ok(EventParameters::default()));
        let options = EventParameters {
            wait: WaitMode::Applied,
            on_invalid: InvalidEventPolicy::Reject,
            ..Default::default()
        };
        assert_eq!(events("?on_invalid=reject&wait=appl%69ed"), Ok(options));
        assert_eq!(events("?ids=line").unwrap().ids, IdPlacement::Line);
    }

    #[test]
    fn errors_of_parameters_say_what_would_be_right() {
        for (query, parts) in [
            ("?wait=maybe", ["`maybe`", "`durable` or `applied`"]),
            ("?on_invalid=", ["`on_invalid`", "`quarantine` or `reject`"]),
            ("?ids=lines", ["`ids` is `lines`", "`event` or `line`"]),
            ("?wiat=applied", ["`wiat`", "did you mean `wait`"]),
            ("?x=1", ["`x`", "`wait`, `on_invalid`"]),
            ("?wait=applied&wait=durable", ["`wait`", "twice"]),
            ("?event=a&event_column=b", ["`event`", "`event_column`"]),
            ("?delimiter=ab", ["`delimiter` is `ab`", "one character"]),
            ("?delimiter=1", ["`delimiter` is `1`", "one character"]),
            ("?first_line=0", ["`first_line` is `0`", "from 1"]),
            ("?number_columns=", ["`number_columns`", "names of columns"]),
            ("?time_colum=at", ["`time_colum`", "did you mean `time_column`"]),
        ] {
            let error = events(query).unwrap_err();
            assert!(parts.iter().all(|part| error.contains(part)), "{query}: {error}");
        }
    }

    #[test]
    fn parameters_of_columns_are_for_tables_only() {
        let applied = |query: &str, format: BodyFormat| {
            let uri = format!("/v1/events{query}").parse().unwrap();
            let columns = EventParameters::of_query(&uri).unwrap().columns.unwrap();
            columns.apply_to(format).map_err(|problem| problem.detail().to_owned())
        };
        let csv = || BodyFormat::of_content_type(Some("text/csv")).unwrap();
        let query = "?event=sale&time_column=at&number_columns=a,%22b,c%22&delimiter=%3B";
        let BodyFormat::Csv(options) = applied(query, csv()).unwrap() else { panic!("not CSV") };
        assert_eq!(options.mapping.event.as_deref(), Some("sale"));
        assert_eq!(options.mapping.time_column.as_deref(), Some("at"));
        assert_eq!(options.number_columns, ["a", "b,c"]);
        assert_eq!(options.delimiter, b';');
        let parquet = || BodyFormat::Columns(crate::intake::ColumnarFormat::Parquet, None);
        let mapped = applied("?event=sale", parquet()).unwrap();
        assert!(matches!(mapped, BodyFormat::Columns(_, Some(_))));
        assert!(applied("?delimiter=%3B", parquet()).unwrap_err().contains("`delimiter`"));
        assert!(applied("?event=sale", BodyFormat::Json).unwrap_err().contains("`text/csv`"));
    }

    #[test]
    fn a_list_has_a_bounded_limit() {
        let list = |query: &str| {
            QuarantineListParameters::of_query(&format!("/v1/quarantine{query}").parse().unwrap())
                .ok()
        };
        assert_eq!(
            list(""),
            Some(QuarantineListParameters { limit: 100, after: None, code: None })
        );
        let after = Some(QuarantineId(7));
        let options =
            QuarantineListParameters { limit: 1000, after, code: Some("conflict".to_owned()) };
        assert_eq!(list("?limit=1000&after=q-7&code=conflict"), Some(options));
        for query in ["?limit=0", "?limit=1001", "?limit=x", "?after=7", "?after=q-", "?from=1"] {
            assert_eq!(list(query), None, "{query}");
        }
    }
}
