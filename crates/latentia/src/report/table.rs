//! Tables, and the data of every chart as one.

use super::{
    chart::{Bars, Chart, HeatMap, Histogram, Images, Lines, Scatter, Table, Value},
    draw::Bins,
    html::escaped,
    number::{count, counted, number},
};
use std::fmt::Write;

/// How many rows of the data of a figure are shown. All of a training history fits; of the points of a map enough to check.
const ROWS: usize = 200;

/// How many columns are shown.
const COLUMNS: usize = 40;

impl Table {
    /// The table as HTML, with a sentence about what was left out.
    pub(super) fn html(&self, label: &str) -> String {
        if self.columns.is_empty() && self.rows.is_empty() {
            return "<p class=\"empty\">There is nothing to show: the table is empty.</p>\n".to_owned();
        }
        let width = self.rows.iter().map(Vec::len).max().unwrap_or(0).max(self.columns.len());
        let columns = width.min(COLUMNS);
        let numeric: Vec<bool> = (0..columns).map(|c| self.is_numeric(c)).collect();
        let class = |c: usize| if numeric[c] { " class=\"n\"" } else { "" };
        let mut out = format!(
            "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{}\"><table>\n<thead><tr>",
            escaped(label)
        );
        for c in 0..columns {
            let heading = self.columns.get(c).map_or("", String::as_str);
            let _ = write!(out, "<th scope=\"col\"{}>{}</th>", class(c), escaped(heading));
        }
        out.push_str("</tr></thead>\n<tbody>\n");
        for (r, row) in self.rows.iter().take(ROWS).enumerate() {
            out.push_str("<tr>");
            for c in 0..columns {
                let text = escaped(&row.get(c).unwrap_or(&Value::Missing).text());
                let text = if self.highlights.contains(&(r, c)) { format!("<b>{text}</b>") } else { text };
                let _ = match c {
                    0 => write!(out, "<th scope=\"row\"{}>{text}</th>", class(c)),
                    _ => write!(out, "<td{}>{text}</td>", class(c)),
                };
            }
            out.push_str("</tr>\n");
        }
        out.push_str("</tbody></table></div>\n");
        if self.rows.len() > ROWS {
            let (rest, all) = (counted(self.rows.len() - ROWS, "row"), count(self.rows.len()));
            let _ = writeln!(out, "<p class=\"note\">The first {ROWS} of {all} rows; {rest} left out.</p>");
        }
        if width > columns {
            let _ = writeln!(out, "<p class=\"note\">The first {columns} of {} columns.</p>", count(width));
        }
        out
    }

    fn is_numeric(&self, column: usize) -> bool {
        let mut cells = self
            .rows
            .iter()
            .filter_map(|r| r.get(column))
            .filter(|v| !matches!(v, Value::Missing))
            .peekable();
        cells.peek().is_some() && cells.all(|v| matches!(v, Value::Number(_)))
    }
}

impl Value {
    fn text(&self) -> String {
        match self {
            Self::Number(value) => number(*value),
            Self::Text(text) => text.clone(),
            Self::Missing => "–".to_owned(),
        }
    }
}

impl Chart {
    /// The data of the chart as a table.
    pub(super) fn table(&self) -> Table {
        match self {
            Self::Lines(lines) => of_lines(lines),
            Self::Scatter(scatter) => of_scatter(scatter),
            Self::Histogram(histogram) => of_histogram(histogram),
            Self::Bars(bars) => of_bars(bars),
            Self::HeatMap(map) => of_heat_map(map),
            Self::Images(images) => of_images(images),
            Self::Table(table) => table.clone(),
        }
    }
}

fn table(columns: Vec<String>, rows: Vec<Vec<Value>>) -> Table {
    Table { columns, rows, highlights: Vec::new() }
}

fn or<'a>(name: &'a str, default: &'a str) -> &'a str {
    if name.is_empty() { default } else { name }
}

