//! Rows as an aligned table, for people.
//!
//! On a terminal a table is as wide as the terminal at most: texts that are too long go on in
//! further lines of their cell. Numbers are never broken, since half of one reads as another.

use console::measure_text_width;

use super::output;

/// Between two columns.
const GAP: &str = "  ";

/// A column of texts is not made narrower than this.
const TEXT_MIN: usize = 12;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ColumnAlign {
    Left,
    Right,
}

/// A table under construction.
#[derive(Debug, Default)]
pub(super) struct TextTable {
    names: Vec<String>,
    aligns: Vec<ColumnAlign>,
    rows: Vec<Vec<String>>,
}

impl TextTable {
    /// Adds a column of texts.
    pub(super) fn text(self, name: &str) -> Self {
        self.column(name, ColumnAlign::Left)
    }

    /// Adds a column of numbers.
    pub(super) fn number(self, name: &str) -> Self {
        self.column(name, ColumnAlign::Right)
    }

    fn column(mut self, name: &str, align: ColumnAlign) -> Self {
        self.names.push(name.to_owned());
        self.aligns.push(align);
        self
    }

    /// Adds a row of as many cells as there are columns.
    pub(super) fn row(&mut self, cells: Vec<String>) {
        debug_assert_eq!(cells.len(), self.names.len());
        self.rows.push(cells);
    }

    /// The table's text, without a line end, for where stdout goes.
    pub(super) fn render(&self) -> String {
        self.within(output::terminal_columns())
    }

    /// The table's text in so many columns of a terminal, if they are enough.
    fn within(&self, columns: Option<usize>) -> String {
        let widest = |i: usize| {
            let cells = self.rows.iter().map(|row| &row[i]).chain([&self.names[i]]);
            cells.map(|cell| measure_text_width(cell)).max().unwrap_or(0)
        };
        let mut widths: Vec<usize> = (0..self.names.len()).map(widest).collect();
        if let Some(columns) = columns {
            fit(&mut widths, &self.aligns, columns);
        }
        let rule = widths.iter().map(|width| "─".repeat(*width)).collect();
        let rows = [&self.names, &rule].into_iter().chain(&self.rows);
        rows.map(|cells| self.lines(cells, &widths)).collect::<Vec<_>>().join("\n")
    }

    /// A row: as many lines as its longest cell needs.
    fn lines(&self, cells: &[String], widths: &[usize]) -> String {
        let cells: Vec<Vec<&str>> =
            cells.iter().zip(widths).map(|(cell, width)| wrap_cell(cell, *width)).collect();
        let height = cells.iter().map(Vec::len).max().unwrap_or(1);
        let line = |n: usize| {
            let parts = cells.iter().zip(widths).zip(&self.aligns).map(|((cell, width), align)| {
                let part = cell.get(n).copied().unwrap_or_default();
                let blanks = " ".repeat(width.saturating_sub(measure_text_width(part)));
                match align {
                    ColumnAlign::Left => format!("{part}{blanks}"),
                    ColumnAlign::Right => format!("{blanks}{part}"),
                }
            });
            parts.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
        };
        (0..height).map(line).collect::<Vec<_>>().join("\n")
    }
}

/// Narrows the widest columns of texts until a line fits.
fn fit(widths: &mut [usize], aligns: &[ColumnAlign], columns: usize) {
    let gaps = GAP.len() * widths.len().saturating_sub(1);
    let narrowed = |width: usize, align: ColumnAlign, most: usize| match align {
        ColumnAlign::Left => width.min(most),
        ColumnAlign::Right => width,
    };
    let fits = |most: &usize| {
        let total: usize = widths.iter().zip(aligns).map(|(w, a)| narrowed(*w, *a, *most)).sum();
        total + gaps <= columns
    };
    let widest = widths.iter().copied().max().unwrap_or(0);
    let most = (TEXT_MIN..=widest).rev().find(fits).unwrap_or(TEXT_MIN);
    for (width, align) in widths.iter_mut().zip(aligns) {
        *width = narrowed(*width, *align, most);
    }
}

/// A cell's lines, broken between words, and within a word that is longer than a line.
fn wrap_cell(cell: &str, width: usize) -> Vec<&str> {
    if measure_text_width(cell) <= width {
        return vec![cell];
    }
    let mut lines = Vec::new();
    let mut rest = cell.trim_end();
    loop {
        let mut used = 0;
        let over = rest.char_indices().find_map(|(at, c)| {
            used += measure_text_width(c.encode_utf8(&mut [0; 4]));
            (used > width).then_some(at)
        });
        // One character at least, so that it comes to an end.
        let first = rest.chars().next().map_or(0, char::len_utf8);
        let end = over.map_or(rest.len(), |at| at.max(first));
        if end >= rest.len() {
            lines.push(rest);
            return lines;
        }
        // A blank right behind what fits is a place to break, too.
        let near = rest.char_indices().take_while(|(at, _)| *at <= end);
        let blank = near.filter(|(at, c)| *at > 0 && *c == ' ').last();
        let (line, next) = match blank {
            Some((at, _)) => (&rest[..at], rest[at..].trim_start()),
            None => rest.split_at(end),
        };
        lines.push(line.trim_end());
        rest = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = TextTable::default().text("carrier").number("n");
        table.row(vec!["UA".into(), "1234".into()]);
        table.row(vec!["∅".into(), "5".into()]);
        let expected = "carrier     n\n───────  ────\nUA       1234\n∅           5";
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
            "───────  ────────────────────  ───────────────────",
            "flights  12345678901234567890  departures from New",
            "                               York and what",
            "                               became of them",
        ];
        assert_eq!(text.lines().collect::<Vec<_>>(), expected);
        // Where nothing helps, the terminal breaks the lines.
        assert!(table.within(Some(10)).contains("12345678901234567890"));
    }

    #[test]
    fn words_that_are_longer_than_a_line_are_broken() {
        assert_eq!(wrap_cell("abcdefgh ij", 5), ["abcde", "fgh", "ij"]);
        assert_eq!(wrap_cell("ab cde fg", 6), ["ab cde", "fg"]);
        assert_eq!(wrap_cell("日本語", 3), ["日", "本", "語"]);
        assert_eq!(wrap_cell("日本", 1), ["日", "本"]);
        assert_eq!(wrap_cell("", 5), [""]);
    }
}
