//! Several kinds of model on one data set, over several seeds, in one table.
//!
//! A seed decides how the rows are split, and everything random in a fit; all contenders of a seed learn from the same rows
//! and are measured on the same others. Nothing is tuned: each runs with the settings it is given.

use std::{path::Path, time::Instant};

use serde::Serialize;

use crate::{
    Error, Result, anomaly,
    clusters::k_means::KMeansConfig,
    codes::squared_errors,
    data::{Dataset, Matrix, ReadOptions, Split, catalogue::ENTRIES},
    evaluate,
    model::Model,
    recipe::{Draft, Recipe},
    report::{Bar, Bars, Card, Chart, Figure, Page, Section, Table, Value},
    run::Run,
};

/// What is measured of a fitted model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Metric {
    /// Its name for programs.
    pub key: &'static str,
    /// Its name for people.
    pub name: &'static str,
    /// Whether larger is better.
    pub higher_is_better: bool,
}

const fn metric(key: &'static str, name: &'static str, higher_is_better: bool) -> Metric {
    Metric { key, name, higher_is_better }
}

/// Everything that is measured, on rows that were held out.
pub const METRICS: [Metric; 8] = [
    metric("squared_error", "squared error", false),
    metric("neighbours", "5-NN accuracy", true),
    metric("linear_probe", "linear probe", true),
    metric("clustering", "k-means NMI", true),
    metric("auroc", "AUROC", true),
    metric("average_precision", "avg. precision", true),
    metric("fit_seconds", "fit seconds", false),
    metric("parameters", "parameters", false),
];

/// Places in [`METRICS`].
const ERROR: usize = 0;
const NEIGHBOUR_ACCURACY: usize = 1;
const PROBE: usize = 2;
const CLUSTERING: usize = 3;
const AUROC: usize = 4;
const PRECISION: usize = 5;
const SECONDS: usize = 6;
const PARAMETERS: usize = 7;

/// Neighbours that vote.
const NEIGHBOURS: usize = 5;
/// Most rows that are searched or learned from, and most that are classified; beyond it figures gain little.
const LABELLED_ROWS: (usize, usize) = (10_000, 5_000);
/// The part of the rows held out when nothing else is said.
const TEST_FRACTION: f64 = 0.2;

/// A model to compare: a name and the beginnings of a recipe.
#[derive(Debug, Clone)]
pub struct Contender {
    /// What it is called in the table.
    pub name: String,
    /// Its settings; what is left out has its default.
    pub draft: Draft,
}

/// A line of the table.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    /// The contender, or what the models are compared with.
    pub name: String,
    /// For each of [`METRICS`] one value a seed; `None` where the kind cannot do it or the data does not say.
    pub values: Vec<Vec<Option<f64>>>,
    /// Why it could not be fitted.
    pub fault: Option<String>,
}

/// The whole comparison.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// The data.
    pub data: String,
    /// Rows to learn from and rows held out.
    pub rows: (usize, usize),
    /// The seeds.
    pub seeds: Vec<u64>,
    /// What the columns are.
    pub metrics: Vec<Metric>,
    /// One a contender, and the input itself where there are labels.
    pub lines: Vec<Line>,
}

/// Holds out a part of the rows where neither the settings nor the data set itself do.
pub fn hold_out(draft: &mut Draft, path: &str) {
    let own_test = !Path::new(path).exists() && ENTRIES.iter().any(|e| e.name == path && e.test.is_some());
    let said = ["test", "test-fraction"].iter().any(|key| draft.get("data", key).is_some());
    if !own_test && !said {
        draft.set("data", "test-fraction", TEST_FRACTION.into());
    }
}