/// One row per position on the horizontal axis, one column per curve.
fn of_lines(chart: &Lines) -> Table {
    let mut at: Vec<f64> = chart.lines.iter().flat_map(|l| l.points.iter().map(|p| p.0)).collect();
    at.sort_by(f64::total_cmp);
    at.dedup_by(|a, b| a.to_bits() == b.to_bits());
    let columns = std::iter::once(or(&chart.x.name, "x").to_owned());
    let mut rows: Vec<Vec<Value>> = at
        .iter()
        .map(|&x| {
            let mut row = vec![Value::Missing; chart.lines.len() + 1];
            row[0] = x.into();
            row
        })
        .collect();
    for (c, line) in chart.lines.iter().enumerate() {
        for &(x, y) in &line.points {
            if let Ok(r) = at.binary_search_by(|v| v.total_cmp(&x)) {
                rows[r][c + 1] = y.into();
            }
        }
    }
    table(columns.chain(chart.lines.iter().map(|l| or(&l.name, &chart.y.name).to_owned())).collect(), rows)
}

fn of_scatter(chart: &Scatter) -> Table {
    let mut columns = vec![or(&chart.x.name, "x").to_owned(), or(&chart.y.name, "y").to_owned()];
    if !chart.class_names.is_empty() {
        columns.push("class".to_owned());
    }
    let rows = chart.points.iter().enumerate().map(|(i, p)| {
        let mut row = vec![p.0.into(), p.1.into()];
        if !chart.class_names.is_empty() {
            row.push(chart.classes.get(i).and_then(|&c| chart.class_names.get(c)).cloned().into());
        }
        row
    });
    table(columns, rows.collect())
}

fn of_histogram(chart: &Histogram) -> Table {
    let Some(bins) = Bins::new(chart) else { return Table::default() };
    let columns =
        ["from", "to"].map(str::to_owned).into_iter().chain(chart.groups.iter().map(|g| g.name.clone()));
    let rows = bins.edges.windows(2).enumerate().map(|(i, ends)| {
        let counts = bins.counts.iter().map(|counts| counts[i].into());
        [ends[0].into(), ends[1].into()].into_iter().chain(counts).collect()
    });
    table(columns.collect(), rows.collect())
}

fn of_bars(chart: &Bars) -> Table {
    let rows = chart.bars.iter().map(|b| vec![b.name.as_str().into(), b.value.into()]);
    table(vec![or(&chart.name, "name").to_owned(), or(&chart.x.name, "value").to_owned()], rows.collect())
}

fn of_heat_map(map: &HeatMap) -> Table {
    let width = map.values.iter().map(Vec::len).max().unwrap_or(0);
    let name = |names: &[String], i: usize| names.get(i).cloned().unwrap_or_else(|| (i + 1).to_string());
    let columns = std::iter::once(map.y.clone()).chain((0..width).map(|c| name(&map.columns, c)));
    let rows = map.values.iter().enumerate().map(|(r, row)| {
        std::iter::once(name(&map.rows, r).into()).chain(row.iter().map(|&v| v.into())).collect()
    });
    table(columns.collect(), rows.collect())
}

/// Pixels are of no use as numbers; their range tells whether an image is blank or saturated.
fn of_images(images: &Images) -> Table {
    let columns = ["row", "image", "smallest", "mean", "largest"].map(str::to_owned);
    let rows = images.images.iter().enumerate().flat_map(|(r, row)| {
        let name = images.row_names.get(r).cloned().unwrap_or_else(|| (r + 1).to_string());
        row.iter().enumerate().map(move |(c, image)| {
            let (low, high) =
                image.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), &v| (l.min(v), h.max(v)));
            let mean = image.iter().map(|&v| f64::from(v)).sum::<f64>() / image.len() as f64;
            vec![
                name.clone().into(),
                (c + 1).into(),
                f64::from(low).into(),
                mean.into(),
                f64::from(high).into(),
            ]
        })
    });
    table(columns.to_vec(), rows.collect())
}
