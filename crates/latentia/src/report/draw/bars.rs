//! Horizontal bars.

use super::{
    Drawn, Ink, UNITS,
    plot::{Grid, LINE, Plot, text},
    scale::{Scale, position},
    shortened,
};
use crate::report::{
    chart::{Bar, Bars},
    number::{count, number},
};
use plotters::{
    element::{EmptyElement, PathElement, Rectangle, Text},
    style::{
        Color,
        text_anchor::{HPos, VPos},
    },
};

/// More bars than this make a figure longer than a screen.
const BARS: usize = 40;

/// Names longer than this leave no room for the bars.
const NAME: usize = 20;

/// From where to where the line of a bar's spread goes.
fn ends(bar: &Bar) -> [f64; 2] {
    [bar.value - bar.spread, bar.value + bar.spread]
}

pub(super) fn draw(chart: &Bars) -> Drawn {
    let bars = &chart.bars[..chart.bars.len().min(BARS)];
    let drawable = || bars.iter().filter_map(|b| position(chart.x.log, b.value));
    if drawable().next().is_none() {
        return Err(if bars.is_empty() {
            "There is nothing to draw: there are no bars.".to_owned()
        } else {
            "There is nothing to draw: none of the values is a finite number that fits the axis.".to_owned()
        });
    }
    let mut notes = Vec::new();
    if bars.len() < chart.bars.len() {
        notes.push(format!("The first {BARS} of {} are drawn.", count(chart.bars.len())));
    }
    let left_out = bars.len() - drawable().count();
    if left_out > 0 {
        notes.push(format!("{} of {} have no value that can be drawn.", count(left_out), count(bars.len())));
    }
    let base = if chart.x.log { drawable().fold(f64::INFINITY, f64::min) - 0.5 } else { 0.0 };
    let reached = bars.iter().flat_map(ends).filter_map(|v| position(chart.x.log, v)).chain(drawable());
    let (low, high) = reached.fold((base, base), |(l, h), v| (l.min(v), h.max(v)));
    // Room for the value behind the longest bar.
    let room = 0.18 * (high - low);
    let x = Scale::between(
        chart.x.log,
        if low < base { low - room } else { low },
        if high > base { high + room } else { high },
        0.0,
    );
    let y = Scale {
        log: false,
        low: -(bars.len() as f64) + 0.4,
        high: 0.6,
        ticks: bars.iter().enumerate().map(|(i, b)| (-(i as f64), shortened(&b.name, NAME))).collect(),
    };
    let plot = Plot {
        width: 560 * UNITS,
        height: (96 + 30 * bars.len() as u32).max(150) * UNITS,
        x: (&x, &chart.x.name),
        y: (&y, &chart.name),
        grid: Grid::Vertical,
        line: LINE,
    };
    plot.draw(Vec::new(), notes, |context| {
        for (i, bar) in bars.iter().enumerate() {
            let (Some(end), middle) = (x.position(bar.value), -(i as f64)) else { continue };
            let ink = if bar.highlight { Ink::Series(1) } else { Ink::Series(0) };
            let corners = [(base.max(x.low), middle + 0.3), (end, middle - 0.3)];
            context.draw_series([Rectangle::new(corners, ink.colour().filled())])?;
            let spread: Vec<f64> = ends(bar).into_iter().filter_map(|v| x.position(v)).collect();
            if let (true, &[from, to]) = (bar.spread > 0.0, &spread[..]) {
                let line =
                    |points: Vec<(f64, f64)>| PathElement::new(points, Ink::Text.colour().stroke_width(6));
                let cap = |at: f64| line(vec![(at, middle + 0.12), (at, middle - 0.12)]);
                context.draw_series([line(vec![(from, middle), (to, middle)]), cap(from), cap(to)])?;
            }
            let (side, gap) = if end < base { (HPos::Right, -6) } else { (HPos::Left, 6) };
            let end = spread.into_iter().fold(end, |e, v| if end < base { e.min(v) } else { e.max(v) });
            let label =
                Text::new(number(bar.value), (gap * UNITS as i32, 0), text(Ink::Text, side, VPos::Center));
            context.draw_series([EmptyElement::at((end, middle)) + label])?;
        }
        Ok(())
    })
}
