//! `latentia evaluate`

use std::path::Path;

use latentia::{
    DataError, Error, Result,
    artifact::ModelDirectory,
    data::{Dataset, Matrix, Rows},
    evaluate,
    figures::{MapFigures, PartFigures, PredictionPart},
    fit::{MEASURED_ROWS, Predictions, map_figures, plane},
};
use serde_json::json;

use super::Context;
use crate::{
    Outcome,
    args::Evaluate,
    output::{self, Grid, count, number, percent},
    stream,
};

/// Neighbours that vote, as in the figures of a fit.
const NEIGHBOURS: usize = 5;
/// Most rows that are searched for neighbours, and most that are classified by them.
const NEIGHBOUR_ROWS: (usize, usize) = (60_000, 10_000);

/// Sums over the rows of a file.
#[derive(Default)]
struct Sums {
    rows: usize,
    squared_error: f64,
    scores: Vec<f64>,
    labels: Vec<Option<u32>>,
    codes: Vec<f32>,
    code_labels: Vec<u32>,
    /// The first rows and their codes, for the map.
    map_rows: Vec<f32>,
    map_codes: Vec<f32>,
    /// What a classifier says of the rows, and what they are.
    predictions: Predictions,
    told_labels: Vec<u32>,
}

/// Measures a model on a file.
pub(super) fn run(args: &Evaluate, context: &Context) -> Outcome {
    let opened = context.open(&args.model)?;
    let preprocess = &opened.manifest.preprocess;
    let anomaly = anomaly_class(args, &opened)?;
    let reader = preprocess.open(&args.data, &opened.recipe()?.data)?;
    let (read, total) = stream::batches(reader, preprocess.width());
    let mut sums = Sums::default();
    stream::for_each(read, total, context, |batch| {
        sums.add(&opened, batch, &args.data, anomaly.is_some())?;
        Ok(1)
    })?;
    if sums.rows == 0 {
        return Err(Error::from(DataError::new(&args.data, "no rows of data", "rows to measure on")).into());
    }
    let neighbours = match sums.code_labels.is_empty() {
        true => None,
        false => neighbours(&opened, &sums)?,
    };
    let detection = match anomaly {
        Some(class) => Some(detection(args, &sums, class)?),
        None => None,
    };
    let map = map(&opened, &sums)?;
    let prediction = match opened.model.as_predict() {
        Some(_) => Some(sums.predictions.figures(&args.data.to_string_lossy(), &sums.told_labels)?),
        None => None,
    };
    let measured = Measured { neighbours, map, prediction, detection };
    report(args, &opened, &sums, &measured, context)
}

