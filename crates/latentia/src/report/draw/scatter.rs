//! Points in the plane, coloured by class.

use super::{
    COLOURS, Drawn, Entry, FONT, Ink, Shape, UNITS,
    plot::{Context, Grid, LINE, Plot, PlotError, text},
    scale::{Scale, position},
    shortened, text_width,
};
use crate::report::{chart::Scatter, number::count};
use plotters::{
    element::{Circle, Cross, PathElement, Text, TriangleMarker},
    style::{
        Color,
        text_anchor::{HPos, VPos},
    },
};

/// More points than this hide one another and make the page slow on a phone.
const POINTS: usize = 4000;

/// More names than this on top of the points hide more than they say.
const LABELS: usize = 24;

/// A point to draw: its position and its class.
type Point = ((f64, f64), Option<usize>);

/// The name of a class on top of its points.
struct Label {
    at: (f64, f64),
    /// Half its width and half its height.
    reach: (f64, f64),
    name: String,
}

pub(super) fn draw(chart: &Scatter, wide: bool) -> Drawn {
    let (width, height) = if wide { (820 * UNITS, 600 * UNITS) } else { (560 * UNITS, 460 * UNITS) };
    let class = |i: usize| chart.classes.get(i).copied().filter(|&c| c < chart.class_names.len());
    let all: Vec<Point> = chart
        .points
        .iter()
        .enumerate()
        .filter_map(|(i, p)| Some(((position(chart.x.log, p.0)?, position(chart.y.log, p.1)?), class(i))))
        .collect();
    if all.is_empty() {
        return Err(if chart.points.is_empty() {
            "There is nothing to draw: there are no points.".to_owned()
        } else {
            "There is nothing to draw: no point has two finite coordinates that fit the axes.".to_owned()
        });
    }
    let mut notes = Vec::new();
    if all.len() < chart.points.len() {
        notes.push(format!(
            "{} of {} points have a coordinate that cannot be drawn and are left out.",
            count(chart.points.len() - all.len()),
            count(chart.points.len())
        ));
    }
    let every = all.len().div_ceil(POINTS);
    if every > 1 {
        notes.push(format!("Every {every}th of the {} points is drawn.", count(all.len())));
    }
    let points: Vec<Point> = all.iter().step_by(every).copied().collect();
    let arrows = arrows(chart);
    let reached = points.iter().map(|p| p.0).chain(arrows.iter().flatten().copied());
    let (x, y) = scales(chart, reached, f64::from(width - 60 * UNITS) / f64::from(height - 84 * UNITS));
    let legend = legend(chart, &points);
    let plot = Plot {
        width,
        height,
        x: (&x, &chart.x.name),
        y: (&y, &chart.y.name),
        grid: Grid::Both,
        // A wide figure shrinks more on a phone, where its text grows in turn.
        line: if wide { 36 * UNITS } else { LINE },
    };
    // The side of a unit of the drawing in the units of the data.
    let unit = (
        (x.high - x.low) / f64::from(width - plot.left() - 10 * UNITS),
        (y.high - y.low) / f64::from(height - 84 * UNITS),
    );
    plot.draw(legend, notes, |context| {
        let size = match points.len() {
            0..300 => 5 * UNITS,
            300..1500 => 7 * UNITS / 2,
            _ => 5 * UNITS / 2,
        };
        for &arrow in &arrows {
            context
                .plotting_area()
                .draw(&PathElement::new(with_head(arrow, unit), Ink::Axis.colour().stroke_width(9)))?;
        }
        for &(at, class) in &points {
            let unknown = if chart.class_names.is_empty() { Ink::Series(0) } else { Ink::Axis };
            draw_point(context, at, class, class.map_or(unknown, Ink::Series), size)?;
        }
        for label in labels(chart, &points, unit) {
            context.draw_series([Text::new(
                label.name,
                label.at,
                text(Ink::Label, HPos::Center, VPos::Center),
            )])?;
        }
        Ok(())
    })
}

