//! Which columns of a table are which fields of an event, and which are its properties.

use merganser_core::text::excerpt;
use std::collections::HashSet;

use super::field_hints::suggest_field;

/// Columns that a table may have.
pub(super) const COLUMNS_MAX: usize = 10_000;
/// Columns that a message names.
const NAMED_MAX: usize = 20;

/// What a sender says of a table's columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ColumnMapping {
    /// The type of all events; else a column says it.
    pub event: Option<String>,
    /// The column of types; `event` by default.
    pub event_column: Option<String>,
    /// The column of times; `time` by default, and none if it is empty.
    pub time_column: Option<String>,
    /// The column of ids; `id` by default, and none if it is empty.
    pub id_column: Option<String>,
    /// The column of subjects; `subject` by default, and none if it is empty.
    pub subject_column: Option<String>,
}

impl ColumnMapping {
    /// What was said of a field's column.
    fn column(&self, field: &str) -> Option<&str> {
        match field {
            "event" => self.event_column.as_deref(),
            "time" => self.time_column.as_deref(),
            "id" => self.id_column.as_deref(),
            _ => self.subject_column.as_deref(),
        }
    }
}

/// How parameters are spelled where they are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterStyle {
    /// In a query string.
    Query,
    /// As flags of a command.
    Flags,
}

impl ParameterStyle {
    fn of_column(self, field: &str) -> String {
        match self {
            Self::Query => format!("`{field}_column=`"),
            Self::Flags => format!("`--{field}`"),
        }
    }

    fn of_all_events(self) -> &'static str {
        match self {
            Self::Query => "`event=purchase` makes all of them purchases",
            Self::Flags => "`--event purchase` makes all of them purchases",
        }
    }
}

/// Where the fields of an event are in a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnLayout {
    /// Where its type is.
    pub event: EventTypeSource,
    /// The column of times.
    pub time: Option<usize>,
    /// The column of ids.
    pub id: Option<usize>,
    /// The column of subjects.
    pub subject: Option<usize>,
    /// The column that is all properties.
    pub all_properties: Option<usize>,
    /// Columns that are a property each.
    pub properties: Vec<usize>,
}

/// Where the type of an event is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventTypeSource {
    /// All events have this one.
    All(String),
    /// In a column.
    Column(usize),
}

impl ColumnLayout {
    /// The layout of a table with these columns.
    ///
    /// # Errors
    /// What is wrong with the columns, and which there are.
    pub fn of(
        names: &[&str],
        mapping: &ColumnMapping,
        options: ParameterStyle,
    ) -> Result<Self, String> {
        check(names)?;
        let mut taken = HashSet::new();
        let mut find = |field: &str| -> Result<Option<usize>, String> {
            let said = mapping.column(field);
            let wanted = said.unwrap_or(field);
            let at = names.iter().position(|name| *name == wanted);
            match (at, said) {
                (_, Some("")) => Ok(None),
                (None, Some(said)) => Err(no_column(said, names, "")),
                (None, None) => Ok(None),
                (Some(at), _) if taken.insert(at) => Ok(Some(at)),
                // Another field has the column.
                (Some(_), None) => Ok(None),
                (Some(_), Some(said)) => {
                    Err(format!("the column `{}` is said to be two fields", excerpt(said)))
                }
            }
        };
        // First what was said, so that a default does not take it.
        let mut fields = ["event", "time", "id", "subject"].map(|field| (field, None));
        for is_said in [true, false] {
            for (field, at) in &mut fields {
                let is_constant = *field == "event" && mapping.event.is_some();
                if mapping.column(field).is_some() == is_said && !is_constant {
                    *at = find(field)?;
                }
            }
        }
        let [event, time, id, subject] = fields.map(|(_, at)| at);
        let event = match (&mapping.event, event) {
            (Some(event), _) => EventTypeSource::All(event.clone()),
            (None, Some(at)) => EventTypeSource::Column(at),
            (None, None) => {
                let hint = format!(
                    "; {} names the one with the types of the events, and {}",
                    options.of_column("event"),
                    options.of_all_events()
                );
                return Err(no_column("event", names, &hint));
            }
        };
        if time.is_none() && mapping.time_column.is_none() {
            check_no_time(names, options)?;
        }
        let rest = (0..names.len()).filter(|at| !taken.contains(at));
        let (all, properties): (Vec<_>, Vec<_>) = rest.partition(|at| names[*at] == "properties");
        if let (Some(_), Some(other)) = (all.first(), properties.first()) {
            return Err(format!(
                "the column `properties` stands beside `{}`: properties are all in one column, as \
                 JSON, or in a column each",
                excerpt(names[*other])
            ));
        }
        let all_properties = all.first().copied();
        Ok(Self { event, time, id, subject, all_properties, properties })
    }
}

