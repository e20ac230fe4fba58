//! What may be meant by names and conditions that a metric does not have or take.

use merganser_core::text::excerpt;
use merganser_metric::compile::Metric;

use super::Granularity;

/// Other names for parameters.
const PARAMETERS: [(&str, &[&str]); 18] = [
    ("metric", &["name", "table"]),
    ("measures", &["measure", "metrics", "select", "fields", "columns", "aggregate"]),
    ("from", &["start", "since", "begin", "start_time", "start_date", "date_from", "after_time"]),
    ("to", &["end", "until", "stop", "end_time", "end_date", "date_to", "before"]),
    ("granularity", &["interval", "bucket", "step", "resolution", "period", "grain", "freq"]),
    ("timezone", &["tz", "time_zone", "zone"]),
    ("group_by", &["groupby", "by", "dimensions", "dimension", "breakdown", "group"]),
    ("filter", &["where", "filters", "condition", "q", "query"]),
    ("order_by", &["order", "sort", "sort_by", "orderby", "ordering"]),
    ("limit", &["top", "max", "count", "page_size", "per_page", "size", "rows"]),
    ("group_limit", &["top_groups", "series_limit", "max_groups", "limit_groups", "groups"]),
    ("totals", &["total", "with_totals", "grand_total", "rollup", "summary"]),
    ("other", &["others", "rest", "remainder", "with_other"]),
    ("window", &["rolling", "trailing", "moving", "sliding", "lookback", "rolling_window"]),
    ("offset", &["skip", "start_row", "page"]),
    ("compare", &["comparison", "compare_to", "compare_with", "versus", "vs"]),
    ("partial", &["allow_partial", "incomplete"]),
    ("format", &["output", "type", "accept"]),
];

/// Other words for what can be chosen.
const CHOICES: [(&str, &str, &[&str]); 13] = [
    ("fill", "zero", &["0", "zeros", "zeroes", "true"]),
    ("fill", "none", &["false", "no", "off"]),
    ("fill", "previous", &["last", "ffill", "locf", "forward"]),
    ("compare", "previous_period", &["previous", "prior_period", "last_period", "true", "period"]),
    ("compare", "previous_period", &["previous_day", "yesterday", "last_day"]),
    ("compare", "previous_week", &["last_week", "week", "wow", "prior_week"]),
    ("compare", "previous_month", &["last_month", "month", "mom", "prior_month", "mtd"]),
    ("compare", "previous_quarter", &["last_quarter", "quarter", "qoq", "prior_quarter", "qtd"]),
    ("compare", "previous_year", &["last_year", "year", "yoy", "prior_year", "ytd"]),
    ("partial", "allow", &["true", "yes", "1", "on"]),
    ("partial", "refuse", &["false", "no", "0", "off"]),
    ("format", "ndjson", &["jsonl", "jsonlines", "json_lines", "application/x-ndjson"]),
    ("format", "csv", &["tsv", "xlsx", "excel", "text/csv"]),
];

/// The parameter that another name stands for.
pub(super) fn parameter(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase().replace('-', "_");
    PARAMETERS.iter().find(|(_, words)| words.contains(&&*name)).map(|(known, _)| *known)
}

/// What another word for a choice stands for.
pub(super) fn choice(parameter: &str, text: &str) -> Option<&'static str> {
    let text = text.trim().to_lowercase().replace([' ', '-'], "_");
    let mut of = CHOICES.iter().filter(|(of, ..)| *of == parameter);
    let same = of.clone().find(|(_, known, _)| *known == text);
    same.or_else(|| of.find(|(.., words)| words.contains(&&*text))).map(|(_, known, _)| *known)
}

fn measures(metric: &Metric) -> impl Iterator<Item = &str> {
    metric.measures().iter().map(|measure| &*measure.name)
}

fn has_measure(metric: &Metric, name: &str) -> bool {
    measures(metric).any(|known| known == name)
}

fn has_dimension(metric: &Metric, name: &str) -> bool {
    metric.layout().dimensions.iter().any(|known| known == name)
}

/// What a name that is no measure may be.
pub(super) fn measure(metric: &Metric, name: &str) -> Option<String> {
    if has_dimension(metric, name) {
        return Some(format!("`{}` is a dimension, which is right in `group_by`", excerpt(name)));
    }
    if name == "*" {
        return Some("without `measures` all are answered".to_owned());
    }
    let of = name.split_once('(').map(|(_, of)| of.trim_end_matches(')').trim());
    let (of, known) = (of?, measures(metric).map(|name| format!("`{name}`")));
    if has_measure(metric, of) {
        return Some(format!("did you mean `{of}`? How it is computed is in the definition"));
    }
    let known: Vec<String> = known.take(20).collect();
    Some(format!(
        "measures are asked for by their names in the metric's definition, which says how they are \
         computed: {}",
        known.join(", ")
    ))
}

/// What a name that is no dimension may be.
pub(super) fn dimension(metric: &Metric, name: &str) -> Option<String> {
    if has_measure(metric, name) {
        return Some(format!("`{}` is a measure, which is right in `measures`", excerpt(name)));
    }
    let lower = name.to_lowercase();
    let of_time = Granularity::EACH[1..].iter().find(|granularity| granularity.name() == lower);
    let granularity = match of_time {
        Some(granularity) => granularity.name(),
        None if ["time", "date", "timestamp"].contains(&&*lower) => Granularity::Day.name(),
        None => return None,
    };
    Some(format!(
        "buckets of time are asked for with `granularity`, as `granularity={granularity}`"
    ))
}

/// What a name that is no column may be, of which `known` are.
pub(super) fn column(name: &str, known: &[&str]) -> Option<String> {
    let lower = name.to_lowercase();
    let (descending, of) = [" desc", ":desc", ".desc", " descending"]
        .iter()
        .map(|end| (true, *end))
        .chain([" asc", ":asc", ".asc", " ascending"].iter().map(|end| (false, *end)))
        .find_map(|(descending, end)| {
            let of = lower.strip_suffix(end)?.trim().len();
            Some((descending, name.get(..of)?.trim()))
        })
        .or_else(|| {
            let inner = |start: &str| lower.strip_prefix(start)?.strip_suffix(')').map(str::len);
            let descending = inner("desc(").map(|length| (true, 5, length));
            let (descending, start, length) =
                descending.or_else(|| inner("asc(").map(|length| (false, 4, length)))?;
            Some((descending, name.get(start..start + length)?.trim()))
        })
        .or_else(|| name.strip_prefix('+').map(|of| (false, of)))?;
    known.contains(&of).then(|| match descending {
        true => format!("`-{of}` is right for descending"),
        false => format!("`{of}` is right for ascending"),
    })
}

/// Whether a name stands in a condition by itself.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    // Every other part stands in quotes.
    text.split('\'').step_by(2).flat_map(move |part| part.split(move |c: char| !is_name(c)))
}

/// What a condition over dimensions that is refused may be about.
pub(super) fn filter(metric: &Metric, text: &str) -> Option<String> {
    names(text).filter(|name| !has_dimension(metric, name)).find_map(|name| {
        if has_measure(metric, name) {
            return Some(format!(
                "`{name}` is a measure, and conditions over measures are `having`"
            ));
        }
        (name == "time").then(|| "times are chosen by `from` and `to`".to_owned())
    })
}

/// What a condition over measures that is refused may be about.
pub(super) fn having(metric: &Metric, text: &str) -> Option<String> {
    let mut names = names(text).filter(|name| !has_measure(metric, name));
    let name = names.find(|name| has_dimension(metric, name))?;
    Some(format!("`{name}` is a dimension, and conditions over dimensions are `filter`"))
}
