//! The report of a fit: what the model learned, put into the words and figures of a page.

mod classes;
pub(super) mod clusters;
mod maps;
mod numbers;
mod reconstructions;

use std::collections::BTreeMap;

use self::{
    maps::{code_map, maps_beside},
    reconstructions::reconstructions,
};
use super::{
    extra,
    measure::{Measured, comparison},
};
use crate::{
    Result,
    codes::pca::Pca,
    data::{Dataset, ImageShape},
    figures::{self, Figures},
    kinds::Fitted,
    model::Model,
    recipe::Recipe,
    report::{
        Baseline, Card, CodesReport, Comparison, EpochRecord, Filters, Group, Metric, PixelSize, RowErrors,
        Threshold,
    },
    train::params::Tensors,
};

/// Most filters shown.
const FILTERS: usize = 48;
/// Most rows of each part in the error histogram.
const HISTOGRAM_ROWS: usize = 20_000;

pub(super) fn render(
    recipe: &Recipe,
    data: &Dataset,
    fitted: &Fitted,
    measured: &Measured,
    warnings: &[String],
    command: &str,
) -> Result<String> {
    let model = fitted.model.as_ref();
    let (part, rows) = comparison(data);
    let clustered = measured.figures.clusters.last();
    let report = CodesReport {
        title: format!("What the {} learned of {}", recipe.kind.name, name_of(&recipe.path)),
        kind: recipe.kind.about.to_owned(),
        summary: clustered.map_or_else(|| summary(&measured.figures, model), clusters::summary),
        facts: facts(data, model, measured),
        warnings: warnings.to_vec(),
        command: command.to_owned(),
        recipe: recipe.to_toml(),
        history: history(fitted),
        best_epoch: fitted.training.as_ref().and_then(|t| t.best_epoch),
        map: match clustered {
            Some(_) => None,
            None => measured.maps.first().map(|map| code_map(map, &map.rows, &map.points, rows, data, part)),
        },
        reconstructions: reconstructions(model, rows, data)?,
        errors: errors(model, measured),
        baseline: baseline(&measured.figures, model).filter(|_| clustered.is_none()),
        filters: filters(&model.tensors(), data.image_shape()),
        extra: maps_beside(measured, rows, data, part)
            .filter(|_| clustered.is_none())
            .into_iter()
            .chain(classes::section(&measured.figures, &measured.predictions, rows, data))
            .chain(numbers::section(&measured.figures, &measured.told, rows, data))
            .chain(model.sections(rows, data)?)
            .chain(extra::sections(fitted, data, measured, recipe.train.seed)?)
            .collect(),
    };
    Ok(report.render())
}

fn name_of(path: &str) -> String {
    std::path::Path::new(path).file_name().map_or(path.to_owned(), |n| n.to_string_lossy().into_owned())
}

fn summary(figures: &Figures, model: &dyn Model) -> String {
    if let Some(prediction) = &figures.prediction {
        return classes::summary(prediction);
    }
    if let Some(regression) = &figures.regression {
        return numbers::summary(regression);
    }
    let code = model.as_encode().map_or(0, |m| m.code_size());
    let mut text = format!("{} numbers a row became a code of {code}.", model.input_width());
    if let Some(part) = figures.parts.last() {
        text.push_str(&format!(
            " From its code, a row of the {} part is rebuilt with a squared error of {:.4} in all",
            part.part, part.squared_error
        ));
        match part.pca_squared_error {
            Some(pca) => {
                text.push_str(&format!("; PCA with a code of the same size leaves {pca:.4}."));
            }
            None => text.push('.'),
        }
    }
    if let Some(n) = &figures.neighbours {
        text.push_str(&format!(
            " The nearest neighbours of a row tell its class in {:.1} % of cases by the code and in {:.1} % by the \
             input.",
            100.0 * n.in_code,
            100.0 * n.in_input
        ));
    }
    text
}

fn facts(data: &Dataset, model: &dyn Model, measured: &Measured) -> Vec<Card> {
    let mut cards = vec![
        Card::new("Rows", data.train.len().to_string())
            .note(format!("to learn from; {} held out", data.validation.len() + data.test.len())),
    ];
    for size in model.sizes() {
        let mut name = size.name.clone();
        name[..1].make_ascii_uppercase();
        cards.push(Card::new(name, size.value.to_string()));
    }
    if let Some(figures) = measured.figures.clusters.last() {
        cards.extend(clusters::cards(figures));
        return cards;
    }
    if let Some(part) = measured.figures.parts.last() {
        let note = part.pca_squared_error.map(|pca| format!("PCA {pca:.4}; {} rows", part.part));
        cards.push(
            Card::new("Squared error a row", format!("{:.4}", part.squared_error))
                .note(note.unwrap_or_else(|| format!("{} rows", part.part))),
        );
    }
    if let Some(l) = &measured.figures.likelihood {
        cards.push(
            Card::new("-log p(x)", format!("{:.2}", l.negative_log))
                .note(format!("nats a row, {} rows, {} samples", l.part, l.samples)),
        );
    }
    if let Some(prediction) = &measured.figures.prediction {
        cards.extend(classes::cards(prediction));
    }
    if let Some(regression) = &measured.figures.regression {
        cards.extend(numbers::cards(regression));
    }
    if let Some(own) = measured.figures.maps.first() {
        let pca = measured.figures.maps.get(1).map(|m| format!("; PCA {:.3}", m.trustworthiness));
        cards.push(
            Card::new("Trustworthiness", format!("{:.3}", own.trustworthiness))
                .note(format!("of the map{}", pca.unwrap_or_default())),
        );
    }
    if let Some(n) = &measured.figures.neighbours {
        cards.push(
            Card::new("Neighbour accuracy", format!("{:.1} %", 100.0 * n.in_code))
                .note(format!("by the code; {:.1} % by the input", 100.0 * n.in_input)),
        );
    }
    if let Some(r) = &measured.figures.retrieval {
        cards.push(
            Card::new(format!("Precision at {}", r.k), format!("{:.1} %", 100.0 * r.in_code))
                .note(format!("of searches by code; {:.1} % by the input", 100.0 * r.in_input)),
        );
    }
    cards
}

