//! Unusual rows: how they are scored, by one model or several, and where unusual begins.
//!
//! Every kind that scores rows has a score of its own. [`AnomalyConfig`] replaces it by a distance that knows the
//! covariance of residuals and reconstructions, averages it over an ensemble, or both; the result is a model of the same
//! kind in one model directory.

mod config;
mod detector;
mod robust;

use burn::tensor::Device;
use rand::Rng;
use serde_json::Value;

pub use config::{AnomalyConfig, ScoreKind};
use detector::{Detector, Member};

use crate::{
    Error, Result,
    data::{Dataset, Matrix, Preprocess},
    kinds::{Config, Fitted, Kind},
    model::Model,
    random::{Purpose, stream},
    run::Run,
    train::{Ended, TrainConfig, params::Tensors},
};

/// Fits a model, or an ensemble of them, and what its rows are measured by. History and last weights are the first
/// member's.
///
/// # Errors
/// Those of the kind; a model that cannot do what the score needs.
pub fn fit(
    config: &dyn Config,
    anomaly: &AnomalyConfig,
    data: &Dataset,
    train: &TrainConfig,
    run: &mut Run,
) -> Result<Fitted> {
    let first = config.fit(data, train, run)?;
    if anomaly.ensemble == 1 && anomaly.score == ScoreKind::Model {
        return Ok(first);
    }
    let Fitted { model, config: settings, mut training } = first;
    let x = &data.train.x;
    let mut members = vec![Member::fit(model, x, anomaly, train.seed)?];
    let checkpoints = run.checkpoints.clone();
    for number in 2..=anomaly.ensemble {
        if stopped(training.as_ref().map(|t| t.ended)) {
            break;
        }
        let train = TrainConfig { seed: member_seed(train.seed, number), ..train.clone() };
        run.seed = train.seed;
        run.checkpoints = checkpoints.as_ref().map(|dir| dir.join(format!("member-{number}")));
        let ended = match config.fit(data, &train, run) {
            Ok(next) => {
                members.push(Member::fit(next.model, x, anomaly, train.seed)?);
                next.training.map(|t| t.ended)
            }
            Err(Error::Cancelled) => Some(Ended::Cancelled),
            Err(fault) => return Err(fault),
        };
        if let (true, Some(training)) = (stopped(ended), &mut training) {
            training.ended = Ended::Cancelled;
        }
    }
    run.checkpoints = checkpoints;
    run.seed = train.seed;
    Ok(Fitted { model: Box::new(Detector { members }), config: settings, training })
}

/// The class that `anomaly.unusual` names, as an index; `None` when it names none.
///
/// # Errors
/// A class that the data lacks.
pub fn unusual_class(anomaly: &AnomalyConfig, data: &Dataset) -> Result<Option<u32>> {
    let Some(name) = &anomaly.unusual else { return Ok(None) };
    let classes = data.classes();
    match classes.iter().position(|class| class == name) {
        Some(class) => Ok(Some(class as u32)),
        None => {
            let known = match classes.is_empty() {
                true => "the rows have no label: give data.label".to_owned(),
                false => format!("the classes are {}", classes.join(", ")),
            };
            Err(Error::config("anomaly.unusual", format!("no class '{name}', {known}")))
        }
    }
}

fn stopped(ended: Option<Ended>) -> bool {
    ended == Some(Ended::Cancelled)
}

/// The seed of a member of an ensemble, counted from 1; the first has that of the run.
fn member_seed(seed: u64, number: usize) -> u64 {
    stream(seed, Purpose::Member, number as u64, 0).next_u64()
}

/// A fitted model from its settings, schema and weights: by itself, or as what [`fit`] made of it.
pub(crate) fn load(
    kind: &Kind,
    config: &Value,
    preprocess: &Preprocess,
    tensors: &Tensors,
    device: &Device,
) -> std::result::Result<Box<dyn Model>, String> {
    let model = |tensors: &Tensors| kind.load(config, preprocess, tensors, device);
    let count = detector::count(tensors);
    if count == 0 {
        return model(tensors);
    }
    let members = (1..=count).map(|number| Member::load(number, tensors, model));
    Ok(Box::new(Detector { members: members.collect::<std::result::Result<_, _>>()? }))
}

/// The tensors whose names begin with `prefix`, named by the rest.
fn under(tensors: &Tensors, prefix: &str) -> Tensors {
    let own = tensors.iter().filter_map(|(name, t)| Some((name.strip_prefix(prefix)?, t)));
    own.map(|(name, t)| (name.to_owned(), t.clone())).collect()
}

/// What each feature adds to the score of a row, `[rows, features]`: the score's own account of it, else the squared
/// error of the reconstruction; `None` for a model that has neither.
///
/// A one-hot column adds what its features add: of the squared error that is at most 2 (a wrong category, certainly), as
/// much as a number does that is √2 standard deviations off, whatever the likelihood. The cross-entropy of a categorical
/// or Bernoulli likelihood has no such bound: one rare category would outweigh every number of the row.
pub fn contributions(model: &dyn Model, x: &Matrix) -> Result<Option<Matrix>> {
    if let Some(score) = model.as_score()
        && let Some(parts) = score.contributions(x)?
    {
        return Ok(Some(parts));
    }
    let Some(model) = model.as_reconstruct() else { return Ok(None) };
    let rebuilt = model.reconstruct(x)?;
    let squares = x.as_slice().iter().zip(rebuilt.as_slice()).map(|(a, b)| (a - b).powi(2)).collect();
    Ok(Some(Matrix::new(x.rows(), x.cols(), squares)))
}