/// Names that columns cannot have.
fn check(names: &[&str]) -> Result<(), String> {
    if names.len() > COLUMNS_MAX {
        return Err(format!("it has {} columns; {COLUMNS_MAX} are read", names.len()));
    }
    let mut seen = HashSet::new();
    for (number, name) in (1..).zip(names) {
        if name.is_empty() {
            return Err(format!("column {number} has no name; its columns are {}", listed(names)));
        }
        if name.trim() != *name {
            return Err(format!("the name of column {number}, `{}`, has blanks", excerpt(name)));
        }
        if !seen.insert(*name) {
            return Err(format!("the column `{}` is there twice", excerpt(name)));
        }
    }
    Ok(())
}

/// Refuses a table without times that has a column which looks like them: all of its events would
/// silently get the time of their arrival.
fn check_no_time(names: &[&str], options: ParameterStyle) -> Result<(), String> {
    let time = names.iter().find(|name| suggest_field(name) == Some("time"));
    time.map_or(Ok(()), |name| {
        let (option, none) = match options {
            ParameterStyle::Query => (format!("`time_column={name}`"), "`time_column=`"),
            ParameterStyle::Flags => (format!("`--time {name}`"), "`--time ''`"),
        };
        Err(format!(
            "there is no column `time`, but `{}`: {option} takes the times from there, and {none} \
             lets events happen when they arrive",
            excerpt(name)
        ))
    })
}

pub(super) fn no_column(wanted: &str, names: &[&str], hint: &str) -> String {
    let wanted = excerpt(wanted);
    let by_case = names.iter().find(|name| name.eq_ignore_ascii_case(&wanted));
    let meant = by_case.map_or(String::new(), |name| format!(", did you mean `{name}`?"));
    format!("there is no column `{wanted}`{meant}; its columns are {}{hint}", listed(names))
}

fn listed(names: &[&str]) -> String {
    let mut named: Vec<String> =
        names.iter().take(NAMED_MAX).map(|name| format!("`{}`", excerpt(name))).collect();
    if names.len() > NAMED_MAX {
        named.push(format!("and {} more", names.len() - NAMED_MAX));
    }
    named.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(names: &[&str], mapping: &ColumnMapping) -> Result<ColumnLayout, String> {
        ColumnLayout::of(names, mapping, ParameterStyle::Query)
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn fields_are_found_by_their_names_and_the_rest_are_properties() {
        let names = ["amount", "time", "event", "subject", "id", "country"];
        let layout = of(&names, &ColumnMapping::default()).unwrap();
        assert_eq!(layout.event, EventTypeSource::Column(2));
        assert_eq!((layout.time, layout.id, layout.subject), (Some(1), Some(4), Some(3)));
        assert_eq!((layout.all_properties, layout.properties), (None, vec![0, 5]));
        let json = of(&["event", "properties"], &ColumnMapping::default()).unwrap();
        assert_eq!((json.all_properties, json.properties), (Some(1), vec![]));
    }

    #[test]
    fn a_given_column_is_used() {
        let mapping = ColumnMapping {
            event: some("purchase"),
            time_column: some("at"),
            id_column: some("order"),
            subject_column: some(""),
            ..ColumnMapping::default()
        };
        let names = ["order", "at", "event", "subject", "time"];
        let layout = of(&names, &mapping).unwrap();
        assert_eq!(layout.event, EventTypeSource::All("purchase".to_owned()));
        assert_eq!((layout.time, layout.id, layout.subject), (Some(1), Some(0), None));
        assert_eq!(layout.properties, [2, 3, 4]);
        let swapped = ColumnMapping { event_column: some("id"), ..ColumnMapping::default() };
        let layout = of(&["id", "x"], &swapped).unwrap();
        assert_eq!((layout.event, layout.id), (EventTypeSource::Column(0), None));
    }

    #[test]
    fn errors_of_columns_list_the_columns() {
        let mapped =
            |column: &str| ColumnMapping { event_column: some(column), ..ColumnMapping::default() };
        let none = ColumnMapping::default();
        let twice = ColumnMapping {
            event_column: some("a"),
            id_column: some("a"),
            ..ColumnMapping::default()
        };
        for (names, mapping, words) in [
            (&["type", "amount"][..], &none, "no column `event`; its columns are `type`, `amount`"),
            (&["type"], &none, "`event_column=` names the one"),
            (&["type"], &mapped("Type"), "there is no column `Type`, did you mean `type`?"),
            (&["event", "a", "a"], &none, "`a` is there twice"),
            (&["event", ""], &none, "column 2 has no name"),
            (&["event", " a"], &none, "` a`, has blanks"),
            (&["event", "a", "properties"], &none, "`properties` stands beside `a`"),
            (&["event", "created_at"], &none, "`time_column=created_at` takes the times"),
            (&["a", "b"], &twice, "`a` is said to be two fields"),
        ] {
            let error = of(names, mapping).unwrap_err();
            assert!(error.contains(words), "{names:?}: {error}");
        }
        let none = ColumnMapping { time_column: some(""), ..none };
        assert_eq!(of(&["event", "created_at"], &none).unwrap().time, None);
    }
}
