//! Files of rows: CSV, Parquet and Arrow. Which columns are which fields of an event, and which of
//! them have numbers.
//!
//! Parquet and Arrow say what is a number. CSV does not, so a file is read twice: first to see
//! whether everything in a column is unmistakably a number. A column that has anything else is text
//! as a whole, so that one code in it that looks like a number is none; which one was taken for
//! what is said. The source that can be read once only, stdin, leaves it to each value.

use std::collections::BTreeMap;
use std::io::{self, BufRead};

use crate::compose::input_rows::{
    ColumnLayout, ColumnMapping, CsvParameters, CsvRecordReader, EventTypeSource, ParameterStyle,
    check_column_names, is_plain_number,
};
use clap::{Args, ValueEnum};

use super::super::client::percent_encoded;
use super::batches::ROW_MAX_BYTES;

/// Letters of a value that is shown.
const SHOWN_CHARS: usize = 40;
/// Columns that are named.
const NAMED_MAX: usize = 30;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum InputFormat {
    /// One JSON event a line
    Ndjson,
    /// A line of names, then an event a line
    Csv,
    /// An event a row
    Parquet,
    /// An event a row, as a file or a stream
    Arrow,
}

impl InputFormat {
    /// What a file's name says that it is.
    pub(super) fn of_name(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        let plain = [".gz", ".zst"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
        match plain.rsplit_once('.').map(|(_, end)| end) {
            Some("csv") => Self::Csv,
            Some("parquet" | "pq") => Self::Parquet,
            Some("arrow" | "arrows" | "ipc" | "feather") => Self::Arrow,
            _ => Self::Ndjson,
        }
    }
}

/// Arguments about files of rows.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct ColumnArgs {
    /// What the files are; by default their names say it
    #[arg(long, value_enum)]
    pub(super) format: Option<InputFormat>,

    /// Of CSV, Parquet, Arrow: the column with the types of the events, or the one type of all
    #[arg(long, value_name = "COLUMN|TYPE")]
    event: Option<String>,

    /// Of these: the column with the times ('' for none)
    #[arg(long, value_name = "COLUMN")]
    time: Option<String>,

    /// Of these: the column with the ids ('' for none)
    #[arg(long, value_name = "COLUMN")]
    id: Option<String>,

    /// Of these: the column with the subjects ('' for none)
    #[arg(long, value_name = "COLUMN")]
    subject: Option<String>,

    /// Of CSV: columns of numbers, with commas between; anything else there is invalid
    #[arg(long, value_name = "COLUMN,…")]
    number: Vec<String>,

    /// Of CSV: columns of text, even if all of it looks like numbers
    #[arg(long, value_name = "COLUMN,…")]
    text: Vec<String>,

    /// Of CSV: what stands between fields
    #[arg(long, value_name = "CHAR")]
    delimiter: Option<char>,
}

impl ColumnArgs {
    /// The first flag that a format has no use for.
    pub(super) fn inapplicable_flag(&self, format: InputFormat) -> Option<&'static str> {
        let of_rows = [
            ("--event", self.event.is_some()),
            ("--time", self.time.is_some()),
            ("--id", self.id.is_some()),
            ("--subject", self.subject.is_some()),
        ];
        let of_csv = [
            ("--number", !self.number.is_empty()),
            ("--text", !self.text.is_empty()),
            ("--delimiter", self.delimiter.is_some()),
        ];
        match format {
            InputFormat::Ndjson => given_flag(&of_rows).or_else(|| given_flag(&of_csv)),
            InputFormat::Parquet | InputFormat::Arrow => given_flag(&of_csv),
            InputFormat::Csv => None,
        }
    }

    /// Which columns of a file are which fields. `--event` names a column, or else a type.
    pub(super) fn mapping(&self, names: &[&str]) -> Result<ColumnMapping, String> {
        let mut mapping = ColumnMapping {
            time_column: self.time.clone(),
            id_column: self.id.clone(),
            subject_column: self.subject.clone(),
            ..ColumnMapping::default()
        };
        if let Some(event) = &self.event {
            let is_column = |name: &&&str| name.eq_ignore_ascii_case(event);
            match names.iter().find(is_column) {
                Some(name) if *name == event => mapping.event_column = Some(event.clone()),
                Some(name) => {
                    return Err(format!("there is no column `{event}`, did you mean `{name}`?"));
                }
                None => mapping.event = Some(event.clone()),
            }
        }
        ColumnLayout::of(names, &mapping, ParameterStyle::Flags)?;
        Ok(mapping)
    }

    /// What is said of a CSV file with these names.
    pub(super) fn csv(&self, names: &[&str]) -> Result<CsvParameters, String> {
        let options = CsvParameters {
            mapping: self.mapping(names)?,
            number_columns: parse_lists("--number", &self.number)?,
            text_columns: parse_lists("--text", &self.text)?,
            delimiter: self.delimiter()?,
            is_named: false,
            first_line: 0,
        };
        check_column_names(names, &options)?;
        Ok(options)
    }

    /// What stands between fields.
    pub(super) fn delimiter(&self) -> Result<u8, String> {
        let delimiter = self.delimiter.unwrap_or(',');
        u8::try_from(delimiter).ok().filter(|byte| CsvParameters::is_delimiter(*byte)).ok_or_else(
            || format!("`--delimiter {delimiter}` cannot stand between fields; `;` could"),
        )
    }
}

