//! `latentia evaluate`

use std::path::Path;

use latentia::{
    DataError, Error, Result,
    artifact::ModelDirectory,
    data::{Dataset, Matrix, Rows, Split},
    evaluate,
    figures::{
        Agreement, DetectionFigures, MapFigures, PartFigures, PredictionPart, RegressionPart,
        RetrievalFigures, ViewFigures,
    },
    fit::{self, MEASURED_ROWS, Predictions, map_figures, plane, regression_parts, retrieval_parts},
};
use serde_json::json;

use super::{Context, summary::errors};
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
    log_likelihood: f64,
    labels: Vec<Option<u32>>,
    codes: Vec<f32>,
    code_labels: Vec<u32>,
    /// The first rows and their codes, for the map.
    map_rows: Vec<f32>,
    map_codes: Vec<f32>,
    /// What a classifier says of the rows, and what they are.
    predictions: Predictions,
    told_labels: Vec<u32>,
    /// The scaled targets of the rows, and what a regressor says they are.
    targets: [Vec<f32>; 2],
    inertia: f64,
    /// Cluster and class of the rows that have both.
    clusters: Vec<u32>,
    classes: Vec<u32>,
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
        false => neighbours(&opened, &sums)?,
    };
    let retrieval = match args.retrieval {
        Some(k) => Some(retrieval(args, &opened, k as usize)?),
        None => None,
    };
    let detection = match anomaly {
        Some(class) => {
            let threshold = opened.manifest.figures.threshold.as_ref().map(|t| t.value);
            Some(detection(args, &sums, class, threshold)?)
        }
        None => None,
    };
    let agreement = match sums.classes.is_empty() {
        true => None,
        false => Some(Agreement::of(&sums.classes, &sums.clusters)?),
    };
    let map = map(&opened, &sums)?;
    let views = views(&opened, &sums)?;
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
    report(args, &opened, &sums, found, context)
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

/// What each view of the first rows says of the others.
fn views(opened: &ModelDirectory, sums: &Sums) -> Result<Option<ViewFigures>> {
    let width = opened.model.input_width();
    let rows = Matrix::new(sums.map_rows.len() / width, width, sums.map_rows.clone());
    fit::view_figures(opened.model.as_ref(), &opened.manifest.preprocess, &rows, "these rows")
}

