//! `merganser query`: an answer as a table, CSV or JSON.

mod answer;
mod export;

use clap::{Args, ValueEnum};
use merganser_api::answer::AnswerDocument;
use serde_json::value::RawValue;

pub(super) use self::answer::{made_of, rows_table};
use super::CliError;
use super::client::{ApiClient, ClientArgs};
use super::output;

/// Arguments of `merganser query`: those of the HTTP query, by the same names.
#[derive(Args, Debug)]
pub(super) struct QueryArgs {
    #[command(flatten)]
    client: ClientArgs,

    /// The metric to ask for
    metric: String,

    /// Measures, separated by commas [default: all]
    #[arg(long, value_name = "NAMES")]
    measures: Option<String>,

    /// First instant: RFC 3339, a date, 2026-11, 2026-W48, today, `last_month`, now-7d, now-1M, …
    #[arg(long, value_name = "TIME")]
    from: Option<String>,

    /// First instant after: as --from (a period is its beginning)
    #[arg(long, value_name = "TIME")]
    to: Option<String>,

    /// all, minute, hour, day, week, month, quarter or year; or 10m, 6h and whatever divides a day
    #[arg(long, value_name = "BUCKET")]
    granularity: Option<String>,

    /// IANA time zone of the buckets and of dates
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,

    /// Dimensions, separated by commas
    #[arg(long, value_name = "NAMES")]
    group_by: Option<String>,

    /// SQL condition over dimensions
    #[arg(long, value_name = "SQL")]
    filter: Option<String>,

    /// SQL condition over measures
    #[arg(long, value_name = "SQL")]
    having: Option<String>,

    /// Columns, separated by commas, - before one for descending
    #[arg(long, value_name = "NAMES", allow_hyphen_values = true)]
    order_by: Option<String>,

    /// Most rows
    #[arg(long, value_name = "N")]
    limit: Option<u64>,

    /// Rows to leave out
    #[arg(long, value_name = "N")]
    offset: Option<u64>,

    /// Apply --limit within each time bucket
    #[arg(long)]
    limit_per_bucket: bool,

    /// Only the first so many groups over the whole range, by the first measure in --order-by
    #[arg(long, value_name = "N")]
    group_limit: Option<u64>,

    /// Add a line of totals, of all that is counted in the range
    #[arg(long)]
    totals: bool,

    /// Add lines of the rows that --limit and --group-limit leave out, merged by bucket
    #[arg(long)]
    other: bool,

    /// Each bucket with the time before it, counted back from its end: 28d, 12h, 3M, …
    #[arg(long, value_name = "LENGTH")]
    window: Option<String>,

    /// none, zero, null or previous
    #[arg(long, value_name = "HOW")]
    fill: Option<String>,

    /// `previous_period`, `previous_year`, `previous_quarter`, `previous_month` or `previous_week`
    #[arg(long, value_name = "RANGE")]
    compare: Option<String>,

    /// refuse or allow answers that miss something
    #[arg(long, value_name = "HOW")]
    partial: Option<String>,

    /// Wait until the answer includes this position, as 0:123456
    #[arg(long, value_name = "POSITION")]
    after: Option<String>,

    /// How texts stand in CSV: verbatim, or as spreadsheet with ' before those that one would run
    #[arg(long, value_name = "HOW")]
    csv: Option<String>,

    /// How to print the answer; csv has all rows unless there is a --limit
    #[arg(long, visible_alias = "format", value_enum, default_value_t)]
    output: QueryOutputFormat,
}

/// How an answer is printed: as other results, and as CSV.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum QueryOutputFormat {
    #[default]
    Table,
    Csv,
    Json,
}

impl QueryArgs {
    fn parameters(&self) -> Vec<(&'static str, String)> {
        let texts = [
            ("measures", &self.measures),
            ("from", &self.from),
            ("to", &self.to),
            ("granularity", &self.granularity),
            ("timezone", &self.timezone),
            ("group_by", &self.group_by),
            ("filter", &self.filter),
            ("having", &self.having),
            ("order_by", &self.order_by),
            ("window", &self.window),
            ("fill", &self.fill),
            ("compare", &self.compare),
            ("partial", &self.partial),
            ("after", &self.after),
            ("csv", &self.csv),
        ];
        let texts = texts.into_iter().filter_map(|(name, text)| Some((name, text.clone()?)));
        let numbers =
            [("limit", self.limit), ("offset", self.offset), ("group_limit", self.group_limit)];
        let numbers = numbers.into_iter().filter_map(|(name, n)| Some((name, n?.to_string())));
        let switches = [
            ("limit_per_bucket", self.limit_per_bucket),
            ("totals", self.totals),
            ("other", self.other),
        ];
        let switches = switches.into_iter().filter(|(_, is_on)| *is_on);
        let switches = switches.map(|(name, _)| (name, "true".to_owned()));
        [("metric", self.metric.clone())]
            .into_iter()
            .chain(texts)
            .chain(numbers)
            .chain(switches)
            .collect()
    }
}

/// Sends the query, and prints the answer.
pub(super) fn run(args: &QueryArgs) -> Result<(), CliError> {
    if args.csv.is_some() && args.output != QueryOutputFormat::Csv {
        return Err(CliError::Usage("--csv says how CSV is written; add --output csv".to_owned()));
    }
    let client = ApiClient::new(&args.client)?;
    if args.output == QueryOutputFormat::Csv {
        return Ok(export::run(&client, args)?);
    }
    let parameters = args.parameters();
    let parameters: Vec<(&str, &str)> = parameters.iter().map(|(n, v)| (*n, &**v)).collect();
    let reply = client.get("/v1/query", &parameters).map_err(anyhow::Error::from)?.ok()?;
    let answer: AnswerDocument = reply.json()?;
    match args.output {
        QueryOutputFormat::Json => output::print_json(&reply.json::<Box<RawValue>>()?)?,
        QueryOutputFormat::Table | QueryOutputFormat::Csv => {
            output::print(&format!("{}\n\n{}", rows_table(&answer), made_of(&answer)))?;
        }
    }
    answer::print_warnings(&answer.warnings);
    // Who gave a limit knows that there may be more.
    if let Some(cut) = answer::cut(&answer).filter(|_| args.limit.is_none()) {
        output::print_warning(&format!("{cut}; --limit takes up to 100000, --output csv all"));
    }
    Ok(())
}