/// Fits and measures every contender with the seeds `0..seeds`.
///
/// # Errors
/// Faults of the data or of a recipe, and a request to stop. A contender that does not fit the data gets a line that says
/// so.
pub fn compare(path: &str, contenders: &[Contender], seeds: u64, run: &mut Run) -> Result<Comparison> {
    let mut lines: Vec<Line> = contenders.iter().map(|c| Line::new(&c.name)).collect();
    let mut input = Line::new("the input itself");
    let mut rows = (0, 0);
    for seed in 0..seeds {
        let mut loaded: Option<(ReadOptions, Dataset)> = None;
        for (contender, line) in contenders.iter().zip(&mut lines) {
            let recipe = complete(contender, path, seed)?;
            let data = match loaded.take() {
                Some((options, data)) if options == recipe.data => data,
                _ => Dataset::load(path, &recipe.data, seed)?,
            };
            anomaly::unusual_class(&recipe.anomaly, &data)?;
            rows = (data.train.len(), held_out(&data)?.len());
            let measured = measure(&recipe, &data, seed, run);
            if run.cancel.is_asked() {
                return Err(Error::Cancelled);
            }
            match measured {
                Ok(values) => line.push(values),
                Err(fault) => {
                    line.push(Values::default());
                    line.fault.get_or_insert(fault.to_string());
                }
            }
            loaded = Some((recipe.data, data));
        }
        if let Some((_, data)) = &loaded {
            input.push(of_codes(&data.train.x, &held_out(data)?.x, data, seed)?);
        }
    }
    if input.values.iter().flatten().any(Option::is_some) {
        lines.push(input);
    }
    let data = path.to_owned();
    Ok(Comparison { data, rows, seeds: (0..seeds).collect(), metrics: METRICS.to_vec(), lines })
}

fn complete(contender: &Contender, path: &str, seed: u64) -> Result<Recipe> {
    let mut draft = contender.draft.clone();
    draft.set("data", "path", path.into());
    draft.set("train", "seed", seed.into());
    draft.complete().map_err(|e| match e {
        Error::Config { field, message } => Error::config(format!("{}: {field}", contender.name), message),
        other => other,
    })
}

/// The rows to measure on.
fn held_out(data: &Dataset) -> Result<&Split> {
    [&data.test, &data.validation].into_iter().find(|split| !split.is_empty()).ok_or_else(|| {
        Error::config(
            "data.test-fraction",
            "no rows are held out: models cannot be compared on rows they know",
        )
    })
}

/// A value of each of [`METRICS`].
type Values = [Option<f64>; METRICS.len()];

/// Fits a recipe and measures the model.
fn measure(recipe: &Recipe, data: &Dataset, seed: u64, run: &mut Run) -> Result<Values> {
    run.seed = seed;
    let config = recipe.kind.parse(recipe.model.clone())?;
    let began = Instant::now();
    let fitted = anomaly::fit(config.as_ref(), &recipe.anomaly, data, &recipe.train, run)?;
    let seconds = began.elapsed().as_secs_f64();
    let model = fitted.model.as_ref();
    let rows = held_out(data)?;
    let mut values = match model.as_encode() {
        Some(encoder) => of_codes(&encoder.encode(&data.train.x)?, &encoder.encode(&rows.x)?, data, seed)?,
        None => Values::default(),
    };
    if let Some(model) = model.as_reconstruct() {
        let errors = squared_errors(&rows.x, &model.reconstruct(&rows.x)?);
        values[ERROR] = Some(errors.iter().sum::<f64>() / errors.len() as f64);
    }
    if let (Some(model), Some(labels)) = (model.as_assign(), &rows.labels) {
        let clusters = model.assign(&rows.x)?.clusters;
        values[CLUSTERING] = Some(evaluate::normalized_mutual_information(labels, &clusters)?);
    }
    (values[AUROC], values[PRECISION]) = detection(model, recipe, data, rows)?;
    values[SECONDS] = Some(seconds);
    values[PARAMETERS] =
        model.sizes().iter().find(|size| size.name == "parameters").map(|size| size.value as f64);
    Ok(values)
}

