//! `latentia evaluate`

mod figures;
mod print;
mod sums;

use latentia::{
    DataError, Error, Result,
    artifact::ModelDirectory,
    data::Matrix,
    figures::{
        Agreement, DetectionFigures, MapFigures, PredictionPart, RegressionPart, RetrievalFigures,
        ViewFigures,
    },
    fit::regression_parts,
};

use self::{figures::Neighbours, sums::Sums};
use super::Context;
use crate::{Outcome, args::Evaluate, stream};

/// Most rows that are searched for neighbours, and most that are classified by them.
const NEIGHBOUR_ROWS: (usize, usize) = (60_000, 10_000);

/// Measures a model on a file.
pub(super) fn run(args: &Evaluate, context: &Context) -> Outcome {
    let opened = context.open(&args.model)?;
    let preprocess = &opened.manifest.preprocess;
    let anomaly = anomaly_class(args, &opened)?;
    let reader = preprocess.open(&args.data, &opened.recipe()?.data)?;
    let (read, total) = stream::batches(reader, preprocess.width());
    let mut sums = Sums::default();
    stream::for_each(read, total, context, |batch| {
        if let Some(samples) = args.importance_samples {
            let verb = "evaluate --importance-samples";
            let model = opened.model.require(verb, opened.model.as_log_likelihood())?;
            sums.log_likelihood += model.log_likelihood(&batch.x, samples as usize)?.iter().sum::<f64>();
        }
        sums.add(&opened, batch, &args.data, anomaly.is_some())?;
        Ok(1)
    })?;
    if sums.rows == 0 {
        return Err(Error::from(DataError::new(&args.data, "no rows of data", "rows to measure on")).into());
    }
    let neighbours = match sums.code_labels.is_empty() {
        true => None,
        false => figures::neighbours(&opened, &sums)?,
    };
    let retrieval = match args.retrieval {
        Some(k) => Some(figures::retrieval(args, &opened, k as usize)?),
        None => None,
    };
    let detection = match anomaly {
        Some(class) => {
            let threshold = opened.manifest.figures.threshold.as_ref().map(|t| t.value);
            Some(figures::detection(args, &sums, class, threshold)?)
        }
        None => None,
    };
    let agreement = match sums.classes.is_empty() {
        true => None,
        false => Some(Agreement::of(&sums.classes, &sums.clusters)?),
    };
    let map = figures::map(&opened, &sums)?;
    let views = figures::views(&opened, &sums)?;
    let prediction = match opened.model.as_predict() {
        Some(_) => Some(sums.predictions.figures(&args.data.to_string_lossy(), &sums.told_labels)?),
        None => None,
    };
    let regression = match opened.model.as_regress() {
        Some(model) => {
            let [actual, told] = sums.targets.clone().map(|y| Matrix::new(sums.rows, model.targets(), y));
            Some(regression_parts(preprocess, &args.data.to_string_lossy(), &actual, &told)?)
        }
        None => None,
    };
    let found = Found { neighbours, retrieval, agreement, map, prediction, regression, detection, views };
    print::report(args, &opened, &sums, found, context)
}

/// What was measured where there is what it needs.
struct Found {
    neighbours: Option<Neighbours>,
    retrieval: Option<RetrievalFigures>,
    agreement: Option<Agreement>,
    map: Option<MapFigures>,
    prediction: Option<PredictionPart>,
    regression: Option<Vec<RegressionPart>>,
    detection: Option<DetectionFigures>,
    views: Option<ViewFigures>,
}

/// The class that `--anomaly` names.
fn anomaly_class(args: &Evaluate, opened: &ModelDirectory) -> Result<Option<u32>> {
    let Some(name) = &args.anomaly else { return Ok(None) };
    opened.model.require("score", opened.model.as_score())?;
    let classes = opened.manifest.preprocess.classes();
    match classes.iter().position(|class| class == name) {
        Some(class) => Ok(Some(class as u32)),
        None if classes.is_empty() => Err(Error::config(
            "--anomaly",
            "the model was fitted without a label: fit it with --label COLUMN",
        )),
        None => Err(Error::config(
            "--anomaly",
            format!("no class '{name}', the classes are {}", classes.join(", ")),
        )),
    }
}
