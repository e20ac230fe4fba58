//! Warnings of values that an answer leaves out: pure, from what the fold counted.
//!
//! The counts are of all events of the metric's version, whatever the range of a query, and the
//! warnings say so. Where a key sees only some of the events, a warning says that values were left
//! out, and neither how many nor which: they may be of events that the key does not see.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use merganser_api::metric::{MetricOmission, OmissionExample, OmissionKind};
use merganser_core::decimal::Scale;
use merganser_core::omissions::{DefinitionUse, MetricOmissions, ValueTally};
use merganser_core::text::{nearest, suggestion};
use merganser_metric::catalog::MetricVersion;
use merganser_metric::compile::PropertyUse;
use merganser_metric::definition::MetricDefinition;

/// Warnings of one answer.
const WARNINGS_MAX: usize = 20;

/// What the warnings are about.
pub(crate) struct WarningContext<'a> {
    pub(crate) metric: &'a MetricVersion,
    pub(crate) omissions: &'a MetricOmissions,
    /// Of measures and dimensions, by position in the definition.
    pub(crate) readings: Vec<PropertyUse<'a>>,
    /// Whether the reader sees some of the events only.
    pub(crate) is_bounded: bool,
}

impl WarningContext<'_> {
    /// Properties that are read and that no event has, with the uses that read them.
    fn absent(&self) -> Vec<(&DefinitionUse, &str)> {
        let MetricOmissions { is_partial, has_events, seen, .. } = self.omissions;
        if *is_partial || !has_events {
            return Vec::new();
        }
        let absent = self.readings.iter().filter(|reading| !seen.contains(reading.path));
        let mut absent: Vec<_> = absent.map(|reading| (reading.usage, &**reading.path)).collect();
        absent.dedup();
        absent
    }

    /// Whether a warning would name the properties that events have.
    pub(crate) fn wants_names(&self) -> bool {
        !self.is_bounded && !self.absent().is_empty()
    }

    /// The warnings; `known` are paths of properties that events have.
    pub(crate) fn warnings(&self, known: &BTreeSet<String>) -> Vec<String> {
        let definition = &self.metric.definition;
        let mut warnings = Vec::new();
        for (usage, path) in self.absent() {
            let hint = if self.is_bounded { String::new() } else { hint(path, known) };
            let what = match path {
                "event:subject" => "no event has a `subject`".to_owned(),
                path => format!("no event has the property `{path}`"),
            };
            warnings.push(format!("{}: {what}{hint}", label(usage)));
        }
        let mut uses: Vec<&DefinitionUse> =
            self.readings.iter().map(|reading| reading.usage).collect();
        uses.dedup();
        for usage in uses {
            let Some(omitted) = self.omissions.uses.get(usage) else { continue };
            let text = WarningText { usage, definition, is_bounded: self.is_bounded };
            for (property, tally) in &omitted.mismatched {
                warnings.push(text.mismatched(property, tally));
            }
            if !omitted.no_result.is_empty() {
                warnings.push(text.no_result(&omitted.no_result));
            }
            if !omitted.rounded.is_empty() {
                warnings.push(text.rounded(&omitted.rounded));
            }
        }
        if warnings.len() > WARNINGS_MAX {
            let more = warnings.len() - WARNINGS_MAX;
            warnings.truncate(WARNINGS_MAX);
            let name = &definition.name;
            warnings.push(format!("{more} more like these; `GET /v1/metrics/{name}` lists them"));
        }
        warnings
    }

    /// All that is known, as `GET /v1/metrics/{name}` lists it.
    pub(crate) fn listed(&self) -> Vec<MetricOmission> {
        let mut listed = Vec::new();
        for (usage, path) in self.absent() {
            let property = Some(path.to_string());
            listed.push(MetricOmission { property, ..omission(usage, OmissionKind::Absent, None) });
        }
        for (usage, omitted) in &self.omissions.uses {
            for (property, tally) in &omitted.mismatched {
                let line = omission(usage, OmissionKind::Mismatched, Some(tally));
                let (read_as, property) = property.split_once(':').unzip();
                let (read_as, property) = (read_as.map(str::to_owned), property.map(str::to_owned));
                listed.push(MetricOmission { property, read_as, ..line });
            }
            for (kind, tally) in [
                (OmissionKind::NoResult, &omitted.no_result),
                (OmissionKind::Rounded, &omitted.rounded),
            ] {
                if !tally.is_empty() {
                    listed.push(omission(usage, kind, Some(tally)));
                }
            }
        }
        listed
    }
}

fn omission(
    usage: &DefinitionUse,
    kind: OmissionKind,
    tally: Option<&ValueTally>,
) -> MetricOmission {
    let example = tally.and_then(|tally| tally.example.as_ref());
    MetricOmission {
        count: tally.map(|tally| tally.count),
        example: example.map(|example| OmissionExample {
            json: example.json().to_owned(),
            kind: example.type_name().to_owned(),
        }),
        kind,
        property: None,
        read_as: None,
        usage: usage.to_string(),
    }
}

