//! Several kinds of model on one data set, over several seeds, in one table.
//!
//! A seed decides how the rows are split, and everything random in a fit; all contenders of a seed learn from the same rows
//! and are measured on the same others. Nothing is tuned: each runs with the settings it is given.

mod page;

use std::{path::Path, time::Instant};

use serde::Serialize;

use crate::{
    Error, Result, anomaly,
    clusters::k_means::KMeansConfig,
    codes::reconstruction_errors,
    data::{Dataset, Matrix, ReadOptions, Split, catalogue::ENTRIES},
    evaluate,
    model::Model,
    recipe::{Draft, Recipe},
    run::Run,
};
pub use page::with_spread;

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
        let errors = reconstruction_errors(&rows.x, |x| model.reconstruct(x))?;
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
}

#[cfg(test)]
mod tests {
    use super::{page::short, *};

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
