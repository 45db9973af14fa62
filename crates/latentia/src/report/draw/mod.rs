//! Charts as SVG.
//!
//! A drawing is made [`UNITS`] times larger than it is shown, because the plotting library rounds to whole units.

mod bars;
mod heat_map;
mod histogram;
mod images;
mod ink;
mod lines;
mod plot;
mod scale;
mod scatter;

use super::chart::Chart;
pub(super) use histogram::Bins;
pub(super) use ink::{COLOURS, DARK, Ink, LIGHT, Theme, themed};

/// Units of a drawing per pixel as shown.
pub(super) const UNITS: u32 = 4;

/// The size of all text in a drawing, in units.
pub(super) const FONT: u32 = 15 * UNITS;

/// A drawing in stand-in colours, or the sentence that says why there is none.
pub(super) type Drawn = Result<Drawing, String>;

/// A chart as drawn.
#[derive(Debug, Clone)]
pub(super) struct Drawing {
    /// Width in units.
    pub(super) width: u32,
    /// Height in units.
    pub(super) height: u32,
    /// SVG elements in stand-in colours.
    pub(super) body: String,
    /// What the colours mean.
    pub(super) legend: Vec<Entry>,
    /// What a reader must know about what is drawn, such as how many points were left out.
    pub(super) notes: Vec<String>,
}

/// One entry of a legend.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// The name of the series.
    pub(super) name: String,
    /// Its colour.
    pub(super) ink: Ink,
    /// Its shape.
    pub(super) shape: Shape,
}

/// What stands before the name in a legend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A piece of a curve.
    Line,
    /// The marker of a scatter plot: circle, triangle, cross, in turn.
    Marker(usize),
    /// A piece of an area.
    Area,
}

/// Width and height of a legend symbol in units.
pub(super) const SYMBOL: (u32, u32) = (22 * UNITS, 12 * UNITS);

impl Entry {
    /// The symbol as SVG elements in stand-in colours, [`SYMBOL`] large.
    pub(super) fn symbol(&self) -> String {
        let hex = self.ink.hex();
        match self.shape {
            Shape::Line => {
                format!("<line x1=\"4\" y1=\"24\" x2=\"84\" y2=\"24\" stroke-width=\"10\" stroke=\"{hex}\"/>")
            }
            Shape::Area => {
                format!("<rect x=\"16\" y=\"2\" width=\"56\" height=\"44\" rx=\"8\" fill=\"{hex}\"/>")
            }
            Shape::Marker(0) => format!("<circle cx=\"44\" cy=\"24\" r=\"20\" fill=\"{hex}\"/>"),
            Shape::Marker(1) => format!("<polygon points=\"44,2 66,42 22,42\" fill=\"{hex}\"/>"),
            Shape::Marker(_) => format!(
                "<polyline points=\"26,6 62,42 44,24 62,6 26,42\" fill=\"none\" stroke-width=\"10\" stroke=\"{hex}\"/>"
            ),
        }
    }
}

/// Draws a chart, larger where it has the `wide` of a page; `None` for a table, which is not a drawing.
pub(super) fn draw(chart: &Chart, wide: bool) -> Option<Drawn> {
    Some(match chart {
        Chart::Lines(lines) => lines::draw(lines),
        Chart::Scatter(scatter) => scatter::draw(scatter, wide),
        Chart::Histogram(histogram) => histogram::draw(histogram),
        Chart::Bars(bars) => bars::draw(bars),
        Chart::HeatMap(map) => heat_map::draw(map),
        Chart::Images(images) => images::draw(images),
        Chart::Table(_) => return None,
    })
}

/// The width in units that `characters` of text take, on the safe side.
pub(super) fn text_width(characters: usize) -> u32 {
    (characters as u32).saturating_mul(FONT) * 56 / 100
}

/// At most `limit` characters, the last one an ellipsis where something was left out.
pub(super) fn shortened(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    text.chars().take(limit.saturating_sub(1)).chain(['…']).collect()
}
