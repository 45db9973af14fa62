//! The table as a page.

use super::{Comparison, Line, Metric};
use crate::report::{Axis, Bar, Bars, Card, Chart, Figure, Page, Section, Table, Value};

impl Comparison {
    /// A self-contained page: the table and a figure for each metric.
    pub fn page(&self) -> Page {
        let seeds = self.seeds.len();
        let known = self.known();
        let faults = self.lines.iter().filter_map(|l| Some(format!("{}: {}", l.name, l.fault.as_ref()?)));
        let mut figures = vec![
            Figure::new(
                "Side by side",
                "Mean and standard deviation over the seeds; the best mean of each column is bold, a dash is what a kind \
                 cannot do.",
                Chart::Table(self.table(&known)),
            )
            .wide(),
        ];
        figures.extend(known.iter().map(|&m| self.bars(m)));
        Page {
            title: format!("Kinds of model compared on {}", self.data),
            kind: "Comparison".to_owned(),
            summary: format!(
                "Each was fitted {seeds} times to {} rows and measured on {} others; the seed decides the split and the fit.",
                self.rows.0, self.rows.1
            ),
            cards: vec![
                Card::new("Contenders", self.lines.len().to_string()),
                Card::new("Seeds", seeds.to_string()),
                Card::new("Rows", self.rows.0.to_string())
                    .note(format!("to learn from; {} held out", self.rows.1)),
            ],
            warnings: faults.collect(),
            sections: vec![Section { title: "Figures".to_owned(), figures, ..Section::default() }],
        }
    }

    fn table(&self, known: &[usize]) -> Table {
        let mut highlights = Vec::new();
        for (c, &m) in known.iter().enumerate() {
            let sign = if self.metrics[m].higher_is_better { -1.0 } else { 1.0 };
            let of = |line: &Line| line.mean_and_spread(m).map_or(f64::INFINITY, |(mean, _)| sign * mean);
            let best = self.lines.iter().map(of).fold(f64::INFINITY, f64::min);
            let winners = self.lines.iter().enumerate().filter(|(_, line)| of(line) == best);
            highlights.extend(winners.map(|(r, _)| (r, c + 1)));
        }
        let cell = |line: &Line, m: usize| match line.mean_and_spread(m) {
            Some((mean, spread)) => Value::Text(with_spread(mean, spread, self.seeds.len())),
            None => Value::Missing,
        };
        let row = |line: &Line| {
            let cells = known.iter().map(|&m| cell(line, m));
            std::iter::once(line.name.as_str().into()).chain(cells).collect()
        };
        let names = known.iter().map(|&m| self.metrics[m].name.to_owned());
        Table {
            columns: std::iter::once(String::new()).chain(names).collect(),
            rows: self.lines.iter().map(row).collect(),
            highlights,
        }
    }

    fn bars(&self, m: usize) -> Figure {
        let Metric { name, higher_is_better, .. } = self.metrics[m];
        let measured = || self.lines.iter().filter_map(|l| Some((l, l.mean_and_spread(m)?)));
        let bar = |(line, (mean, spread)): (&Line, (f64, f64))| Bar {
            name: line.name.clone(),
            value: mean,
            spread,
            highlight: false,
        };
        let chart = Bars { x: Axis::linear(name), name: String::new(), bars: measured().map(bar).collect() };
        let row = |(line, (mean, spread)): (&Line, (f64, f64))| -> Vec<Value> {
            let each = line.values[m].iter().map(|&v| Value::from(v));
            [line.name.as_str().into(), mean.into(), spread.into()].into_iter().chain(each).collect()
        };
        let seeds = self.seeds.iter().map(|seed| format!("seed {seed}"));
        let names = ["", "mean", "standard deviation"].map(str::to_owned);
        let table = Table {
            columns: names.into_iter().chain(seeds).collect(),
            rows: measured().map(row).collect(),
            highlights: Vec::new(),
        };
        let better = if higher_is_better { "longer" } else { "shorter" };
        let caption = format!(
            "The mean over the seeds, with a line from one standard deviation below it to one above: {better} is better."
        );
        Figure::new(name, caption, Chart::Bars(chart)).with_data(table)
    }
}

/// `0.1234 ± 0.005`; one seed has no spread.
pub fn with_spread(mean: f64, spread: f64, seeds: usize) -> String {
    match seeds {
        1 => short(mean),
        _ => format!("{} ± {}", short(mean), short(spread)),
    }
}

/// Four significant digits for a value, fewer for a small one: whole numbers look whole.
pub(super) fn short(value: f64) -> String {
    if value == 0.0 || (value.fract() == 0.0 && value.abs() < 1e15) {
        return format!("{value:.0}");
    }
    let decimals = (3 - value.abs().log10().floor() as i32).clamp(0, 4) as usize;
    format!("{value:.decimals$}")
}
