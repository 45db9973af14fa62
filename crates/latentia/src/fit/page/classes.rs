//! What a classifier's page shows: how often it is right, which classes it takes for which, and where it errs most.

use crate::{
    data::{Dataset, Split},
    figures::{Figures, PredictionFigures, PredictionPart},
    fit::predict::Predictions,
    report::{Card, Chart, Figure, HeatMap, Section, Table, Value},
};

/// Rows shown of those that are told worst.
const WORST: usize = 12;

/// A sentence for a reader in a hurry.
pub(super) fn summary(figures: &PredictionFigures) -> String {
    let Some(found) = figures.parts.last() else { return String::new() };
    let beside: Vec<String> =
        figures.baselines.iter().map(|b| format!("{} {:.1} %", b.name, 100.0 * b.accuracy)).collect();
    format!(
        "The class of {:.1} % of the {} rows is predicted right, learnt from {} labelled rows; beside it: {}.",
        100.0 * found.accuracy,
        found.name,
        figures.learnt,
        beside.join(", ")
    )
}

/// The key figures.
pub(super) fn cards(figures: &PredictionFigures) -> Vec<Card> {
    let mut cards = vec![Card::new("Labelled rows", figures.learnt.to_string()).note("learnt from")];
    if let Some(found) = figures.parts.last() {
        let best = figures.baselines.iter().max_by(|a, b| a.accuracy.total_cmp(&b.accuracy));
        let note = best.map(|b| format!("{} {:.2} %", b.name, 100.0 * b.accuracy)).unwrap_or_default();
        cards.push(Card::new("Accuracy", format!("{:.2} %", 100.0 * found.accuracy)).note(note));
        cards.push(
            Card::new("Log loss", format!("{:.4}", found.log_loss))
                .note(format!("nats a row, {} rows", found.name)),
        );
    }
    cards
}

/// Confusion of classes, the baselines, the rows told worst.
pub(super) fn section(
    figures: &Figures,
    predictions: &Predictions,
    split: &Split,
    data: &Dataset,
) -> Option<Section> {
    let prediction = figures.prediction.as_ref()?;
    let names = data.classes().to_vec();
    let confusion = HeatMap {
        x: "predicted".to_owned(),
        y: "is".to_owned(),
        value: "rows".to_owned(),
        columns: names.clone(),
        rows: names.clone(),
        values: prediction.confusion.iter().map(|row| row.iter().map(|&n| n as f64).collect()).collect(),
    };
    Some(Section {
        title: "Classes".to_owned(),
        text: format!("What the classifier says of the {} rows.", figures.comparison),
        figures: vec![
            Figure::new(
                "Which class is taken for which",
                "Rows that are classified right lie on the diagonal; a strong cell beside it is a pair of classes that are confused.",
                Chart::HeatMap(confusion),
            ),
            Figure::new(
                "Side by side",
                "A classifier that does not beat the simple ones below it is not worth its training.",
                Chart::Table(comparison(prediction)),
            ),
            Figure::new(
                "Rows classified worst",
                "The rows whose class was given the least probability: unusual rows, or wrong labels.",
                Chart::Table(worst(predictions, split, &names)),
            )
            .wide(),
        ],
        listings: Vec::new(),
    })
}

fn comparison(prediction: &PredictionFigures) -> Table {
    let row = |p: &PredictionPart, name: String| -> Vec<Value> {
        vec![name.into(), p.accuracy.into(), p.balanced_accuracy.into(), p.log_loss.into()]
    };
    let own = prediction.parts.iter().map(|p| row(p, format!("this model, {} rows", p.name)));
    let others = prediction.baselines.iter().map(|p| row(p, p.name.clone()));
    Table {
        columns: ["", "accuracy", "balanced accuracy", "log loss"].map(str::to_owned).to_vec(),
        rows: own.chain(others).collect(),
        highlights: Vec::new(),
    }
}

fn worst(predictions: &Predictions, split: &Split, names: &[String]) -> Table {
    let mut order: Vec<usize> = (0..predictions.of_label.len()).collect();
    order.sort_by(|&a, &b| predictions.of_label[a].total_cmp(&predictions.of_label[b]).then(a.cmp(&b)));
    order.truncate(WORST);
    let labels = split.labels.as_deref().unwrap_or_default();
    let row = |i: usize| -> Vec<Value> {
        let name = match &split.ids {
            Some(ids) => ids[i].clone(),
            None => format!("row {}", split.rows[i]),
        };
        let class = |class: u32| Value::from(names[class as usize].as_str());
        vec![
            name.into(),
            class(labels[i]),
            predictions.of_label[i].exp().into(),
            class(predictions.classes[i]),
        ]
    };
    Table {
        columns: ["row", "class", "its probability", "predicted"].map(str::to_owned).to_vec(),
        rows: order.into_iter().map(row).collect(),
        highlights: Vec::new(),
    }
}
