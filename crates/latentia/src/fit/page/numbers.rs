//! What a regressor's page shows: how far its predictions are off, what they are beside the actual numbers, and where it errs
//! most.

use crate::{
    data::{Dataset, Matrix, Split},
    figures::{Figures, RegressionFigures, RegressionPart},
    report::{Axis, Card, Chart, Figure, Line, Lines, Section, Style, Table, Value},
};

/// Rows shown of those that are predicted worst, and points of a figure.
const SHOWN: (usize, usize) = (12, 2000);

/// The figures of the part that was least used in fitting.
fn last(figures: &RegressionFigures) -> impl Iterator<Item = &RegressionPart> {
    let name = figures.parts.last().map(|p| p.name.as_str());
    figures.parts.iter().filter(move |p| Some(p.name.as_str()) == name)
}

/// A sentence for a reader in a hurry.
pub(super) fn summary(figures: &RegressionFigures) -> String {
    let each = last(figures).map(|p| {
        let beside = figures.baselines.iter().filter(|b| b.target == p.target);
        let beside: Vec<String> = beside.map(|b| format!("{} {:.4}", b.name, b.rmse)).collect();
        format!(
            "'{}' of the {} rows is predicted with a root mean squared error of {:.4}; beside it: {}.",
            p.target,
            p.name,
            p.rmse,
            beside.join(", ")
        )
    });
    each.collect::<Vec<_>>().join(" ")
}

/// The key figures.
pub(super) fn cards(figures: &RegressionFigures) -> Vec<Card> {
    let card = |p: &RegressionPart| {
        let best = figures
            .baselines
            .iter()
            .filter(|b| b.target == p.target)
            .min_by(|a, b| a.rmse.total_cmp(&b.rmse));
        let note = best.map(|b| format!("{} {:.4}", b.name, b.rmse)).unwrap_or_default();
        Card::new(format!("Error of {}", p.target), format!("{:.4}", p.rmse)).note(note)
    };
    last(figures).map(card).collect()
}

/// What is predicted beside what is, the baselines, the rows predicted worst.
pub(super) fn section(figures: &Figures, told: &Matrix, split: &Split, data: &Dataset) -> Option<Section> {
    let regression = figures.regression.as_ref()?;
    let actual = data.preprocess.unscale_targets(split.targets.as_ref()?);
    let told = data.preprocess.unscale_targets(told);
    let mut charts = Vec::new();
    for (j, target) in data.preprocess.targets.iter().enumerate() {
        let pairs =
            || actual.iter_rows().zip(told.iter_rows()).map(|(a, t)| (f64::from(a[j]), f64::from(t[j])));
        let gap = (f64::NAN, f64::NAN);
        let (low, high) =
            pairs().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), (a, _)| (l.min(a), h.max(a)));
        let line = |name: &str, points, style| Line { name: name.to_owned(), points, style };
        let chart = Lines {
            x: Axis::linear(format!("{} of the file", target.name)),
            y: Axis::linear("predicted"),
            lines: vec![
                line("predicted exactly", vec![(low, low), (high, high)], Style::Solid),
                line("rows", pairs().take(SHOWN.1).flat_map(|point| [point, gap]).collect(), Style::Marked),
            ],
            marks: Vec::new(),
        };
        charts.push(Figure::new(
            format!("{}, predicted and actual", target.name),
            "Rows that are predicted exactly lie on the line; a bend of the cloud away from it is what the model misses.",
            Chart::Lines(chart),
        ));
    }
    charts.push(Figure::new(
        "Side by side",
        "A regressor that does not beat the simple models below it is not worth its training.",
        Chart::Table(comparison(regression)),
    ));
    charts.push(
        Figure::new(
            "Rows predicted worst",
            "The rows whose predictions are farthest off: unusual rows, or wrong numbers.",
            Chart::Table(worst(&actual, &told, split, data)),
        )
        .wide(),
    );
    Some(Section {
        title: "Numbers".to_owned(),
        text: format!("What the regressor says of the {} rows.", figures.comparison),
        figures: charts,
        listings: Vec::new(),
    })
}

fn comparison(regression: &RegressionFigures) -> Table {
    let row = |p: &RegressionPart, name: String| -> Vec<Value> {
        let share = p.r_squared.map_or_else(|| Value::from("-"), Value::from);
        vec![name.into(), p.target.as_str().into(), p.rmse.into(), p.mae.into(), share]
    };
    let own = regression.parts.iter().map(|p| row(p, format!("this model, {} rows", p.name)));
    let others = regression.baselines.iter().map(|p| row(p, p.name.clone()));
    Table {
        columns: ["", "target", "root mean squared error", "mean absolute error", "R²"]
            .map(str::to_owned)
            .to_vec(),
        rows: own.chain(others).collect(),
        highlights: Vec::new(),
    }
}

fn worst(actual: &Matrix, told: &Matrix, split: &Split, data: &Dataset) -> Table {
    // Scaled, so that targets of different units compare.
    let scales: Vec<f64> = data.preprocess.target_scales();
    let apart = |i: usize| -> f64 {
        let each = actual.row(i).iter().zip(told.row(i)).zip(&scales);
        each.map(|((a, t), s)| (f64::from(a - t) / s).powi(2)).sum()
    };
    let mut order: Vec<(usize, f64)> = (0..actual.rows()).map(|i| (i, apart(i))).collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    order.truncate(SHOWN.0);
    let row = |(i, _): (usize, f64)| -> Vec<Value> {
        let name = match &split.ids {
            Some(ids) => ids[i].clone(),
            None => format!("row {}", split.rows[i]),
        };
        let numbers = actual.row(i).iter().zip(told.row(i));
        let cells = numbers.flat_map(|(&a, &t)| [f64::from(a).into(), f64::from(t).into()]);
        std::iter::once(name.into()).chain(cells).collect()
    };
    let names =
        data.preprocess.targets.iter().flat_map(|t| [t.name.clone(), format!("{} predicted", t.name)]);
    Table {
        columns: std::iter::once("row".to_owned()).chain(names).collect(),
        rows: order.into_iter().map(row).collect(),
        highlights: Vec::new(),
    }
}
