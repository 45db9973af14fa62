//! What all plots with axes share: the frame, the ticks, the names of the axes.

use super::{Drawing, Entry, FONT, Ink, UNITS, scale::Scale, text_width};
use plotters::{
    chart::{ChartBuilder, ChartContext, LabelAreaPosition},
    coord::Shift,
    drawing::{DrawingArea, IntoDrawingArea},
    element::Text,
    prelude::{Cartesian2d, SVGBackend},
    style::{
        Color, IntoFont, TRANSPARENT, TextStyle,
        text_anchor::{HPos, Pos, VPos},
    },
};
/// A plot to draw series on; positions are those of its scales.
pub(super) type Context<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<Scale, Scale>>;

/// An error of the plotting library.
pub(super) type PlotError = plotters::drawing::DrawingAreaErrorKind<std::io::Error>;

/// The height of a line of text in units: with room for the larger text of a phone.
pub(super) const LINE: u32 = 27 * UNITS;

/// The lines behind the series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grid {
    None,
    Horizontal,
    Vertical,
    Both,
}

/// The frame of a plot.
pub(super) struct Plot<'a> {
    /// Width in units.
    pub(super) width: u32,
    /// Height in units.
    pub(super) height: u32,
    /// The horizontal axis and its name.
    pub(super) x: (&'a Scale, &'a str),
    /// The vertical axis and its name.
    pub(super) y: (&'a Scale, &'a str),
    /// The lines behind the series.
    pub(super) grid: Grid,
    /// The height of a line of text in units.
    pub(super) line: u32,
}

impl Plot<'_> {
    /// Units to the left of the plotted area.
    pub(super) fn left(&self) -> u32 {
        text_width(self.y.0.widest()) * 11 / 10 + 14 * UNITS
    }

    /// Draws the frame, then what `series` draws on it.
    pub(super) fn draw(
        &self,
        legend: Vec<Entry>,
        notes: Vec<String>,
        series: impl FnOnce(&mut Context<'_, '_>) -> Result<(), PlotError>,
    ) -> Result<Drawing, String> {
        let mut svg = String::new();
        {
            let root = SVGBackend::with_string(&mut svg, (self.width, self.height)).into_drawing_area();
            self.frame(&root, series).map_err(|e| format!("This figure could not be drawn: {e}."))?;
        }
        Ok(Drawing { width: self.width, height: self.height, body: tidy(&svg), legend, notes })
    }

    fn frame(
        &self,
        root: &DrawingArea<SVGBackend<'_>, Shift>,
        series: impl FnOnce(&mut Context<'_, '_>) -> Result<(), PlotError>,
    ) -> Result<(), PlotError> {
        let ((x, x_name), (y, y_name)) = (self.x, self.y);
        let (left, top) = (self.left(), if y_name.is_empty() { 8 * UNITS } else { self.line + 5 * UNITS });
        let under = if x_name.is_empty() { 0 } else { self.line };
        let mut chart = ChartBuilder::on(root)
            .margin_top(top)
            .margin_right(10 * UNITS)
            .margin_bottom(under)
            .set_label_area_size(LabelAreaPosition::Left, left)
            .set_label_area_size(LabelAreaPosition::Bottom, self.line)
            .build_cartesian_2d(x.clone(), y.clone())?;
        let mut mesh = chart.configure_mesh();
        mesh.bold_line_style(Ink::Grid.colour().stroke_width(UNITS))
            .light_line_style(TRANSPARENT)
            .axis_style(Ink::Axis.colour().stroke_width(UNITS))
            .label_style(text(Ink::Muted, HPos::Center, VPos::Top))
            .x_labels(x.ticks.len())
            .y_labels(y.ticks.len())
            .set_all_tick_mark_size(4 * UNITS);
        if matches!(self.grid, Grid::None | Grid::Horizontal) {
            mesh.disable_x_mesh();
        }
        if matches!(self.grid, Grid::None | Grid::Vertical) {
            mesh.disable_y_mesh();
        }
        mesh.draw()?;
        let middle = (left + (self.width - left - 10 * UNITS) / 2) as i32;
        let foot = (self.height - 4 * UNITS) as i32;
        root.draw(&Text::new(x_name, (middle, foot), text(Ink::Muted, HPos::Center, VPos::Bottom)))?;
        root.draw(&Text::new(y_name, (0, UNITS as i32), text(Ink::Muted, HPos::Left, VPos::Top)))?;
        series(&mut chart)?;
        root.present()
    }
}

/// The style of a text anchored like this.
pub(super) fn text(ink: Ink, horizontal: HPos, vertical: VPos) -> TextStyle<'static> {
    let mut style = TextStyle::from(("sans-serif", FONT).into_font()).pos(Pos::new(horizontal, vertical));
    style.color = ink.colour().to_backend_color();
    style
}

/// The elements between the outer tags, without the attributes that say what is so anyway or what the outer element says for
/// all: a scatter plot halves in size.
fn tidy(svg: &str) -> String {
    let body = svg.split_once('>').map_or("", |(_, rest)| rest);
    let body = body.rsplit_once("</svg>").map_or(body, |(body, _)| body);
    let mut out = body
        .replace(" opacity=\"1\"", "")
        .replace(" stroke=\"none\" stroke-width=\"1\"", "")
        .replace(" stroke=\"none\"", "")
        .replace(" \"/>", "\"/>");
    for attribute in ["font-family", "font-size"] {
        let start = format!(" {attribute}=\"");
        let mut pieces = out.split(&start);
        let mut kept = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            kept.push_str(piece.split_once('"').map_or("", |(_, rest)| rest));
        }
        out = kept;
    }
    out
}
