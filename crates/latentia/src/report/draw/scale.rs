//! The range of an axis and where its ticks stand.

use crate::report::{Axis, number::number};
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use std::ops::Range;

/// An axis made ready for drawing. Positions are values, or their decimal logarithms on a logarithmic axis.
#[derive(Debug, Clone)]
pub(super) struct Scale {
    /// Whether positions are logarithms.
    pub(super) log: bool,
    /// The position of the lower end.
    pub(super) low: f64,
    /// The position of the upper end.
    pub(super) high: f64,
    /// Positions and labels of the ticks.
    pub(super) ticks: Vec<(f64, String)>,
}

impl Scale {
    /// The scale that holds all of `values`, with this share of its length as margin at both ends; `None` when no value can be
    /// drawn.
    pub(super) fn new(axis: &Axis, values: impl Iterator<Item = f64>, margin: f64) -> Option<Self> {
        let positions = values.filter_map(|v| position(axis.log, v));
        let (low, high) =
            positions.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        if low > high {
            return None;
        }
        Some(Self::between(axis.log, low, high, margin))
    }

    /// The scale from `low` to `high` (positions), widened by `margin` times its length and where both are the same.
    pub(super) fn between(log: bool, low: f64, high: f64, margin: f64) -> Self {
        // Halved before subtracting, so that the widest range of numbers does not overflow.
        let half = high / 2.0 - low / 2.0;
        let (low, high) = if half > 0.0 && half > 1e-9 * low.abs().max(high.abs()) {
            (low - 2.0 * margin * half, high + 2.0 * margin * half)
        } else {
            let reach = if log { 0.5 } else { (low.abs() / 10.0).max(1e-6) };
            (low - reach, high + reach)
        };
        let ticks = if log { log_ticks(low, high) } else { linear_ticks(low, high) };
        Self { log, low, high, ticks }
    }

    /// Widened to the next ticks outside, which reads better on a vertical axis.
    pub(super) fn rounded_out(mut self) -> Self {
        if !self.log && self.ticks.len() > 1 {
            let step = self.ticks[1].0 - self.ticks[0].0;
            self.low = (self.low / step + 1e-9).floor() * step;
            self.high = (self.high / step - 1e-9).ceil() * step;
            self.ticks = linear_ticks_by(self.low, self.high, step);
        }
        self
    }

    /// Where `value` stands; `None` when it cannot be drawn.
    pub(super) fn position(&self, value: f64) -> Option<f64> {
        position(self.log, value)
    }

    /// The number of characters of the longest label.
    pub(super) fn widest(&self) -> usize {
        self.ticks.iter().map(|(_, label)| label.chars().count()).max().unwrap_or(0)
    }
}

