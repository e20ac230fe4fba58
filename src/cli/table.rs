//! Rows as an aligned table, for people.
//!
//! On a terminal a table is as wide as the terminal at most: texts that are too long continue in
//! further lines of their cell. Numbers are never broken, since half of one reads as another.

use comfy_table::presets::NOTHING;
use comfy_table::{
    CellAlignment, ColumnConstraint, ContentArrangement, Row, Table, TableComponent,
};

use super::output;

/// A table under construction.
#[derive(Debug, Default)]
pub(super) struct TextTable {
    names: Vec<String>,
    numbers: Vec<usize>,
    rows: Vec<Row>,
}

impl TextTable {
    /// Adds a column of texts.
    pub(super) fn text(mut self, name: &str) -> Self {
        self.names.push(name.to_owned());
        self
    }

    /// Adds a column of numbers.
    pub(super) fn number(mut self, name: &str) -> Self {
        self.numbers.push(self.names.len());
        self.text(name)
    }

    /// Adds a row of as many cells as there are columns.
    pub(super) fn row(&mut self, cells: Vec<String>) {
        debug_assert_eq!(cells.len(), self.names.len());
        self.rows.push(cells.into());
    }

    /// The table's text, without a line end, for where stdout goes.
    pub(super) fn render(&self) -> String {
        self.within(output::terminal_columns())
    }

    /// The table's text in so many columns of a terminal, if they are enough.
    fn within(&self, columns: Option<usize>) -> String {
        let mut table = Table::new();
        table
            .load_preset(NOTHING)
            .set_style(TableComponent::HeaderLines, '─')
            .set_style(TableComponent::MiddleHeaderIntersections, ' ')
            .set_style(TableComponent::VerticalLines, ' ')
            .set_header(&self.names)
            .add_rows(self.rows.iter().cloned());
        let last = self.names.len().saturating_sub(1);
        for column in table.column_iter_mut() {
            column.set_padding((0, u16::from(column.index != last)));
        }
        for at in &self.numbers {
            if let Some(column) = table.column_mut(*at) {
                column.set_cell_alignment(CellAlignment::Right);
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
        if let Some(width) = columns.and_then(|columns| u16::try_from(columns).ok()) {
            table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        }
        table.trim_fmt()
    }
}

#[cfg(test)]
mod tests {
    use console::measure_text_width;

    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = TextTable::default().text("carrier").number("n");
        table.row(vec!["UA".into(), "1234".into()]);
        table.row(vec!["∅".into(), "5".into()]);
        let expected = "carrier     n\n──────── ────\nUA       1234\n∅           5";
        assert_eq!(table.within(None), expected);
        assert_eq!(table.within(Some(80)), expected);
    }

    #[test]
    fn long_texts_go_on_in_further_lines_and_numbers_stay_whole() {
        let mut table = TextTable::default().text("name").number("n").text("description");
        table.row(vec![
            "flights".into(),
            "12345678901234567890".into(),
            "departures from New York and what became of them".into(),
        ]);
        let text = table.within(Some(50));
        assert!(text.lines().all(|line| measure_text_width(line) <= 50), "{text}");
        let expected = [
            "name                        n  description",
            "──────── ───────────────────── ───────────────────",
            "flights  12345678901234567890  departures from New",
            "                               York and what",
            "                               became of them",
        ];
        assert_eq!(text.lines().collect::<Vec<_>>(), expected);
        // Where nothing helps, the terminal breaks the lines.
        assert!(table.within(Some(10)).contains("12345678901234567890"));
    }
}
