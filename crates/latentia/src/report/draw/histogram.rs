//! Histograms.

use super::{
    Drawn, Entry, Ink, Shape, UNITS,
    plot::{Grid, LINE, Plot, text},
    scale::{Scale, position},
};
use crate::report::{
    chart::Histogram,
    number::{count, counted, number},
};
use plotters::{
    element::{EmptyElement, PathElement, Polygon, Text},
    style::{
        Color,
        text_anchor::{HPos, VPos},
    },
};

/// The intervals of a histogram and how many values of each group fall into them.
pub(in crate::report) struct Bins {
    /// The ends of the intervals, one more than there are intervals, in the unit of the values.
    pub(in crate::report) edges: Vec<f64>,
    /// `counts[group][interval]`.
    pub(in crate::report) counts: Vec<Vec<usize>>,
    /// How many values are too large for the axis and were counted in the last interval.
    pub(in crate::report) beyond: usize,
    /// How many values could not be counted at all.
    pub(in crate::report) left_out: usize,
}

impl Bins {
    /// The intervals of `chart`, whose width follows Freedman and Diaconis (1981): `2 · IQR / n^(1/3)`, between 12 and 48 of
    /// them. A long tail is counted in the last interval, so that a single row does not squeeze all others into one bar.
    pub(in crate::report) fn new(chart: &Histogram) -> Option<Self> {
        let position = |v: f64| position(chart.x.log, v);
        let total: usize = chart.groups.iter().map(|g| g.values.len()).sum();
        let values = chart.groups.iter().flat_map(|g| &g.values);
        let mut values: Vec<f64> = values.filter_map(|&v| position(v)).collect();
        values.sort_by(f64::total_cmp);
        let (&low, &highest) = (values.first()?, values.last()?);
        let quantile = |q: f64| values[((values.len() - 1) as f64 * q) as usize];
        let threshold = chart.threshold.as_ref().and_then(|t| position(t.value));
        let usual = low + 1.6 * (quantile(0.99) - low);
        let usual = threshold.map_or(usual, |t| usual.max(low + 1.3 * (t - low)));
        let high = if usual > low && highest > low + 1.5 * (usual - low) { usual } else { highest };
        let (low, high) = if high > low { (low, high) } else { (low - 0.5, low + 0.5) };

        let width = 2.0 * (quantile(0.75) - quantile(0.25)) / (values.len() as f64).cbrt();
        let wanted = if width > 0.0 { (high - low) / width } else { 12.0 };
        let intervals = wanted.clamp(12.0, 48.0).ceil() as usize;
        let mut bins = Self {
            edges: (0..=intervals).map(|i| low + (high - low) * i as f64 / intervals as f64).collect(),
            counts: vec![vec![0; intervals]; chart.groups.len()],
            beyond: 0,
            left_out: total - values.len(),
        };
        for (group, counts) in chart.groups.iter().zip(&mut bins.counts) {
            for at in group.values.iter().filter_map(|&v| position(v)) {
                bins.beyond += usize::from(at > high);
                let i = ((at - low) / (high - low) * intervals as f64) as usize;
                counts[i.min(intervals - 1)] += 1;
            }
        }
        if chart.x.log {
            bins.edges.iter_mut().for_each(|e| *e = 10f64.powf(*e));
        }
        Some(bins)
    }
}

pub(super) fn draw(chart: &Histogram) -> Drawn {
    let bins = Bins::new(chart).ok_or_else(|| {
        if chart.groups.iter().all(|g| g.values.is_empty()) {
            "There is nothing to draw: there are no values.".to_owned()
        } else {
            "There is nothing to draw: none of the values is a finite number that fits the axis.".to_owned()
        }
    })?;
    let threshold = chart.threshold.as_ref().filter(|t| position(chart.x.log, t.value).is_some());
    let shown = bins.edges.iter().copied().chain(threshold.map(|t| t.value));
    let x = Scale::new(&chart.x, shown, 0.02).ok_or("There is nothing to draw.")?;
    let shares: Vec<Vec<f64>> = bins
        .counts
        .iter()
        .map(|counts| {
            let total = counts.iter().sum::<usize>().max(1) as f64;
            counts.iter().map(|&c| 100.0 * c as f64 / total).collect()
        })
        .collect();
    let top = shares.iter().flatten().fold(0.0f64, |a, &b| a.max(b));
    // Room above the bars for the name of the threshold.
    let top = if threshold.is_some() { top * 1.12 } else { top };
    let y = Scale::between(false, 0.0, top.max(1e-3), 0.0).rounded_out();

    let mut notes = Vec::new();
    if let Some(t) = threshold {
        notes.push(format!("Threshold: {} ({}).", number(t.value), t.basis));
    }
    if bins.beyond > 0 {
        let last = bins.edges.last().copied().unwrap_or_default();
        notes.push(format!(
            "The last bar holds {} beyond {} too.",
            counted(bins.beyond, "value"),
            number(last)
        ));
    }
    if bins.left_out > 0 {
        notes.push(format!("{} could not be drawn.", counted(bins.left_out, "value")));
    }
    let legend = chart.groups.iter().enumerate().map(|(i, g)| Entry {
        name: format!("{} ({})", g.name, count(g.values.len())),
        ink: Ink::Series(i),
        shape: Shape::Area,
    });
    let plot = Plot {
        width: 560 * UNITS,
        height: 340 * UNITS,
        x: (&x, &chart.x.name),
        y: (&y, "share of its group, %"),
        grid: Grid::Horizontal,
        line: LINE,
    };
    let edges: Vec<f64> = bins.edges.iter().filter_map(|&e| x.position(e)).collect();
    plot.draw(legend.collect(), notes, |context| {
        for (i, shares) in shares.iter().enumerate() {
            let mut outline = vec![(edges[0], 0.0)];
            for (ends, &share) in edges.windows(2).zip(shares) {
                outline.extend([(ends[0], share), (ends[1], share)]);
            }
            outline.push((edges[edges.len() - 1], 0.0));
            let colour = Ink::Series(i).colour();
            context.draw_series([Polygon::new(outline.clone(), colour.mix(0.28).filled())])?;
            context.draw_series([PathElement::new(outline, colour.stroke_width(8))])?;
        }
        if let Some(at) = threshold.and_then(|t| x.position(t.value)) {
            let line = [(at, 0.0), (at, y.high)];
            context.draw_series([PathElement::new(line, Ink::Reference.colour().stroke_width(7))])?;
            let left_half = at < (x.low + x.high) / 2.0;
            let (side, gap) = if left_half { (HPos::Left, 8) } else { (HPos::Right, -8) };
            let label = Text::new(
                "threshold",
                (gap * UNITS as i32, 2 * UNITS as i32),
                text(Ink::Label, side, VPos::Top),
            );
            context.draw_series([EmptyElement::at((at, y.high)) + label])?;
        }
        Ok(())
    })
}