/// The two scales; `shape` is how much wider than high the plotted area is.
fn scales(chart: &Scatter, places: impl Iterator<Item = (f64, f64)>, shape: f64) -> (Scale, Scale) {
    let nothing = (f64::INFINITY, f64::NEG_INFINITY);
    let with = |(low, high): (f64, f64), v: f64| (low.min(v), high.max(v));
    let (mut x, mut y) =
        places.fold((nothing, nothing), |(x, y), place| (with(x, place.0), with(y, place.1)));
    if chart.equal_scale && !chart.x.log && !chart.y.log {
        let (wide, high) = (x.1 - x.0, y.1 - y.0);
        let widened = |(low, high): (f64, f64), by: f64| (low - by / 2.0, high + by / 2.0);
        if wide < high * shape {
            x = widened(x, high * shape - wide);
        } else {
            y = widened(y, wide / shape - high);
        }
    }
    (Scale::between(chart.x.log, x.0, x.1, 0.03), Scale::between(chart.y.log, y.0, y.1, 0.03))
}

/// The arrows whose ends fit the axes, in positions.
fn arrows(chart: &Scatter) -> Vec<[(f64, f64); 2]> {
    let place = |p: (f64, f64)| Some((position(chart.x.log, p.0)?, position(chart.y.log, p.1)?));
    chart.arrows.iter().filter_map(|&[from, to]| Some([place(from)?, place(to)?])).collect()
}

/// The line of an arrow, its shaft and then its head; `unit` is the side of a unit of the drawing.
fn with_head([from, to]: [(f64, f64); 2], unit: (f64, f64)) -> Vec<(f64, f64)> {
    let (dx, dy) = ((to.0 - from.0) / unit.0, (to.1 - from.1) / unit.1);
    let head = 0.35_f64.min(f64::from(5 * UNITS) / dx.hypot(dy).max(f64::MIN_POSITIVE));
    let barb = |side: f64| (to.0 - head * (dx + side * dy) * unit.0, to.1 - head * (dy - side * dx) * unit.1);
    vec![from, to, barb(0.6), to, barb(-0.6)]
}

fn legend(chart: &Scatter, points: &[Point]) -> Vec<Entry> {
    let present = |c: Option<usize>| points.iter().any(|p| p.1 == c);
    let mut entries: Vec<Entry> = chart
        .class_names
        .iter()
        .enumerate()
        .filter(|(i, _)| present(Some(*i)))
        .map(|(i, name)| Entry {
            name: name.clone(),
            ink: Ink::Series(i),
            shape: Shape::Marker(i / COLOURS % 3),
        })
        .collect();
    if !entries.is_empty() && present(None) {
        entries.push(Entry { name: "no class".to_owned(), ink: Ink::Axis, shape: Shape::Marker(0) });
    }
    entries
}

fn draw_point(
    context: &mut Context<'_, '_>,
    at: (f64, f64),
    class: Option<usize>,
    ink: Ink,
    size: u32,
) -> Result<(), PlotError> {
    let colour = ink.colour().mix(0.8);
    match class.map_or(0, |c| c / COLOURS % 3) {
        0 => context.draw_series([Circle::new(at, size, colour.filled())])?,
        1 => context.draw_series([TriangleMarker::new(at, size + UNITS, colour.filled())])?,
        _ => context.draw_series([Cross::new(at, size, colour.stroke_width(6))])?,
    };
    Ok(())
}

/// The name of each class at the median of its points, moved off a name that is there already or left out.
fn labels(chart: &Scatter, points: &[Point], unit: (f64, f64)) -> Vec<Label> {
    let names = &chart.class_names;
    if names.len() < 2 || names.len() > LABELS {
        return Vec::new();
    }
    let mut placed: Vec<Label> = Vec::new();
    for (class, name) in names.iter().enumerate() {
        let median = |of: fn(&Point) -> f64| {
            let mut values: Vec<f64> = points.iter().filter(|p| p.1 == Some(class)).map(of).collect();
            values.sort_by(f64::total_cmp);
            values.get(values.len() / 2).copied()
        };
        let (Some(mx), Some(my)) = (median(|p| p.0.0), median(|p| p.0.1)) else { continue };
        let name = shortened(name, 18);
        let reach =
            (f64::from(text_width(name.chars().count())) / 2.0 * unit.0, f64::from(FONT) * 0.6 * unit.1);
        let free = |at: (f64, f64)| {
            placed.iter().all(|other| {
                (at.0 - other.at.0).abs() > reach.0 + other.reach.0
                    || (at.1 - other.at.1).abs() > reach.1 + other.reach.1
            })
        };
        let spot = [0.0, 1.0, -1.0, 2.0, -2.0]
            .map(|lines| (mx, my + lines * 1.3 * reach.1))
            .into_iter()
            .find(|&s| free(s));
        if let Some(at) = spot {
            placed.push(Label { at, reach, name });
        }
    }
    placed
}
