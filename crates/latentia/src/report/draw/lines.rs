//! Curves.

use super::{
    Drawn, Entry, Ink, Shape, UNITS,
    plot::{Grid, LINE, Plot, PlotError, text},
    scale::{Scale, position},
    text_width,
};
use crate::report::{
    chart::{Line, Lines, Mark, Style},
    number::count,
};
use plotters::{
    element::{Circle, EmptyElement, PathElement, Text},
    style::{
        Color,
        text_anchor::{HPos, VPos},
    },
};

/// More points than this on one curve cannot be told apart at the size of a figure.
const POINTS: usize = 1200;

pub(super) fn draw(chart: &Lines) -> Drawn {
    let drawable =
        |p: &&(f64, f64)| position(chart.x.log, p.0).is_some() && position(chart.y.log, p.1).is_some();
    let marks = chart.marks.iter().map(|m| (m.x, m.y)).collect::<Vec<_>>();
    let all = || chart.lines.iter().flat_map(|l| &l.points).chain(&marks);
    let left_out = all().count() - all().filter(drawable).count();
    let empty = || {
        if all().count() == 0 {
            "There is nothing to draw: no values were recorded.".to_owned()
        } else {
            "There is nothing to draw: none of the values is a finite number that fits the axes.".to_owned()
        }
    };
    let x = Scale::new(&chart.x, all().filter(drawable).map(|p| p.0), 0.015).ok_or_else(empty)?;
    // A linear axis ends at the next ticks outside, which is margin enough.
    let margin = if chart.y.log { 0.05 } else { 0.0 };
    let y =
        Scale::new(&chart.y, all().filter(drawable).map(|p| p.1), margin).ok_or_else(empty)?.rounded_out();
    let x = whole_ticks(x, all().filter(drawable).map(|p| p.0));

    let mut notes = Vec::new();
    if left_out > 0 {
        notes.push(format!(
            "{} of {} values could not be drawn (not finite, or not positive on a logarithmic axis).",
            count(left_out),
            count(all().count())
        ));
    }
    let legend = chart.lines.iter().enumerate().map(|(i, line)| Entry {
        name: line.name.clone(),
        ink: ink(i, line),
        shape: Shape::Line,
    });
    let plot = Plot {
        width: 560 * UNITS,
        height: 340 * UNITS,
        x: (&x, &chart.x.name),
        y: (&y, &chart.y.name),
        grid: Grid::Horizontal,
        line: LINE,
    };
    plot.draw(legend.collect(), notes, |context| {
        for (i, line) in chart.lines.iter().enumerate() {
            let ink = ink(i, line);
            for run in runs(line, &x, &y) {
                let run = thinned(run);
                let few = run.len() == 1;
                if !few {
                    let path = PathElement::new(run.clone(), ink.colour().stroke_width(9));
                    context.plotting_area().draw(&path)?;
                }
                if few || line.style == Style::Marked {
                    let dots = run.iter().map(|&p| Circle::new(p, 14, ink.colour().filled()));
                    context.draw_series(dots)?;
                }
            }
        }
        for mark in &chart.marks {
            draw_mark(context, mark, &x, &y)?;
        }
        Ok(())
    })
}

fn ink(i: usize, line: &Line) -> Ink {
    if line.style == Style::Dashed { Ink::Dashed(i) } else { Ink::Series(i) }
}

/// Between whole numbers such as epochs there is nothing to name.
fn whole_ticks(mut scale: Scale, mut values: impl Iterator<Item = f64>) -> Scale {
    if !scale.log && values.all(|v| v.fract() == 0.0) {
        scale.ticks.retain(|t| (t.0 - t.0.round()).abs() < 1e-9);
        for tick in &mut scale.ticks {
            if let Some((whole, _)) = tick.1.split_once('.') {
                tick.1 = whole.to_owned();
            }
        }
    }
    scale
}

/// The uninterrupted pieces of a curve, in positions.
fn runs(line: &Line, x: &Scale, y: &Scale) -> Vec<Vec<(f64, f64)>> {
    let mut runs = vec![Vec::new()];
    for &(px, py) in &line.points {
        match (x.position(px), y.position(py)) {
            (Some(px), Some(py)) => runs.last_mut().expect("never empty").push((px, py)),
            _ => runs.push(Vec::new()),
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

/// The lowest and the highest point of each stretch, so that no peak is lost.
fn thinned(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    if points.len() <= POINTS {
        return points;
    }
    let mut kept = Vec::with_capacity(POINTS + 2);
    for stretch in points.chunks(points.len().div_ceil(POINTS / 2)) {
        let by_y = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        if let (Some(&low), Some(&high)) = (stretch.iter().min_by(by_y), stretch.iter().max_by(by_y)) {
            kept.extend(if low.0 <= high.0 { [low, high] } else { [high, low] });
        }
    }
    kept
}

fn draw_mark(
    context: &mut super::plot::Context<'_, '_>,
    mark: &Mark,
    x: &Scale,
    y: &Scale,
) -> Result<(), PlotError> {
    let (Some(px), Some(py)) = (x.position(mark.x), y.position(mark.y)) else { return Ok(()) };
    let right = (px - x.low) / (x.high - x.low);
    let high = (py - y.low) / (y.high - y.low) > 0.85;
    // Half the name may reach beyond the point on each side; near an edge it starts or ends there instead.
    let reach = f64::from(text_width(mark.name.chars().count())) / 2.0 / f64::from(480 * UNITS);
    let side = if right + reach > 1.0 {
        HPos::Right
    } else if right - reach < 0.0 {
        HPos::Left
    } else {
        HPos::Center
    };
    let (lift, vertical) = if high { (11, VPos::Top) } else { (-11, VPos::Bottom) };
    let label = Text::new(mark.name.clone(), (0, lift * UNITS as i32), text(Ink::Label, side, vertical));
    context.draw_series([EmptyElement::at((px, py)) + label])?;
    context.draw_series([Circle::new((px, py), 24, Ink::Ground.colour().filled())])?;
    context.draw_series([Circle::new((px, py), 24, Ink::Text.colour().stroke_width(8))])?;
    context.draw_series([Circle::new((px, py), 8, Ink::Text.colour().filled())])?;
    Ok(())
}