/// How well codes tell the classes apart: by their neighbours, by a linear model, and by the groups that k-means with as many
/// clusters as classes finds without the labels.
fn of_codes(train: &Matrix, test: &Matrix, data: &Dataset, seed: u64) -> Result<Values> {
    let mut values = Values::default();
    let (Some(train_labels), Some(labels)) = (&data.train.labels, &held_out(data)?.labels) else {
        return Ok(values);
    };
    if data.classes().len() < 2 {
        return Ok(values);
    }
    let (train, test) = (train.head(LABELLED_ROWS.0), test.head(LABELLED_ROWS.1));
    let (train_labels, labels) = (&train_labels[..train.rows()], &labels[..test.rows()]);
    let k = NEIGHBOURS.min(train.rows());
    values[NEIGHBOUR_ACCURACY] = Some(evaluate::knn_accuracy(&train, train_labels, &test, labels, k)?);
    values[PROBE] = Some(evaluate::linear_probe_accuracy(&train, train_labels, &test, labels)?);
    let clusters = data.classes().len();
    if clusters <= train.rows() {
        let (found, _) =
            KMeansConfig { clusters, ..KMeansConfig::default() }.fit(&train, seed)?.assign(&test)?;
        values[CLUSTERING] = Some(evaluate::normalized_mutual_information(labels, &found)?);
    }
    Ok(values)
}

/// AUROC and average precision, where a class is called unusual and the model scores rows.
fn detection(
    model: &dyn Model,
    recipe: &Recipe,
    data: &Dataset,
    rows: &Split,
) -> Result<(Option<f64>, Option<f64>)> {
    let class = anomaly::unusual_class(&recipe.anomaly, data)?;
    let (Some(class), Some(model), Some(labels)) = (class, model.as_score(), &rows.labels) else {
        return Ok((None, None));
    };
    let unusual: Vec<bool> = labels.iter().map(|&label| label == class).collect();
    if !unusual.contains(&true) || !unusual.contains(&false) {
        return Ok((None, None));
    }
    let scores = model.score(&rows.x)?;
    let precision = evaluate::average_precision(&unusual, &scores)?;
    Ok((Some(evaluate::roc_auc(&unusual, &scores)?), Some(precision)))
}

impl Line {
    fn new(name: &str) -> Self {
        Self { name: name.to_owned(), values: vec![Vec::new(); METRICS.len()], fault: None }
    }

    fn push(&mut self, values: Values) {
        self.values.iter_mut().zip(values).for_each(|(all, value)| all.push(value));
    }

    /// Mean and standard deviation of a metric over the seeds that have it (of one seed: 0).
    pub fn mean_and_spread(&self, metric: usize) -> Option<(f64, f64)> {
        let values: Vec<f64> = self.values[metric].iter().copied().flatten().collect();
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
        let spread = if values.len() > 1 { (squares / (n - 1.0)).sqrt() } else { 0.0 };
        (!values.is_empty()).then_some((mean, spread))
    }
}

impl Comparison {
    /// The metrics that some line has a value of.
    pub fn known(&self) -> Vec<usize> {
        let known = |m: &usize| self.lines.iter().any(|line| line.mean_and_spread(*m).is_some());
        (0..self.metrics.len()).filter(known).collect()
    }

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
        let chart = Bars {
            x: crate::report::Axis::linear(name),
            name: String::new(),
            bars: measured().map(bar).collect(),
        };
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
fn short(value: f64) -> String {
    if value == 0.0 || (value.fract() == 0.0 && value.abs() < 1e15) {
        return format!("{value:.0}");
    }
    let decimals = (3 - value.abs().log10().floor() as i32).clamp(0, 4) as usize;
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_spreads_and_dashes() {
        let mut line = Line::new("x");
        for value in [1.0, 2.0, 3.0] {
            let mut values = Values::default();
            values[0] = Some(value);
            line.push(values);
        }
        assert_eq!(line.mean_and_spread(0), Some((2.0, 1.0)));
        assert_eq!(line.mean_and_spread(1), None);
        assert_eq!(with_spread(0.123456, 0.00123, 3), "0.1235 ± 0.0012");
        assert_eq!(with_spread(12.0, 0.0, 1), "12");
        assert_eq!(short(1234.56), "1235");
    }
}
