//! Rows as an aligned table, for people.

#[derive(Clone, Copy, Debug)]
enum Align {
    Left,
    Right,
}

/// A table under construction.
#[derive(Debug, Default)]
pub(super) struct Table {
    names: Vec<String>,
    aligns: Vec<Align>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Adds a column of texts.
    pub(super) fn text(self, name: &str) -> Self {
        self.column(name, Align::Left)
    }

    /// Adds a column of numbers.
    pub(super) fn number(self, name: &str) -> Self {
        self.column(name, Align::Right)
    }

    fn column(mut self, name: &str, align: Align) -> Self {
        self.names.push(name.to_owned());
        self.aligns.push(align);
        self
    }

    /// Adds a row of as many cells as there are columns.
    pub(super) fn row(&mut self, cells: Vec<String>) {
        debug_assert_eq!(cells.len(), self.names.len());
        self.rows.push(cells);
    }

    /// The table's text, without a line end.
    pub(super) fn render(&self) -> String {
        let widths: Vec<usize> = (0..self.names.len())
            .map(|i| {
                let cells = self.rows.iter().map(|row| &row[i]);
                cells.chain([&self.names[i]]).map(|cell| cell.chars().count()).max().unwrap_or(0)
            })
            .collect();
        let rule = widths.iter().map(|width| "─".repeat(*width)).collect();
        let lines = [&self.names, &rule].into_iter().chain(&self.rows);
        let lines: Vec<String> = lines.map(|cells| self.line(cells, &widths)).collect();
        lines.join("\n")
    }

    fn line(&self, cells: &[String], widths: &[usize]) -> String {
        let pad = |((cell, width), align): ((&String, &usize), &Align)| match align {
            Align::Right => format!("{cell:>width$}"),
            Align::Left => format!("{cell:<width$}"),
        };
        let cells: Vec<String> = cells.iter().zip(widths).zip(&self.aligns).map(pad).collect();
        cells.join("  ").trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::default().text("carrier").number("n");
        table.row(vec!["UA".into(), "1234".into()]);
        table.row(vec!["∅".into(), "5".into()]);
        assert_eq!(table.render(), "carrier     n\n───────  ────\nUA       1234\n∅           5");
    }
}
