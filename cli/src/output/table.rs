//! Columns that line up, with or without colors.

use super::paint::{Paint, Tone};

/// One cell: a text and its tone.
#[derive(Debug, Clone)]
pub struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    /// A cell in that tone.
    pub fn new(tone: Tone, text: impl Into<String>) -> Self {
        Self { text: text.into(), tone }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::new(Tone::Plain, text)
    }
}

/// The rows under their headings, a line each, two spaces between columns, no space at the ends of lines.
pub fn table<const N: usize>(paint: Paint, headings: [&str; N], rows: Vec<[Cell; N]>) -> String {
    let headings = headings.map(|heading| Cell::new(Tone::Quiet, heading));
    lines(paint, "", std::iter::once(headings).chain(rows))
}

/// The same without headings, each line behind `indent`.
pub fn lines<const N: usize>(paint: Paint, indent: &str, rows: impl IntoIterator<Item = [Cell; N]>) -> String {
    let rows: Vec<[Cell; N]> = rows.into_iter().collect();
    let width = |column: usize| rows.iter().map(|row| row[column].text.chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    rows.iter().map(|row| line(paint, indent, row, &widths)).collect()
}

fn line<const N: usize>(paint: Paint, indent: &str, row: &[Cell; N], widths: &[usize; N]) -> String {
    let last = row.iter().rposition(|cell| !cell.text.is_empty()).unwrap_or(0);
    let mut line = indent.to_owned();
    for (column, cell) in row.iter().enumerate().take(last + 1) {
        line.push_str(&paint.paint(cell.tone, &cell.text));
        if column < last {
            let gap = widths[column] - cell.text.chars().count();
            // A column that is empty in every row takes no room.
            line.push_str(&" ".repeat(if widths[column] == 0 { 0 } else { gap + 2 }));
        }
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_whatever_the_colors() {
        let rows = || vec![["network/vpc".into(), Cell::new(Tone::Good, "ready")], ["a".into(), "".into()]];
        assert_eq!(table(Paint::PLAIN, ["RESOURCE", "STATE"], rows()), "RESOURCE     STATE\nnetwork/vpc  ready\na\n");
        let painted = table(Paint { color: true }, ["RESOURCE", "STATE"], rows());
        assert!(painted.contains("network/vpc  \x1b[32mready\x1b[0m\n"), "{painted:?}");
    }
}
