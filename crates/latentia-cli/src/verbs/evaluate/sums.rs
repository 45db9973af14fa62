//! What is summed or kept of the rows of a file, which are read a batch at a time.

use std::path::Path;

use latentia::{
    DataError, Result,
    artifact::ModelDirectory,
    data::Rows,
    fit::{MEASURED_ROWS, Predictions},
};

use super::NEIGHBOUR_ROWS;

/// Sums over the rows of a file.
#[derive(Default)]
pub(super) struct Sums {
    pub(super) rows: usize,
    pub(super) squared_error: f64,
    pub(super) scores: Vec<f64>,
    pub(super) log_likelihood: f64,
    pub(super) labels: Vec<Option<u32>>,
    pub(super) codes: Vec<f32>,
    pub(super) code_labels: Vec<u32>,
    /// The first rows and their codes, for the map.
    pub(super) map_rows: Vec<f32>,
    pub(super) map_codes: Vec<f32>,
    /// What a classifier says of the rows, and what they are.
    pub(super) predictions: Predictions,
    pub(super) told_labels: Vec<u32>,
    /// The scaled targets of the rows, and what a regressor says they are.
    pub(super) targets: [Vec<f32>; 2],
    pub(super) inertia: f64,
    /// Cluster and class of the rows that have both.
    pub(super) clusters: Vec<u32>,
    pub(super) classes: Vec<u32>,
}

impl Sums {
    pub(super) fn add(
        &mut self,
        opened: &ModelDirectory,
        batch: Rows,
        file: &Path,
        keep_scores: bool,
    ) -> Result<()> {
        let model = &opened.model;
        self.rows += batch.rows.len();
        if let Some(model) = model.as_reconstruct() {
            let rebuilt = model.reconstruct(&batch.x)?;
            let squares =
                batch.x.as_slice().iter().zip(rebuilt.as_slice()).map(|(a, b)| f64::from(a - b).powi(2));
            self.squared_error += squares.sum::<f64>();
        }
        if let (true, Some(model)) = (keep_scores, model.as_score()) {
            self.scores.extend(model.score(&batch.x)?);
        }
        if let Some(encoder) = model.as_encode().filter(|_| model.as_assign().is_none()) {
            let width = batch.x.cols();
            let rows = batch.x.head(MEASURED_ROWS - self.map_rows.len() / width);
            if rows.rows() > 0 {
                self.map_codes.extend_from_slice(encoder.encode(&rows)?.as_slice());
                self.map_rows.extend_from_slice(rows.as_slice());
            }
        }
        if let Some(model) = model.as_predict() {
            let labels = known_labels(opened, &batch, file)?;
            let found = Predictions::new(&model.probabilities(&batch.x)?, &labels);
            self.predictions.classes.extend(found.classes);
            self.predictions.of_label.extend(found.of_label);
            self.told_labels.extend(labels);
        }
        if let Some(model) = model.as_regress() {
            let targets = &opened.manifest.preprocess.targets;
            let Some(actual) = &batch.targets else {
                let expected = "the targets of the training file";
                return Err(DataError::new(file, "no such column", expected).column(&targets[0].name).into());
            };
            if let Some(at) = actual.as_slice().iter().position(|v| !v.is_finite()) {
                return Err(DataError::new(file, "a missing cell", "a number to compare with")
                    .row(batch.rows[at / targets.len()])
                    .column(&targets[at % targets.len()].name)
                    .into());
            }
            self.targets[0].extend_from_slice(actual.as_slice());
            self.targets[1].extend_from_slice(model.predict(&batch.x)?.as_slice());
        }
        let assigned = match model.as_assign() {
            Some(model) => Some(model.assign(&batch.x)?),
            None => None,
        };
        if let Some(assigned) = &assigned {
            self.inertia += assigned.distances.iter().map(|&d| f64::from(d).powi(2)).sum::<f64>();
        }
        let Some(labels) = batch.labels else { return Ok(()) };
        if let Some(assigned) = assigned {
            for (cluster, class) in assigned.clusters.iter().zip(&labels) {
                if let Some(class) = class {
                    self.clusters.push(*cluster);
                    self.classes.push(*class);
                }
            }
        } else if let Some(model) = model.as_encode() {
            let room = NEIGHBOUR_ROWS.1 - self.code_labels.len();
            let keep: Vec<usize> = (0..labels.len()).filter(|&i| labels[i].is_some()).take(room).collect();
            if !keep.is_empty() {
                self.codes.extend_from_slice(model.encode(&batch.x.select_rows(&keep))?.as_slice());
                self.code_labels.extend(keep.iter().filter_map(|&i| labels[i]));
            }
        }
        if keep_scores {
            self.labels.extend(labels);
        }
        Ok(())
    }
}

/// The class of every row of a batch, all of which must be classes of the training file.
fn known_labels(opened: &ModelDirectory, batch: &Rows, file: &Path) -> Result<Vec<u32>> {
    let spec = opened.manifest.preprocess.label.as_ref();
    let column = spec.map(|l| l.column.clone()).unwrap_or_default();
    let Some(labels) = &batch.labels else {
        let expected = "the label column of the training file";
        return Err(DataError::new(file, "no such column", expected).column(column).into());
    };
    let known = labels.iter().zip(&batch.rows).map(|(label, &row)| {
        label.ok_or_else(|| {
            let classes = opened.manifest.preprocess.classes().join(", ");
            DataError::new(file, "no class, or an unknown one", format!("one of {classes}"))
                .row(row)
                .column(column.clone())
                .into()
        })
    });
    known.collect()
}