impl Ranged for Scale {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        // Halved before subtracting, so that the widest range of numbers does not overflow.
        let share = (value / 2.0 - self.low / 2.0) / (self.high / 2.0 - self.low / 2.0);
        (f64::from(from) + f64::from(to - from) * share.clamp(-1.0, 2.0)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        // There are no lines between the labelled ones.
        if hint.weight().allow_light_points() { Vec::new() } else { self.ticks.iter().map(|t| t.0).collect() }
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}

impl ValueFormatter<f64> for Scale {
    fn format_ext(&self, value: &f64) -> String {
        let distance = |tick: &&(f64, String)| (tick.0 - value).abs();
        let nearest = self.ticks.iter().min_by(|a, b| distance(a).total_cmp(&distance(b)));
        nearest.map(|(_, label)| label.clone()).unwrap_or_default()
    }
}

/// Where `value` stands on an axis: itself or its decimal logarithm. `None` when it cannot be drawn: not finite, not positive on
/// a logarithmic axis, or so large that distances between positions would overflow.
pub(super) fn position(log: bool, value: f64) -> Option<f64> {
    let position = if log { value.log10() } else { value };
    (position.abs() <= 1e300).then_some(position)
}

/// The step of 1, 2 or 5 times a power of ten that gives about five intervals.
fn step(low: f64, high: f64) -> f64 {
    let rough = high / 5.0 - low / 5.0;
    let power = 10f64.powf(rough.log10().floor());
    let factor = rough / power;
    let nice = [1.0, 2.0, 5.0].into_iter().find(|&n| factor <= n * 1.3).unwrap_or(10.0);
    nice * power
}

fn linear_ticks(low: f64, high: f64) -> Vec<(f64, String)> {
    linear_ticks_by(low, high, step(low, high))
}

fn linear_ticks_by(low: f64, high: f64, step: f64) -> Vec<(f64, String)> {
    let first = (low / step - 1e-9).ceil();
    let last = (high / step + 1e-9).floor();
    let intervals = (last - first).clamp(0.0, 20.0) as usize;
    (0..=intervals)
        .map(|i| {
            let value = (first + i as f64) * step;
            (value, tick_label(value, step))
        })
        .collect()
}

/// All labels of an axis have the decimals its step needs.
fn tick_label(value: f64, step: f64) -> String {
    let largest = value.abs().max(step);
    let text = if !(1e-4..1e7).contains(&largest) || step < 1e-6 {
        number(value)
    } else {
        let decimals = (-(step.log10() + 1e-9).floor()).clamp(0.0, 8.0) as usize;
        let value = if value.abs() < step / 2.0 { 0.0 } else { value };
        if decimals == 0 { number(value) } else { format!("{value:.decimals$}") }
    };
    text.replacen('-', "−", 1)
}

fn log_ticks(low: f64, high: f64) -> Vec<(f64, String)> {
    let decades = (low.floor() as i32)..=(high.ceil() as i32);
    let within = |digits: &[f64], every: i32| -> Vec<(f64, String)> {
        let all = decades
            .clone()
            .filter(|e| e.rem_euclid(every) == 0)
            .flat_map(|e| digits.iter().map(move |d| (d.log10() + f64::from(e), d * 10f64.powi(e))));
        all.filter(|(p, _)| (low..=high).contains(p)).map(|(p, v)| (p, number(v))).collect()
    };
    let every = 1 + ((high - low) / 6.0) as i32;
    for digits in [&[1.0][..], &[1.0, 3.0], &[1.0, 2.0, 5.0], &[1.0, 2.0, 3.0, 4.0, 5.0, 7.0]] {
        let ticks = within(digits, every);
        if ticks.len() >= 3 {
            return ticks;
        }
    }
    let (low, high) = (10f64.powf(low), 10f64.powf(high));
    linear_ticks(low, high).into_iter().filter(|t| t.0 > 0.0).map(|(v, label)| (v.log10(), label)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis, values: &[f64]) -> Vec<String> {
        Scale::new(axis, values.iter().copied(), 0.0)
            .expect("drawable")
            .ticks
            .into_iter()
            .map(|t| t.1)
            .collect()
    }

    #[test]
    fn ticks_are_round_numbers() {
        assert_eq!(labels(&Axis::linear(""), &[0.0, 1.0]), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(&Axis::linear(""), &[-3.0, 7.0]), ["−2", "0", "2", "4", "6"]);
        assert_eq!(labels(&Axis::log(""), &[0.001, 10.0]), ["0.001", "0.01", "0.1", "1", "10"]);
        assert_eq!(labels(&Axis::log(""), &[0.02, 0.3]), ["0.03", "0.1", "0.3"]);
    }

    #[test]
    fn every_range_has_a_scale() {
        let extremes = [0.0, -0.0, 1e-300, -1e-300, f64::MAX, f64::MIN, 5e-324, 1.0, 1.0 + f64::EPSILON];
        for log in [false, true] {
            for a in extremes {
                for b in extremes {
                    let axis = Axis { name: String::new(), log };
                    if let Some(scale) = Scale::new(&axis, [a, b].into_iter(), 0.04) {
                        let scale = scale.rounded_out();
                        assert!(scale.low < scale.high, "{a} {b}");
                        assert!(scale.ticks.len() < 40, "{a} {b}: {}", scale.ticks.len());
                    }
                }
            }
        }
        assert!(Scale::new(&Axis::log(""), [-1.0, f64::NAN].into_iter(), 0.0).is_none());
    }
}