/// Precision of searches for the rows of the data among those of the fit; where the data is what the model was fitted to,
/// for those that were held out among all others.
fn retrieval(args: &Evaluate, opened: &ModelDirectory, k: usize) -> Result<RetrievalFigures> {
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

/// Accuracy of a vote of the nearest training rows, in code space.
struct Neighbours {
    k: usize,
    searched: usize,
    queries: usize,
    accuracy: f64,
}

/// How well scores tell the rows of a class from all others.
fn detection(args: &Evaluate, sums: &Sums, class: u32, threshold: Option<f64>) -> Result<DetectionFigures> {
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

/// Prints the figures beside those of the fit.
fn report(args: &Evaluate, opened: &ModelDirectory, sums: &Sums, found: Found, context: &Context) -> Outcome {
    let Found { neighbours, retrieval, agreement, map, prediction, regression, detection, views } = found;
    let fitted = &opened.manifest.figures;
    let error = opened.model.as_reconstruct().map(|_| sums.squared_error / sums.rows as f64);
    let likelihood = args.importance_samples.map(|_| -sums.log_likelihood / sums.rows as f64);
    let at_fit: Option<&PartFigures> = fitted.parts.last();
    let inertia = opened.model.as_assign().map(|_| sums.inertia);
    let clusters_at_fit = fitted.clusters.last();
    if context.global.json {
        return output::print_json(&json!({
            "data": args.data,
            "rows": sums.rows,
            "squared_error": error,
            "at_fit": at_fit,
            "negative_log_likelihood": likelihood,
            "importance_samples": args.importance_samples,
            "inertia": inertia,
            "agreement": agreement,
            "neighbours": neighbours.as_ref().map(|n| json!({
                "k": n.k, "searched": n.searched, "queries": n.queries, "in_code": n.accuracy,
            })),
            "map": map,
            "prediction": prediction,
            "regression": regression,
            "retrieval": retrieval,
            "views": views,
            "anomaly": detection.as_ref().map(|d| json!({
                "class": d.class, "rows": d.unusual, "auroc": d.auroc, "average_precision": d.average_precision,
                "precision_at_n": d.precision_at_n, "precision": d.precision, "recall": d.recall,
            })),
        }));
    }
    if let Some(p) = &prediction {
        return output::print(&told(args, p, sums, opened));
    }
    if let Some(parts) = &regression {
        return output::print(&regressed(args, parts, opened));
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
    if let (Some(nats), Some(samples)) = (likelihood, args.importance_samples) {
        grid.row([
            format!("-log p(x) of a row, {samples} samples"),
            number(nats),
            fitted.likelihood.as_ref().map_or_else(dash, |l| number(l.negative_log)),
            dash(),
        ]);
    }
    if let Some(inertia) = inertia {
        let kept = clusters_at_fit.map_or_else(dash, |c| number(c.inertia));
        grid.row(["inertia".to_owned(), number(inertia), kept, dash()]);
    }
    if let Some(found) = agreement {
        let kept = clusters_at_fit.and_then(|c| c.agreement);
        let mut line = |name: &str, value: String, kept: Option<String>| {
            grid.row([name.to_owned(), value, kept.unwrap_or_else(dash), dash()]);
        };
        line("clustering accuracy", percent(found.accuracy), kept.map(|k| percent(k.accuracy)));
        line("normalised mutual information", number(found.nmi), kept.map(|k| number(k.nmi)));
        line("adjusted Rand index", number(found.ari), kept.map(|k| number(k.ari)));
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
    if let Some(map) = &map {
        for (i, (name, value)) in map.faithfulness().into_iter().enumerate() {
            let kept =
                |at: usize| fitted.maps.get(at).map_or_else(dash, |map| number(map.faithfulness()[i].1));
            grid.row([format!("{name} of the map"), number(value), kept(0), kept(1)]);
        }
    }
    if let Some(r) = retrieval {
        let kept = fitted.retrieval.as_ref().filter(|kept| kept.k == r.k);
        let by = if r.bits { "bits" } else { "numbers" };
        grid.row([
            format!("precision at {} of {} searches by {by}", r.k, count(r.queries as u64)),
            percent(r.in_code),
            kept.map_or_else(dash, |kept| percent(kept.in_code)),
            kept.and_then(|kept| kept.in_pca).map_or_else(dash, percent),
        ]);
        grid.row(["the same by the input".to_owned(), percent(r.in_input), dash(), dash()]);
    }
    if let (Some(d), Some(class)) = (detection, &args.anomaly) {
        let kept = fitted.detection.as_ref().filter(|kept| kept.class == d.class);
        let mut row = |name: String, of: &dyn Fn(&DetectionFigures) -> Option<String>| {
            grid.row([name, of(&d).unwrap_or_else(dash), kept.and_then(of).unwrap_or_else(dash), dash()]);
        };
        row(format!("rows of class {class}"), &|d| Some(count(d.unusual as u64)));
        row("area under the ROC curve".to_owned(), &|d| Some(number(d.auroc)));
        row("average precision".to_owned(), &|d| Some(number(d.average_precision)));
        row("precision at n".to_owned(), &|d| Some(number(d.precision_at_n)));
        row("precision above the threshold".to_owned(), &|d| d.precision.map(number));
        row("recall above the threshold".to_owned(), &|d| d.recall.map(number));
    }
    let views = views.map_or_else(String::new, |views| format!("\n{}", super::views::tables(&views)));
    output::print(&format!("{}{views}", grid.render()))
}

/// What a regressor came to here and at its fit.
fn regressed(args: &Evaluate, here: &[RegressionPart], opened: &ModelDirectory) -> String {
    let fitted = opened.manifest.figures.regression.as_ref();
    let comparison = &opened.manifest.figures.comparison;
    let mut grid = Grid::new(["", "target", "rows", "RMSE", "MAE", "R²"]);
    let mut row = |name: String, p: &RegressionPart| {
        let cells = [name, p.target.clone(), count(p.rows as u64)].into_iter().chain(errors(p));
        grid.row(cells.collect::<Vec<_>>());
    };
    here.iter().for_each(|p| row(args.data.display().to_string(), p));
    for p in fitted.iter().flat_map(|f| &f.parts).filter(|p| p.name == *comparison) {
        row(format!("at fit ({comparison})"), p);
    }
    grid.render()
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
