//! What people read on the terminal: aligned columns, numbers of sensible length, JSON when programs read.

use std::io::{self, Write};

use latentia::Error;
use serde_json::Value;

use crate::Failure;

/// A table for the terminal; the first column is text, the others are numbers.
#[derive(Debug, Default)]
pub(crate) struct Grid {
    rows: Vec<Vec<String>>,
}

impl Grid {
    /// A table with these column names.
    pub(crate) fn new<S: Into<String>>(header: impl IntoIterator<Item = S>) -> Self {
        Self { rows: vec![header.into_iter().map(Into::into).collect()] }
    }

    /// Adds a row; one of empty cells is left out.
    pub(crate) fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// The lines, columns aligned, indented by two.
    pub(crate) fn render(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |j: usize| self.rows.iter().filter_map(|r| r.get(j)).map(|c| c.chars().count()).max();
        let widths: Vec<usize> = (0..columns).map(|j| width(j).unwrap_or(0)).collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::from("  ");
            for (j, cell) in row.iter().enumerate() {
                let pad = " ".repeat(widths[j] - cell.chars().count());
                match j {
                    0 => line.extend([cell.as_str(), &pad]),
                    _ => line.extend(["  ", &pad, cell.as_str()]),
                }
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// Prints lines whose columns are aligned to the left.
pub(crate) fn left_aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |j: usize| rows.iter().filter_map(|r| r.get(j)).map(|c| c.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|j| width(j).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str("  ");
            line.push_str(cell);
            line.push_str(&" ".repeat(width - cell.chars().count()));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Four significant digits, as people write them.
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    if !(1e-4..1e7).contains(&size) {
        return format!("{value:.3e}");
    }
    let before = size.log10().floor() as i32 + 1;
    let decimals = (4 - before).clamp(0, 7) as usize;
    format!("{value:.decimals$}")
}

/// A share as a percentage.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

/// A count with its thousands apart.
pub(crate) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Seconds as people say them.
pub(crate) fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 60.0 => format!("{s:.1} s"),
        s if s < 3600.0 => format!("{:.0} min {:.0} s", (s / 60.0).floor(), s % 60.0),
        s => format!("{:.0} h {:.0} min", (s / 3600.0).floor(), (s % 3600.0 / 60.0).floor()),
    }
}

/// Writes text to standard output.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(stdout_fault)
}

/// Writes a value to standard output as one line of JSON.
pub(crate) fn print_json(value: &Value) -> Result<(), Failure> {
    print(&format!("{value}\n"))
}

/// Standard output could not be written to.
pub(crate) fn stdout_fault(source: io::Error) -> Failure {
    Error::io("standard output", "write", source).into()
}

/// Something the user may want to know, on standard error.
pub(crate) fn warn(text: &str) {
    anstream::eprintln!("\x1b[1;33mwarning:\x1b[0m {text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_four_digits() {
        let cases = [
            (0.0, "0"),
            (1.0, "1.000"),
            (0.123456, "0.1235"),
            (0.0123456, "0.01235"),
            (12.3456, "12.35"),
            (12345.6, "12346"),
            (-3.25, "-3.250"),
            (1.5e-9, "1.500e-9"),
        ];
        let wrong: Vec<_> = cases.iter().filter(|(value, text)| number(*value) != *text).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
        assert_eq!(count(1234567), "1,234,567");
        assert_eq!(duration(75.0), "1 min 15 s");
    }

    #[test]
    fn numbers_of_a_table_end_at_the_same_place() {
        let mut grid = Grid::new(["", "a", "long"]);
        grid.row(["x", "1", "22"]);
        assert_eq!(grid.render(), "     a  long\n  x  1    22\n");
    }
}
