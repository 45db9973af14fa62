//! Matrices as shaded cells.

use super::{
    Drawn, Ink, UNITS,
    plot::{Grid, LINE, Plot, text},
    scale::Scale,
    shortened, text_width,
};
use crate::report::{
    chart::HeatMap,
    number::{count, number},
};
use plotters::{
    element::{Rectangle, Text},
    style::{
        Color,
        text_anchor::{HPos, VPos},
    },
};

/// More rows or columns than this are thinner than a line.
const CELLS: usize = 96;

/// Up to this many columns the values are written into the cells.
const WRITTEN: usize = 12;

const WIDTH: u32 = 560 * UNITS;

pub(super) fn draw(map: &HeatMap) -> Drawn {
    let rows = map.values.len().min(CELLS);
    let columns = map.values.iter().map(Vec::len).max().unwrap_or(0).min(CELLS);
    let values = || map.values.iter().take(rows).flat_map(|r| r.iter().take(columns));
    if values().next().is_none() {
        return Err("There is nothing to draw: the matrix has no cells.".to_owned());
    }
    let largest = values().filter(|v| v.is_finite()).fold(0.0f64, |a, v| a.max(v.abs()));
    let mut notes = vec![format!(
        "The strongest colour stands for {}{}{}.",
        number(largest),
        if map.value.is_empty() { String::new() } else { format!(" ({})", map.value) },
        if values().any(|v| *v < 0.0) { "; the second hue is for negative values" } else { "" }
    )];
    if map.values.len() > rows || map.values.iter().any(|r| r.len() > columns) {
        notes.push(format!("The first {} rows and {} columns are drawn.", count(rows), count(columns)));
    }
    if values().any(|v| !v.is_finite()) {
        notes.push("Cells without a finite value are left empty.".to_owned());
    }

    let row_names = named(&map.rows, rows, 16);
    let left = text_width(row_names.iter().map(|n| n.chars().count()).max().unwrap_or(0)) + 12 * UNITS;
    let cell = ((WIDTH - left.min(WIDTH / 2) - 10 * UNITS) / columns as u32).max(1);
    let high = cell.clamp(UNITS * 8, 44 * UNITS);
    let column_names = named(&map.columns, columns, 16);
    let widest = column_names.iter().map(|n| n.chars().count()).max().unwrap_or(0);
    let every = (text_width(widest + 1)).div_ceil(cell).max(1) as usize;
    let every_row = (18 * UNITS).div_ceil(high).max(1) as usize;
    let ticks = |names: &[String], every: usize, sign: f64| {
        names.iter().enumerate().step_by(every).map(|(i, n)| (sign * i as f64, n.clone())).collect()
    };
    let x =
        Scale { log: false, low: -0.5, high: columns as f64 - 0.5, ticks: ticks(&column_names, every, 1.0) };
    let y =
        Scale { log: false, low: 0.5 - rows as f64, high: 0.5, ticks: ticks(&row_names, every_row, -1.0) };
    let plot = Plot {
        width: WIDTH,
        height: 96 * UNITS + high * rows as u32,
        x: (&x, &map.x),
        y: (&y, &map.y),
        grid: Grid::None,
        line: LINE,
    };
    let written = columns <= WRITTEN && high >= 20 * UNITS;
    plot.draw(Vec::new(), notes, |context| {
        for (r, row) in map.values.iter().take(rows).enumerate() {
            for (c, &value) in row.iter().take(columns).enumerate().filter(|(_, v)| v.is_finite()) {
                let strength = if largest > 0.0 { value.abs() / largest } else { 0.0 };
                let hue = if value < 0.0 { Ink::Series(1) } else { Ink::Series(0) };
                let (cx, cy) = (c as f64, -(r as f64));
                let corners = [(cx - 0.5, cy + 0.5), (cx + 0.5, cy - 0.5)];
                let shade = hue.colour().mix(0.04 + 0.96 * strength);
                context.draw_series([Rectangle::new(corners, shade.filled())])?;
                if written {
                    let ink = if strength > 0.6 { Ink::Ground } else { Ink::Text };
                    let label = shortened(&number(value), (cell / text_width(1).max(1)) as usize);
                    context.draw_series([Text::new(
                        label,
                        (cx, cy),
                        text(ink, HPos::Center, VPos::Center),
                    )])?;
                }
            }
        }
        Ok(())
    })
}

/// A name for each of `n` rows or columns: the given one or its number.
fn named(names: &[String], n: usize, limit: usize) -> Vec<String> {
    (0..n).map(|i| names.get(i).map_or_else(|| (i + 1).to_string(), |name| shortened(name, limit))).collect()
}
