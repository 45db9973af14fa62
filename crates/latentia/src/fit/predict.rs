//! How often a classifier is right, beside simple ones learnt from the same rows.

use crate::{
    Result,
    data::{Dataset, Matrix, Split},
    evaluate::{self, LogisticRegression},
    figures::{PredictionFigures, PredictionPart},
    model::Predict,
    predict::labelled_rows,
};

use super::measure::parts;

/// Rows times features times classes that the logistic regression beside a classifier is learnt from: seconds.
const LOGISTIC_WORK: usize = 30_000_000;

/// What a classifier says of some rows.
#[derive(Debug, Clone, Default)]
pub struct Predictions {
    /// The most probable class of every row, the first of equals.
    pub classes: Vec<u32>,
    /// The log-probability of the label of every row.
    pub of_label: Vec<f64>,
}

impl Predictions {
    /// From probabilities `[rows, classes]` and the labels of the rows.
    pub fn new(probabilities: &Matrix, labels: &[u32]) -> Self {
        let rows = || probabilities.iter_rows().map(|row| row.iter().map(|&p| f64::from(p).ln()).collect());
        Self::from_logs(&rows().collect::<Vec<Vec<f64>>>(), labels)
    }

    fn from_logs(rows: &[Vec<f64>], labels: &[u32]) -> Self {
        let best =
            |row: &Vec<f64>| (1..row.len()).fold(0, |best, c| if row[c] > row[best] { c } else { best });
        Self {
            classes: rows.iter().map(|row| best(row) as u32).collect(),
            of_label: rows.iter().zip(labels).map(|(row, &l)| row[l as usize]).collect(),
        }
    }

    /// How often they are right.
    ///
    /// # Errors
    /// When there is no row.
    pub fn figures(&self, name: &str, labels: &[u32]) -> Result<PredictionPart> {
        Ok(PredictionPart {
            name: name.to_owned(),
            rows: labels.len(),
            accuracy: evaluate::accuracy(labels, &self.classes)?,
            balanced_accuracy: evaluate::balanced_accuracy(labels, &self.classes)?,
            log_loss: evaluate::log_loss(&self.of_label)?,
        })
    }
}

/// The figures of a classifier, and what it says of the rows of `held_out`.
pub(super) fn measure(
    model: &dyn Predict,
    data: &Dataset,
    held_out: &Split,
    seed: u64,
) -> Result<(PredictionFigures, Predictions)> {
    let labels = |split: &Split| split.labels.clone().unwrap_or_default();
    let classes = data.classes().len();
    let train_labels = labels(&data.train);
    let learnt = labelled_rows(&train_labels, classes, model.labelled(), seed);
    let mut figures = PredictionFigures {
        learnt: learnt.len(),
        parts: Vec::new(),
        baselines: Vec::new(),
        confusion: Vec::new(),
    };
    let mut last = Predictions::default();
    for (part, split) in parts(data) {
        last = Predictions::new(&model.probabilities(&split.x)?, &labels(split));
        figures.parts.push(last.figures(part, &labels(split))?);
    }
    let held_out_labels = labels(held_out);
    figures.confusion = vec![vec![0; classes]; classes];
    for (&label, &predicted) in held_out_labels.iter().zip(&last.classes) {
        figures.confusion[label as usize][predicted as usize] += 1;
    }
    let learnt_labels: Vec<u32> = learnt.iter().map(|&i| train_labels[i]).collect();
    let majority = majority(&learnt_labels, classes);
    let rows = vec![majority; held_out.len()];
    let name = "most frequent class";
    figures.baselines.push(Predictions::from_logs(&rows, &held_out_labels).figures(name, &held_out_labels)?);
    let most = (LOGISTIC_WORK / (data.width() * classes).max(1)).max(1000);
    let chosen: Vec<usize> =
        labelled_rows(&learnt_labels, classes, most, seed).into_iter().map(|i| learnt[i]).collect();
    let chosen_labels: Vec<u32> = chosen.iter().map(|&i| train_labels[i]).collect();
    let logistic = LogisticRegression::fit(&data.train.x.rows_at(&chosen), &chosen_labels)?;
    let mut rows = vec![vec![f64::NEG_INFINITY; classes]; held_out.len()];
    for (row, found) in rows.iter_mut().zip(logistic.log_probabilities(&held_out.x)?) {
        logistic.classes().iter().zip(found).for_each(|(&c, p)| row[c as usize] = p);
    }
    let name = match chosen.len() < learnt.len() {
        true => format!("logistic regression of {} rows", chosen.len()),
        false => "logistic regression".to_owned(),
    };
    figures.baselines.push(Predictions::from_logs(&rows, &held_out_labels).figures(&name, &held_out_labels)?);
    Ok((figures, last))
}

/// The log of the share of every class.
fn majority(labels: &[u32], classes: usize) -> Vec<f64> {
    let mut counts = vec![0usize; classes];
    labels.iter().for_each(|&l| counts[l as usize] += 1);
    counts.into_iter().map(|n| (n as f64 / labels.len() as f64).ln()).collect()
}
