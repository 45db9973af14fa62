//! What a fit came to, for people and for programs.

use std::fmt::Write;

use latentia::{
    artifact::{self},
    figures::{Agreement, Figures, PredictionFigures, RegressionFigures, RegressionPart},
    fit::Summary,
    train::Ended,
};
use serde_json::{Value, json};

use super::views;
use crate::output::{Grid, count, duration, number, percent};

/// The name of a model directory in a command line.
pub(super) fn quoted(path: &std::path::Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./,:=+@%".contains(c);
    match !text.is_empty() && text.chars().all(plain) {
        true => text,
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

/// One JSON object.
pub(super) fn json(summary: &Summary, seconds: f64) -> Value {
    json!({
        "model": summary.dir,
        "report": summary.dir.join(artifact::REPORT),
        "kind": summary.recipe.kind.name,
        "recipe": summary.recipe.to_json(),
        "sizes": summary.sizes,
        "figures": summary.figures,
        "training": summary.training,
        "warnings": summary.warnings,
        "seconds": seconds,
    })
}

/// The figures with their baselines beside them.
pub(super) fn figures(kind: &str, figures: &Figures) -> String {
    if let Some(prediction) = &figures.prediction {
        return predicted(kind, prediction);
    }
    if let Some(regression) = &figures.regression {
        return regressed(kind, regression);
    }
    let neighbours = figures.neighbours.as_ref();
    let beside_pca = figures.parts.iter().any(|p| p.pca_squared_error.is_some())
        || figures.maps.len() > 1
        || neighbours.is_some_and(|n| n.in_pca.is_some());
    let mut header = vec![String::new(), kind.to_owned()];
    if beside_pca {
        header.push("PCA".into());
    }
    if neighbours.is_some() || figures.retrieval.is_some() {
        header.push("raw input".into());
    }
    let columns = header.len();
    let mut grid = Grid::new(header);
    let dash = || "-".to_owned();
    for part in &figures.parts {
        let rows = format!("squared error, {} ({} rows)", part.part, count(part.rows as u64));
        let mut cells = vec![rows, number(part.squared_error)];
        if beside_pca {
            cells.push(part.pca_squared_error.map_or_else(dash, number));
        }
        if neighbours.is_some() {
            cells.push(dash());
        }
        grid.row(cells);
    }
    for part in &figures.clusters {
        let mut line = |name: &str, value: String| grid.row([format!("{name}, {}", part.part), value]);
        line("inertia", number(part.inertia));
        if let Some(Agreement { accuracy, nmi, ari }) = &part.agreement {
            line("clustering accuracy", percent(*accuracy));
            line("normalised mutual information", number(*nmi));
            line("adjusted Rand index", number(*ari));
        }
    }
    if let Some(likelihood) = &figures.likelihood {
        let name = format!("-log p(x) of a row, {} ({} samples)", likelihood.part, likelihood.samples);
        let mut cells = vec![name, number(likelihood.negative_log)];
        cells.resize_with(2 + usize::from(beside_pca) + usize::from(neighbours.is_some()), dash);
        grid.row(cells);
    }
    if let Some(n) = neighbours {
        let mut cells = vec![format!("{}-NN accuracy, {}", n.k, figures.comparison), percent(n.in_code)];
        if beside_pca {
            cells.push(n.in_pca.map_or_else(dash, percent));
        }
        cells.push(percent(n.in_input));
        grid.row(cells);
    }
    if let Some(r) = &figures.retrieval {
        let mut cells =
            vec![format!("precision at {} of a search, {}", r.k, figures.comparison), percent(r.in_code)];
        if beside_pca {
            cells.push(r.in_pca.map_or_else(dash, percent));
        }
        cells.push(percent(r.in_input));
        grid.row(cells);
    }
    for (i, (name, _)) in figures.maps.first().into_iter().flat_map(|map| map.faithfulness()).enumerate() {
        let mut cells = vec![format!("{name} of the map, {}", figures.comparison)];
        cells.extend(figures.maps.iter().map(|map| number(map.faithfulness()[i].1)));
        cells.resize_with(columns, dash);
        grid.row(cells);
    }
    grid.render()
}

/// How often classes are told right, with simple classifiers below.
fn predicted(kind: &str, prediction: &PredictionFigures) -> String {
    let mut grid = Grid::new(["", "rows", "accuracy", "balanced", "log loss"]);
    let own = prediction.parts.iter().map(|p| (format!("{kind}, {}", p.name), p));
    for (name, p) in own.chain(prediction.baselines.iter().map(|p| (p.name.clone(), p))) {
        let shares = [percent(p.accuracy), percent(p.balanced_accuracy), number(p.log_loss)];
        grid.row([name, count(p.rows as u64)].into_iter().chain(shares).collect::<Vec<_>>());
    }
    format!("{}\n{} labelled rows were learnt from.\n", grid.render(), count(prediction.learnt as u64))
}

/// How far numbers are told from what they are, with simple models below.
fn regressed(kind: &str, regression: &RegressionFigures) -> String {
    let mut grid = Grid::new(["", "target", "rows", "RMSE", "MAE", "R²"]);
    let own = regression.parts.iter().map(|p| (format!("{kind}, {}", p.name), p));
    for (name, p) in own.chain(regression.baselines.iter().map(|p| (p.name.clone(), p))) {
        grid.row(
            [name, p.target.clone(), count(p.rows as u64)].into_iter().chain(errors(p)).collect::<Vec<_>>(),
        );
    }
    grid.render()
}

/// The errors of a regression as cells.
pub(super) fn errors(p: &RegressionPart) -> [String; 3] {
    [number(p.rmse), number(p.mae), p.r_squared.map_or_else(|| "-".to_owned(), number)]
}

/// What a fit came to.
pub(super) fn text(summary: &Summary, seconds: f64) -> String {
    let mut text = String::new();
    let kind = summary.recipe.kind.name;
    let sizes: Vec<String> =
        summary.sizes.iter().map(|size| format!("{} {}", size.name, count(size.value as u64))).collect();
    let _ = writeln!(text, "{kind} of {}: {}\n", summary.recipe.path, sizes.join(", "));
    text.push_str(&figures(kind, &summary.figures));
    if let Some(views) = &summary.figures.views {
        text.push('\n');
        text.push_str(&views::tables(views));
    }
    if let Some(threshold) = &summary.figures.threshold {
        let _ = writeln!(
            text,
            "\nA row counts as unusual with a score above {} ({} of the {} {} rows lie below).",
            number(threshold.value),
            percent(threshold.quantile),
            count(threshold.rows as u64),
            threshold.part
        );
    }
    if let Some(d) = &summary.figures.detection {
        let _ = writeln!(
            text,
            "Class {} among the {} rows: area under the ROC curve {}, average precision {}, precision at n {}.",
            d.class,
            d.part,
            number(d.auroc),
            number(d.average_precision),
            number(d.precision_at_n)
        );
    }
    let _ = write!(text, "\n{}", duration(seconds));
    if let Some(training) = &summary.training {
        let ended = match training.ended {
            Ended::Completed => "",
            Ended::EarlyStopped => ", stopped early: the validation loss no longer fell",
            Ended::Cancelled => ", stopped on request",
        };
        let best = training.best_epoch.map(|e| format!(", best after epoch {e}")).unwrap_or_default();
        let _ = write!(text, ", {} epochs{best}{ended}", training.epochs);
    }
    let _ = writeln!(text, ".\nmodel   {}", summary.dir.display());
    let _ = writeln!(text, "report  {}", summary.dir.join(artifact::REPORT).display());
    text
}

/// Commands to try next.
pub(super) fn next(summary: &Summary) -> String {
    let (model, data) = (quoted(&summary.dir), quoted(summary.recipe.path.as_ref()));
    let regression = summary.figures.regression.as_ref().map(|_| ("predict", "numbers.csv"));
    let (verb, file) =
        regression.unwrap_or(match (&summary.figures.prediction, summary.figures.clusters.is_empty()) {
            (Some(_), _) => ("classify", "classes.csv"),
            (None, true) => ("encode", "codes.csv"),
            (None, false) => ("cluster", "clusters.csv"),
        });
    let mut text =
        format!("\nNext:\n  latentia report {model} --open\n  latentia {verb} {model} {data} -o {file}\n");
    if summary.figures.threshold.is_some() {
        let _ = writeln!(text, "  latentia score {model} {data} -o scores.csv");
    }
    text
}