/// The columns that the lists of a flag name.
fn parse_lists(flag: &str, lists: &[String]) -> Result<Vec<String>, String> {
    let mut columns = Vec::new();
    for list in lists {
        let names = CsvParameters::parse_column_list(list);
        columns.extend(names.ok_or_else(|| format!("`{flag} {list}` names no columns"))?);
    }
    Ok(columns)
}

fn given_flag(flags: &[(&'static str, bool)]) -> Option<&'static str> {
    flags.iter().find(|(_, is_given)| *is_given).map(|(flag, _)| *flag)
}

/// What a column of a CSV file has in it.
#[derive(Debug, Default)]
struct ColumnContent {
    numbers: u64,
    /// The first that is no number, and its line.
    other: Option<(u64, String)>,
}

/// What the columns of a CSV file have in them.
#[derive(Debug, Default)]
pub(super) struct ColumnSurvey {
    columns: BTreeMap<usize, ColumnContent>,
}

impl ColumnSurvey {
    /// Reads a whole file whose names were read, but for the columns of which something was said.
    pub(super) fn of<R: BufRead>(
        records: &mut CsvRecordReader<R>,
        names: &[String],
        layout: &ColumnLayout,
        options: &CsvParameters,
    ) -> io::Result<Self> {
        let is_said = |name: &String| {
            [&options.number_columns, &options.text_columns].iter().any(|l| l.contains(name))
        };
        let open = layout.properties.iter().filter(|at| !is_said(&names[**at]));
        let mut columns: BTreeMap<usize, ColumnContent> =
            open.map(|at| (*at, ColumnContent::default())).collect();
        if columns.is_empty() {
            return Ok(Self { columns });
        }
        while let Some(record) = records.next_record()? {
            // What is no row is invalid, and says nothing of others.
            let Ok(fields) = &record.fields else { continue };
            if fields.len() != names.len() {
                continue;
            }
            for (at, content) in &mut columns {
                match fields[*at] {
                    "" => {}
                    number if is_plain_number(number) => content.numbers += 1,
                    other if content.other.is_none() => {
                        let shown = other.chars().take(SHOWN_CHARS).collect();
                        content.other = Some((record.line, shown));
                    }
                    _ => {}
                }
            }
        }
        Ok(Self { columns })
    }

    /// Makes columns text of which some values look like numbers and some do not; returns what is
    /// to be said of that.
    pub(super) fn resolve_mixed(
        &self,
        names: &[String],
        options: &mut CsvParameters,
    ) -> Vec<String> {
        let mut notes = Vec::new();
        for (at, content) in &self.columns {
            if let (Some((line, value)), 1..) = (&content.other, content.numbers) {
                options.text_columns.push(names[*at].clone());
                notes.push(format!(
                    "`{name}` is text, since line {line} has `{value}`; `--number {name}` takes it \
                     as numbers",
                    name = names[*at]
                ));
            }
        }
        notes
    }

    fn is_number(&self, at: usize) -> bool {
        self.columns.get(&at).is_some_and(|c| c.numbers > 0 && c.other.is_none())
    }
}

/// Which columns were taken for what, as a person reads it.
pub(super) fn describe(
    names: &[String],
    layout: &ColumnLayout,
    numbers: Option<&dyn Fn(usize) -> bool>,
) -> String {
    let name = |at: usize| format!("`{}`", names[at]);
    let mut parts = vec![match &layout.event {
        EventTypeSource::All(event) => format!("all events are `{event}`"),
        EventTypeSource::Column(at) => format!("types from {}", name(*at)),
    }];
    for (what, at, none) in [
        ("times", layout.time, "no times, so events happen when they arrive"),
        ("ids", layout.id, "no ids"),
        ("subjects", layout.subject, "no subjects"),
    ] {
        parts.push(at.map_or(none.to_owned(), |at| format!("{what} from {}", name(at))));
    }
    if let Some(at) = layout.all_properties {
        parts.push(format!("properties from {}, as JSON", name(at)));
    }
    let listed = |columns: Vec<usize>| {
        let mut named: Vec<String> = columns.iter().take(NAMED_MAX).map(|at| name(*at)).collect();
        if columns.len() > NAMED_MAX {
            named.push(format!("{} more", columns.len() - NAMED_MAX));
        }
        named.join(", ")
    };
    let (all, number): (Vec<usize>, _) = (layout.properties.clone(), numbers);
    match number {
        Some(is_number) => {
            let (numbers, texts): (Vec<_>, Vec<_>) = all.into_iter().partition(|at| is_number(*at));
            for (what, columns) in [("numbers", numbers), ("text", texts)] {
                if !columns.is_empty() {
                    parts.push(format!("properties that are {what}: {}", listed(columns)));
                }
            }
        }
        None if all.is_empty() => {}
        None => parts.push(format!("properties: {}", listed(all))),
    }
    parts.join("; ")
}

/// What is said of a CSV file whose columns were looked at.
pub(super) fn describe_csv(
    names: &[String],
    layout: &ColumnLayout,
    options: &CsvParameters,
    survey: Option<&ColumnSurvey>,
) -> String {
    let Some(survey) = survey else {
        let each = "; values that are unmistakably numbers are numbers, unless a column is said to \
                    be something";
        return format!("{}{each}", describe(names, layout, None));
    };
    let is_number = |at: usize| options.number_columns.contains(&names[at]) || survey.is_number(at);
    describe(names, layout, Some(&is_number))
}

/// The options as parameters of a request.
pub(super) fn csv_parameters(options: &CsvParameters) -> String {
    let mapping = &options.mapping;
    let delimiter = char::from(options.delimiter).to_string();
    let given = [
        ("event", mapping.event.clone()),
        ("event_column", mapping.event_column.clone()),
        ("time_column", mapping.time_column.clone()),
        ("id_column", mapping.id_column.clone()),
        ("subject_column", mapping.subject_column.clone()),
        ("number_columns", quoted_list(&options.number_columns)),
        ("text_columns", quoted_list(&options.text_columns)),
        ("delimiter", (options.delimiter != b',').then_some(delimiter)),
    ];
    given
        .iter()
        .filter_map(|(name, value)| Some(format!("&{name}={}", percent_encoded(value.as_ref()?))))
        .collect()
}

fn quoted_list(names: &[String]) -> Option<String> {
    let quoted = names.iter().map(|name| format!("\"{}\"", name.replace('"', "\"\"")));
    (!names.is_empty()).then(|| quoted.collect::<Vec<_>>().join(","))
}

/// The names of a CSV file.
pub(super) fn read_header<R: BufRead>(
    records: &mut CsvRecordReader<R>,
) -> Result<Option<Vec<String>>, String> {
    let Some(record) = records.next_record().map_err(|error| error.to_string())? else {
        return Ok(None);
    };
    let names = record.fields.map_err(|fault| format!("its line of names: {}", fault.message()))?;
    Ok(Some(names.into_iter().map(str::to_owned).collect()))
}

/// Bytes of a row, beyond which the file is surely not one of events.
pub(super) fn csv_records<R: BufRead>(source: R, delimiter: u8) -> CsvRecordReader<R> {
    CsvRecordReader::new(source, delimiter, ROW_MAX_BYTES)
}
