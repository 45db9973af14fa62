//! The figures of a model on the rows of a file.

use std::path::Path;

use latentia::{
    DataError, Error, Result,
    artifact::ModelDirectory,
    data::{Dataset, Matrix, Split},
    evaluate,
    figures::{DetectionFigures, MapFigures, RetrievalFigures, ViewFigures},
    fit::{self, map_figures, plane, retrieval_parts},
};

use super::{NEIGHBOUR_ROWS, Sums};
use crate::{args::Evaluate, output};

/// Neighbours that vote, as in the figures of a fit.
const NEIGHBOURS: usize = 5;

/// Accuracy of a vote of the nearest training rows, in code space.
pub(super) struct Neighbours {
    pub(super) k: usize,
    pub(super) searched: usize,
    pub(super) queries: usize,
    pub(super) accuracy: f64,
}

/// How well the codes tell the classes apart: a vote of the nearest training rows, where the training file is at hand.
pub(super) fn neighbours(opened: &ModelDirectory, sums: &Sums) -> Result<Option<Neighbours>> {
    let Some(model) = opened.model.as_encode() else { return Ok(None) };
    let recipe = opened.recipe()?;
    let data = match Dataset::load(&recipe.path, &recipe.data, opened.manifest.seed) {
        Ok(data) if data.fingerprint == opened.manifest.data_fingerprint => data,
        Ok(_) => {
            output::warn(&format!("{} has changed since the fit: no nearest neighbours", recipe.path));
            return Ok(None);
        }
        Err(e) => {
            output::warn(&format!("no nearest neighbours without the rows of the fit: {e}"));
            return Ok(None);
        }
    };
    let Some(labels) = &data.train.labels else { return Ok(None) };
    let searched = data.train.len().min(NEIGHBOUR_ROWS.0);
    let train = model.encode(&data.train.x.head(searched))?;
    let codes = Matrix::new(sums.code_labels.len(), model.code_size(), sums.codes.clone());
    let k = NEIGHBOURS.min(searched);
    let accuracy = evaluate::knn_accuracy(&train, &labels[..searched], &codes, &sums.code_labels, k)?;
    Ok(Some(Neighbours { k, searched, queries: codes.rows(), accuracy }))
}

/// How faithful the map of the codes is to the rows.
pub(super) fn map(opened: &ModelDirectory, sums: &Sums) -> Result<Option<MapFigures>> {
    let Some(model) = opened.model.as_encode() else { return Ok(None) };
    let (rows, width, code) =
        (sums.map_codes.len() / model.code_size(), opened.model.input_width(), model.code_size());
    let codes = Matrix::new(rows, code, sums.map_codes.clone());
    match plane(&codes, opened.manifest.seed)? {
        Some((points, _)) => {
            map_figures(opened.model.kind(), &Matrix::new(rows, width, sums.map_rows.clone()), &points, None)
        }
        None => Ok(None),
    }
}

/// What each view of the first rows says of the others.
pub(super) fn views(opened: &ModelDirectory, sums: &Sums) -> Result<Option<ViewFigures>> {
    let width = opened.model.input_width();
    let rows = Matrix::new(sums.map_rows.len() / width, width, sums.map_rows.clone());
    fit::view_figures(opened.model.as_ref(), &opened.manifest.preprocess, &rows, "these rows")
}

/// Precision of searches for the rows of the data among those of the fit; where the data is what the model was fitted to,
/// for those that were held out among all others.
pub(super) fn retrieval(args: &Evaluate, opened: &ModelDirectory, k: usize) -> Result<RetrievalFigures> {
    let encoder = opened.model.require("search", opened.model.as_encode())?;
    let recipe = opened.recipe()?;
    let data = Dataset::load(&recipe.path, &recipe.data, opened.manifest.seed)?;
    if data.fingerprint != opened.manifest.data_fingerprint {
        return Err(
            DataError::new(&recipe.path, "other content than at the fit", "the rows to search").into()
        );
    }
    let unlabelled = |path: &Path| {
        let fault =
            DataError::new(path, "no labels", "a column with the class of each row, or with all its labels");
        Error::from(fault.hint("Fit the model with --label COLUMN, or --tags COLUMN"))
    };
    let other;
    let (searched, asked) = match retrieval_parts(&data) {
        Some(parts) if args.data == Path::new(&recipe.path) => parts,
        None if args.data == Path::new(&recipe.path) => {
            return Err(
                DataError::new(&args.data, "no rows held out at the fit", "rows to search for").into()
            );
        }
        parts => {
            let rows = opened.manifest.preprocess.open(&args.data, &recipe.data)?.read_all()?;
            let labels = rows.labels.ok_or_else(|| unlabelled(&args.data))?;
            let keep: Vec<usize> = (0..labels.len()).filter(|&i| labels[i].is_some()).collect();
            other = Split {
                targets: None,
                x: rows.x.select_rows(&keep),
                labels: Some(labels.into_iter().flatten().collect()),
                ids: None,
                tags: rows.tags.map(|tags| keep.iter().map(|&i| tags[i].clone()).collect()),
                rows: keep.iter().map(|&i| rows.rows[i]).collect(),
            };
            (parts.map_or(vec![&data.train], |(searched, _)| searched), &other)
        }
    };
    let found = fit::retrieval(encoder, None, &searched, asked, data.classes().len(), k);
    let found = found.map_err(|e| match e {
        Error::Config { field, message } if field == "retrieval" => Error::config("--retrieval", message),
        other => other,
    })?;
    found.ok_or_else(|| unlabelled(&args.data))
}

/// How well scores tell the rows of a class from all others.
pub(super) fn detection(
    args: &Evaluate,
    sums: &Sums,
    class: u32,
    threshold: Option<f64>,
) -> Result<DetectionFigures> {
    if sums.labels.len() != sums.rows {
        return Err(DataError::new(
            &args.data,
            "no column with the classes",
            "the label column of the training file",
        )
        .into());
    }
    let positive: Vec<bool> = sums.labels.iter().map(|&label| label == Some(class)).collect();
    let count = positive.iter().filter(|&&p| p).count();
    if count == 0 || count == positive.len() {
        let found = format!("{count} of {} rows of that class", positive.len());
        return Err(DataError::new(&args.data, found, "rows of that class and of others").into());
    }
    let name = args.anomaly.as_deref().unwrap_or_default();
    DetectionFigures::of(name, &args.data.to_string_lossy(), &positive, &sums.scores, threshold)
}