/// What ends a message about a property that no event has.
pub(crate) fn hint(path: &str, known: &BTreeSet<String>) -> String {
    if known.is_empty() {
        return String::new();
    }
    let names = || known.iter().map(String::as_str);
    let inner = |name: &&str| name.rsplit('.').next() == Some(path);
    match (nearest(path, names()), names().find(inner)) {
        (None, Some(name)) => format!("; did you mean `{name}`?"),
        _ => suggestion(path, names()),
    }
}

pub(crate) fn label(usage: &DefinitionUse) -> String {
    match usage {
        DefinitionUse::Filter => "the metric's filter".to_owned(),
        DefinitionUse::Dimension(name) | DefinitionUse::Measure(name) => name.clone(),
        DefinitionUse::MeasureFilter(name) => format!("{name}, in its filter"),
    }
}

/// Words about one use.
struct WarningText<'a> {
    usage: &'a DefinitionUse,
    definition: &'a MetricDefinition,
    is_bounded: bool,
}

impl WarningText<'_> {
    fn mismatched(&self, property: &str, tally: &ValueTally) -> String {
        let (ty, path) = property.split_once(':').unwrap_or(("", property));
        let name = match self.usage {
            DefinitionUse::Dimension(name) | DefinitionUse::Measure(name) if name == path => {
                String::new()
            }
            _ => format!(" of `{path}`"),
        };
        let many = self.is_bounded || tally.count != 1;
        let what = match (ty, many) {
            ("number", true) => "were not numbers",
            ("number", false) => "was not a number",
            ("boolean", true) => "were neither true nor false",
            ("boolean", false) => "was neither true nor false",
            (_, true) => "were objects or arrays",
            (_, false) => "was an object or array",
        };
        let then = self.then(path, many);
        let mut text =
            format!("{}: {}{name} {what} and {then}", label(self.usage), self.count(tally));
        let example = tally.example.as_ref().filter(|_| !self.is_bounded);
        if let Some(example) = example {
            let beyond = match (ty, example.type_name()) {
                ("number", "number") => ", which is out of range",
                _ => "",
            };
            // Writing to a text cannot fail.
            let _ = write!(text, ", for example {}{beyond}", example.describe());
        }
        text.push_str("; ");
        text.push_str(&match (ty, example.map(|example| example.type_name())) {
            ("number", Some("text") | None) => {
                format!("send numbers, or define it over `CAST({path} AS DECIMAL)`")
            }
            ("number", _) => "send numbers".to_owned(),
            ("boolean", _) => "send true or false".to_owned(),
            _ => format!("send a text, a number or a boolean, or name what is inside: `{path}.…`"),
        });
        text.push_str(self.scope());
        text
    }

    fn no_result(&self, tally: &ValueTally) -> String {
        let then = self.then("", self.is_bounded || tally.count != 1);
        format!(
            "{}: {} had no result (a division by zero, a number out of range, or a text that is \
             none) and {then}{}",
            label(self.usage),
            self.count(tally),
            self.scope()
        )
    }

    fn rounded(&self, tally: &ValueTally) -> String {
        let example = tally.example.as_ref().filter(|_| !self.is_bounded);
        let example = example.map(|e| format!(", for example {}", e.describe()));
        let measure = match self.usage {
            DefinitionUse::Measure(name) => self.definition.measures.get(name),
            DefinitionUse::Filter
            | DefinitionUse::Dimension(_)
            | DefinitionUse::MeasureFilter(_) => None,
        };
        let scale = measure.and_then(|m| m.places).and_then(Scale::new).unwrap_or_default();
        let has_places = measure.is_some_and(|measure| measure.kind.has_places());
        let cure = match has_places && scale.places() < Scale::PLACES_MAX {
            true => "; a larger `places`, up to 18, keeps their digits",
            false => "",
        };
        let verb = if self.is_bounded || tally.count != 1 { "were" } else { "was" };
        format!(
            "{}: {} {verb} rounded to {} decimal places and lost digits{}{cure}{}",
            label(self.usage),
            self.count(tally),
            scale.places(),
            example.unwrap_or_default(),
            self.scope()
        )
    }

    fn count(&self, tally: &ValueTally) -> String {
        match tally.count {
            _ if self.is_bounded => "some values".to_owned(),
            1 => "1 value".to_owned(),
            count => format!("{count} values"),
        }
    }

    fn scope(&self) -> &'static str {
        " (of all events of the metric, whatever the range asked for)"
    }

    /// What became of the values.
    fn then(&self, path: &str, many: bool) -> String {
        let are = if many { "are" } else { "is" };
        let name = match self.usage {
            DefinitionUse::Measure(name) => name,
            DefinitionUse::Dimension(_) => return format!("{are} null"),
            DefinitionUse::Filter | DefinitionUse::MeasureFilter(_) => {
                return format!("{} as missing", if many { "count" } else { "counts" });
            }
        };
        let measure = self.definition.measures.get(name);
        // Only of a property itself it is known what its absence does.
        let is_plain = measure.is_some_and(|measure| {
            path.is_empty() || measure.of.as_deref().is_some_and(|of| of.trim() == path)
        });
        if !is_plain {
            return format!("{} as missing", if many { "count" } else { "counts" });
        }
        let place = measure.and_then(|measure| measure.kind.phrase()).unwrap_or("counted");
        format!("{are} not {place}")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use merganser_metric::compile::Metric;
    use merganser_metric::definition::from_json;

    use super::*;
    use crate::testing::version;

    const METRIC: &str = r#"{"name":"calls","event":"call","filter":"ok","dimensions":["tenant"],
        "measures":{"tokens":{"kind":"sum","of":"tokens"},
            "cost":{"kind":"avg","of":"price * tokens"},
            "late":{"kind":"count","filter":"seconds > 10"},
            "share":{"kind":"expr","expr":"late / tokens"}}}"#;

    fn metric() -> MetricVersion {
        let definition = from_json(METRIC.as_bytes()).unwrap();
        let compiled = Arc::new(Metric::compile(&definition).unwrap());
        version(definition, compiled)
    }

    fn warnings(omissions: &MetricOmissions, measures: &[usize], is_bounded: bool) -> Vec<String> {
        let metric = metric();
        let readings = metric.compiled.property_uses(measures, &[0]);
        let subject = WarningContext { metric: &metric, omissions, readings, is_bounded };
        let known = ["price_eur", "tokens", "a.seconds"].map(str::to_owned).into();
        let warnings = subject.warnings(&known);
        let scope = " (of all events of the metric, whatever the range asked for)";
        warnings.iter().map(|warning| warning.replace(scope, "")).collect()
    }

    fn seen(paths: &[&str]) -> MetricOmissions {
        let mut omissions = MetricOmissions { has_events: true, ..MetricOmissions::default() };
        paths.iter().for_each(|path| omissions.note_property(&Arc::from(*path)));
        omissions
    }

    #[test]
    fn values_that_are_left_out_are_told_of_the_uses_that_a_query_makes() {
        let mut omissions = seen(&["ok", "tenant", "tokens", "price", "seconds"]);
        for measure in ["tokens", "cost"] {
            let omitted = omissions.of(&DefinitionUse::Measure(measure.to_owned()));
            for json in ["\"12\"", "\"312\"", "null"] {
                omitted.mismatch(&"number:tokens".into()).add(json);
            }
        }
        let late = omissions.of(&DefinitionUse::MeasureFilter("late".to_owned()));
        late.mismatch(&"number:seconds".into()).add("true");
        let tenant = omissions.of(&DefinitionUse::Dimension("tenant".to_owned()));
        tenant.mismatch(&"text:tenant".into()).add("{");
        omissions.of(&DefinitionUse::Measure("cost".to_owned())).no_result.add_count(2);
        let tenant = "tenant: 1 value was an object or array and is null, for example an object; \
                      send a text, a number or a boolean, or name what is inside: `tenant.…`";
        let tokens = "tokens: 3 values were not numbers and are not in the sum, for example the \
                      text \"12\"; send numbers, or define it over `CAST(tokens AS DECIMAL)`";
        let late = "late, in its filter: 1 value of `seconds` was not a number and counts as \
                    missing, for example the value true; send numbers";
        assert_eq!(warnings(&omissions, &[0], false), [tenant, tokens]);
        assert_eq!(warnings(&omissions, &[2], false), [tenant, late]);
        // A formula reads the values of others.
        assert_eq!(warnings(&omissions, &[3], false), [tenant, tokens, late]);
        let cost = warnings(&omissions, &[1], false);
        assert!(cost[1].starts_with("cost: 3 values of `tokens` were not numbers and count as"));
        assert!(cost[2].starts_with("cost: 2 values had no result"), "{cost:?}");
        for text in warnings(&omissions, &[0, 1, 2, 3], true) {
            assert!(text.contains("some values"), "{text}");
            assert!(!text.contains("12") && !text.contains("example"), "{text}");
        }
    }

    #[test]
    fn properties_that_no_event_has_come_with_the_nearest_that_there_are() {
        let omissions = seen(&["ok", "tenant", "tokens"]);
        assert_eq!(
            warnings(&omissions, &[1, 2], false),
            [
                "cost: no event has the property `price`; known: `a.seconds`, `price_eur`, \
                 `tokens`",
                "late, in its filter: no event has the property `seconds`; did you mean \
                 `a.seconds`?",
            ]
        );
        assert_eq!(warnings(&omissions, &[1], true), ["cost: no event has the property `price`"]);
        // Before there are events, and where some were not counted, nothing is known.
        assert!(warnings(&MetricOmissions::default(), &[1], false).is_empty());
        let mut old = seen(&["ok"]);
        old.merge(&MetricOmissions::unknown());
        assert!(warnings(&old, &[1], false).is_empty());
    }

    #[test]
    fn warnings_are_bounded() {
        let mut omissions = seen(&["ok", "tenant", "tokens"]);
        let cost = omissions.of(&DefinitionUse::Measure("cost".to_owned()));
        for n in 0..50 {
            cost.mismatch(&format!("number:p{n}").into()).add("true");
        }
        let found = warnings(&omissions, &[1], false);
        assert_eq!(found.len(), WARNINGS_MAX + 1);
        assert!(found[WARNINGS_MAX].starts_with("31 more like these"), "{found:?}");
    }
}