fn history(fitted: &Fitted) -> Vec<EpochRecord> {
    let Some(training) = &fitted.training else { return Vec::new() };
    let record = |r: &crate::train::EpochRecord| EpochRecord {
        epoch: r.epoch,
        train: r.train_loss,
        validation: r.validation_loss,
        terms: BTreeMap::clone(&r.train_terms),
        learning_rate: Some(r.learning_rate),
        gradient_norm: Some(r.gradient_norm),
        seconds: Some(r.seconds),
    };
    training.history.iter().map(record).collect()
}

pub(super) fn pixel_size(shape: ImageShape) -> PixelSize {
    PixelSize { height: shape.height, width: shape.width, channels: shape.channels }
}

/// Six significant digits, no zeros at the end: whole numbers look whole.
fn number(value: f32) -> String {
    let whole_digits = (value.abs().max(1.0).log10() as usize).min(5);
    let text = format!("{value:.*}", 5 - whole_digits);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

fn errors(model: &dyn Model, measured: &Measured) -> Option<RowErrors> {
    let name = model.as_score()?.score_name().to_owned();
    let group = |(part, scores): &(String, Vec<f64>)| {
        let step = scores.len().div_ceil(HISTOGRAM_ROWS).max(1);
        Group { name: format!("{part} rows"), values: scores.iter().copied().step_by(step).collect() }
    };
    let threshold =
        measured.figures.threshold.as_ref().map(|t| Threshold { value: t.value, basis: basis(t) });
    Some(RowErrors { name, groups: measured.scores.iter().map(group).collect(), threshold })
}

/// Why the threshold is where it is.
pub(super) fn basis(threshold: &figures::Threshold) -> String {
    format!(
        "{} % of the {} {} rows lie below",
        number(100.0 * threshold.quantile as f32),
        threshold.rows,
        threshold.part
    )
}

fn baseline(figures: &Figures, model: &dyn Model) -> Option<Baseline> {
    let code = model.as_encode()?.code_size();
    let (part, n) = (figures.parts.last(), figures.neighbours.as_ref());
    if part.is_none() && n.is_none() {
        return None;
    }
    let is_pca = model.kind() == Pca::KIND;
    let metric = |name: &str, higher_is_better| Metric { name: name.to_owned(), higher_is_better };
    let mut metrics = Vec::new();
    metrics.extend(part.map(|_| metric("squared error a row", false)));
    metrics.extend(n.map(|_| metric("nearest-neighbour accuracy", true)));
    let row = |name: String, error: Option<f64>, accuracy: Option<f64>| {
        let mut values = Vec::new();
        values.extend(part.map(|_| error));
        values.extend(n.map(|_| accuracy));
        Comparison { name, values }
    };
    let mut rows = vec![row(
        format!("{}, code of {code}", model.kind()),
        part.map(|p| p.squared_error),
        n.map(|n| n.in_code),
    )];
    if !is_pca {
        let error = part.and_then(|p| p.pca_squared_error);
        rows.push(row(format!("PCA, code of {code}"), error, n.and_then(|n| n.in_pca)));
    }
    if n.is_some() {
        rows.push(row(format!("the input, {} numbers", model.input_width()), None, n.map(|n| n.in_input)));
    }
    Some(Baseline {
        error_name: format!("squared error a row, {} rows", figures.comparison),
        // Errors of PCA alone say nothing of a model that cannot reconstruct.
        pca: part
            .map_or(Vec::new(), |_| figures.pca_curve.iter().map(|p| (p.code, p.squared_error)).collect()),
        model: part.filter(|_| !is_pca).map(|p| (code, p.squared_error)),
        metrics,
        rows,
    })
}

/// The weights of the first layer (or the components) as images: those of largest norm.
fn filters(tensors: &Tensors, shape: Option<ImageShape>) -> Option<Filters> {
    let shape = shape?;
    // Those of a convolution are as large as what it looks at.
    let convolution = tensors.get("encoder.convolutions.0.weight");
    let dense = || ["encoder.layers.0.weight", "components", "weight"].iter().find_map(|n| tensors.get(*n));
    let weights = convolution.or_else(dense)?;
    let shape = match convolution.map(|w| w.shape.as_slice()) {
        Some(&[_, channels, height, width]) => ImageShape { channels, height, width },
        _ => shape,
    };
    let inputs = shape.len();
    let mut filters: Vec<&[f32]> = weights.values.chunks_exact(inputs).collect();
    if weights.shape.iter().skip(1).product::<usize>() != inputs || filters.is_empty() {
        return None;
    }
    let norm = |w: &[f32]| w.iter().map(|v| v * v).sum::<f32>();
    filters.sort_by(|a, b| norm(b).total_cmp(&norm(a)));
    filters.truncate(FILTERS);
    let pixels = shape.height * shape.width;
    let interleave = |w: &[f32]| -> Vec<f32> {
        (0..pixels).flat_map(|p| (0..shape.channels).map(move |c| w[c * pixels + p])).collect()
    };
    Some(Filters { size: pixel_size(shape), weights: filters.into_iter().map(interleave).collect() })
}