impl Sums {
    fn add(&mut self, opened: &ModelDirectory, batch: Rows, file: &Path, keep_scores: bool) -> Result<()> {
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
        if let Some(model) = model.as_encode() {
            let width = batch.x.cols();
            let rows = batch.x.head(MEASURED_ROWS - self.map_rows.len() / width);
            if rows.rows() > 0 {
                self.map_codes.extend_from_slice(model.encode(&rows)?.as_slice());
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
        let Some(labels) = batch.labels else { return Ok(()) };
        if let Some(model) = model.as_encode() {
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

/// How well the codes tell the classes apart: a vote of the nearest training rows, where the training file is at hand.
fn neighbours(opened: &ModelDirectory, sums: &Sums) -> Result<Option<Neighbours>> {
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
fn map(opened: &ModelDirectory, sums: &Sums) -> Result<Option<MapFigures>> {
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

/// What was measured besides the sums.
struct Measured {
    neighbours: Option<Neighbours>,
    map: Option<MapFigures>,
    prediction: Option<PredictionPart>,
    detection: Option<Detection>,
}

/// Accuracy of a vote of the nearest training rows, in code space.
struct Neighbours {
    k: usize,
    searched: usize,
    queries: usize,
    accuracy: f64,
}

/// How well scores tell the rows of a class from all others.
struct Detection {
    positive: usize,
    auroc: f64,
    average_precision: f64,
}

fn detection(args: &Evaluate, sums: &Sums, class: u32) -> Result<Detection> {
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
    Ok(Detection {
        positive: count,
        auroc: evaluate::roc_auc(&positive, &sums.scores)?,
        average_precision: evaluate::average_precision(&positive, &sums.scores)?,
    })
}

/// Prints the figures beside those of the fit.
fn report(
    args: &Evaluate,
    opened: &ModelDirectory,
    sums: &Sums,
    measured: &Measured,
    context: &Context,
) -> Outcome {
    let Measured { neighbours, map, prediction, detection } = measured;
    let fitted = &opened.manifest.figures;
    let error = opened.model.as_reconstruct().map(|_| sums.squared_error / sums.rows as f64);
    let at_fit: Option<&PartFigures> = fitted.parts.last();
    if context.global.json {
        return output::print_json(&json!({
            "data": args.data,
            "rows": sums.rows,
            "squared_error": error,
            "at_fit": at_fit,
            "neighbours": neighbours.as_ref().map(|n| json!({
                "k": n.k, "searched": n.searched, "queries": n.queries, "in_code": n.accuracy,
            })),
            "map": map,
            "prediction": prediction,
            "anomaly": detection.as_ref().map(|d| json!({
                "class": args.anomaly, "rows": d.positive, "auroc": d.auroc, "average_precision": d.average_precision,
            })),
        }));
    }
    if let Some(p) = prediction {
        return output::print(&told(args, p, sums, opened));
    }
    let mut grid = Grid::new([
        format!("{} ({} rows)", args.data.display(), count(sums.rows as u64)),
        "here".to_owned(),
        format!("at fit ({})", fitted.comparison),
        "PCA at fit".to_owned(),
    ]);
    let dash = || "-".to_owned();
    if let Some(error) = error {
        grid.row([
            "squared error of a row".to_owned(),
            number(error),
            at_fit.map_or_else(dash, |p| number(p.squared_error)),
            at_fit.and_then(|p| p.pca_squared_error).map_or_else(dash, number),
        ]);
    }
    if let Some(n) = neighbours {
        let kept = fitted.neighbours.as_ref();
        grid.row([
            format!("{}-NN accuracy among training rows", n.k),
            percent(n.accuracy),
            kept.map_or_else(dash, |n| percent(n.in_code)),
            kept.and_then(|n| n.in_pca).map_or_else(dash, percent),
        ]);
    }
    if let Some(map) = map {
        let measures: [(&str, fn(&MapFigures) -> f64); 2] =
            [("trustworthiness", |map| map.trustworthiness), ("continuity", |map| map.continuity)];
        for (name, of) in measures {
            let kept = |at: usize| fitted.maps.get(at).map_or_else(dash, |map| number(of(map)));
            grid.row([format!("{name} of the map"), number(of(map)), kept(0), kept(1)]);
        }
    }
    if let (Some(d), Some(class)) = (detection, &args.anomaly) {
        grid.row([format!("rows of class {class}"), count(d.positive as u64), dash(), dash()]);
        grid.row(["area under the ROC curve".to_owned(), number(d.auroc), dash(), dash()]);
        grid.row(["average precision".to_owned(), number(d.average_precision), dash(), dash()]);
    }
    output::print(&grid.render())
}

/// What a classifier came to here and at its fit, and which classes it takes for which.
fn told(args: &Evaluate, here: &PredictionPart, sums: &Sums, opened: &ModelDirectory) -> String {
    let fitted = &opened.manifest.figures;
    let at_fit = fitted.prediction.as_ref().and_then(|p| p.parts.last());
    let mut grid = Grid::new([
        format!("{} ({} rows)", args.data.display(), count(here.rows as u64)),
        "here".to_owned(),
        format!("at fit ({})", fitted.comparison),
    ]);
    let mut row = |name: &str, of: fn(&PredictionPart) -> f64, text: fn(f64) -> String| {
        let kept = at_fit.map_or_else(|| "-".to_owned(), |p| text(of(p)));
        grid.row([name.to_owned(), text(of(here)), kept]);
    };
    row("accuracy", |p| p.accuracy, percent);
    row("balanced accuracy", |p| p.balanced_accuracy, percent);
    row("log loss", |p| p.log_loss, number);
    let classes = opened.manifest.preprocess.classes();
    let mut counts = vec![vec![0u64; classes.len()]; classes.len()];
    for (&label, &class) in sums.told_labels.iter().zip(&sums.predictions.classes) {
        counts[label as usize][class as usize] += 1;
    }
    let mut confusion =
        Grid::new(std::iter::once("is \\ told to be").chain(classes.iter().map(String::as_str)));
    for (class, row) in classes.iter().zip(counts) {
        confusion.row(std::iter::once(class.clone()).chain(row.into_iter().map(count)).collect::<Vec<_>>());
    }
    format!("{}\n{}", grid.render(), confusion.render())
}
