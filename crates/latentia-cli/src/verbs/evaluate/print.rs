//! The figures as text or JSON, beside those of the fit.

use latentia::{
    artifact::ModelDirectory,
    figures::{DetectionFigures, PartFigures, PredictionPart, RegressionPart},
};
use serde_json::json;

use super::{
    super::{Context, summary::errors, views},
    Found, Sums,
};
use crate::{
    Outcome,
    args::Evaluate,
    output::{self, Grid, count, number, percent},
};

/// Prints the figures beside those of the fit.
pub(super) fn report(
    args: &Evaluate,
    opened: &ModelDirectory,
    sums: &Sums,
    found: Found,
    context: &Context,
) -> Outcome {
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
    let views = views.map_or_else(String::new, |views| format!("\n{}", views::tables(&views)));
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
        Grid::new(std::iter::once("class \\ predicted").chain(classes.iter().map(String::as_str)));
    for (class, row) in classes.iter().zip(counts) {
        confusion.row(std::iter::once(class.clone()).chain(row.into_iter().map(count)).collect::<Vec<_>>());
    }
    format!("{}\n{}", grid.render(), confusion.render())
}
