//! `latentia evaluate`

use std::path::Path;

use latentia::{
    DataError, Error, Result,
    artifact::ModelDirectory,
    data::{Dataset, Matrix, Split},
    evaluate,
    figures::{Agreement, DetectionFigures, PartFigures, RetrievalFigures},
    fit::{self, retrieval_parts},
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
    log_likelihood: f64,
    labels: Vec<Option<u32>>,
    codes: Vec<f32>,
    code_labels: Vec<u32>,
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
        sums.add(&opened, batch, anomaly.is_some())?;
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
    let found = Found { neighbours, retrieval, agreement, detection };
    report(args, &opened, &sums, found, context)
}

/// What was measured where there is what it needs.
struct Found {
    neighbours: Option<Neighbours>,
    retrieval: Option<RetrievalFigures>,
    agreement: Option<Agreement>,
    detection: Option<DetectionFigures>,
}

impl Sums {
    fn add(&mut self, opened: &ModelDirectory, batch: latentia::data::Rows, keep_scores: bool) -> Result<()> {
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
    let Found { neighbours, retrieval, agreement, detection } = found;
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
            "retrieval": retrieval,
            "anomaly": detection.as_ref().map(|d| json!({
                "class": d.class, "rows": d.unusual, "auroc": d.auroc, "average_precision": d.average_precision,
                "precision_at_n": d.precision_at_n, "precision": d.precision, "recall": d.recall,
            })),
        }));
    }
    let part = at_fit.map_or("", |p| p.part.as_str());
    let mut grid = Grid::new([
        format!("{} ({} rows)", args.data.display(), count(sums.rows as u64)),
        "here".to_owned(),
        format!("at fit ({part})"),
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
    output::print(&grid.render())
}
