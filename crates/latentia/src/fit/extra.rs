//! What only some models have to show: samples, free energies, the training of layers.

use std::collections::BTreeMap;

use super::{
    measure::{Measured, comparison},
    page::{clusters, pixel_size},
    views,
};
use crate::{
    Result,
    data::{Dataset, Split, Table, Values},
    kinds::Fitted,
    model::Model,
    report::{Axis, Chart, Figure, Images, Line, Lines, Listing, Section, Style},
    train::EpochRecord,
};

/// Samples drawn, and how many of them stand side by side.
const SAMPLES: (usize, usize) = (48, 12);
/// Documents whose words are shown.
const DOCUMENTS: usize = 20;

/// The sections that apply.
pub(super) fn sections(
    fitted: &Fitted,
    data: &Dataset,
    measured: &Measured,
    seed: u64,
) -> Result<Vec<Section>> {
    let mut sections = Vec::new();
    if let Some(able) = fitted.model.as_assign() {
        sections.push(clusters::section(able, fitted, data, seed)?);
    }
    sections.extend(measured.detection.iter().map(|d| d.report.section()));
    sections.extend(measured.figures.views.as_ref().map(views::section));
    sections.extend(documents(fitted.model.as_ref(), comparison(data).1, data)?);
    sections.extend(samples(fitted.model.as_ref(), data, seed)?);
    if let Some(training) = &fitted.training {
        sections.extend(metrics(&training.history));
        sections.extend(layers(&training.pretraining));
    }
    Ok(sections)
}

/// The words of some documents beside those that the model finds likeliest, for the eye.
fn documents(model: &dyn Model, rows: &Split, data: &Dataset) -> Result<Option<Section>> {
    let Some(model) = model.as_reconstruct().filter(|_| data.preprocess.is_text()) else { return Ok(None) };
    let x = rows.x.head(DOCUMENTS);
    let found = data.preprocess.inverse(&x)?;
    let likely = data.preprocess.inverse(&model.reconstruct(&x)?)?;
    let mut text = String::new();
    for i in 0..x.rows() {
        let name = rows.ids.as_ref().map_or_else(|| format!("row {}", rows.rows[i]), |ids| ids[i].clone());
        let class =
            rows.labels.as_ref().map_or(String::new(), |l| format!(" ({})", data.classes()[l[i] as usize]));
        let words = |table: &Table| match table.columns().first() {
            Some((_, Values::Text(texts))) => texts[i].clone().unwrap_or_default(),
            _ => String::new(),
        };
        text.push_str(&format!(
            "{name}{class}\n  found:  {}\n  likely: {}\n\n",
            words(&found),
            words(&likely)
        ));
    }
    Ok(Some(Section {
        title: "Words".to_owned(),
        text: "The heaviest words of some documents that the model has not learned from, and those that it finds likeliest \
               from their codes."
            .to_owned(),
        figures: Vec::new(),
        listings: vec![Listing { title: format!("{} documents", x.rows()), text }],
    }))
}

/// Images that the model makes up.
fn samples(model: &dyn Model, data: &Dataset, seed: u64) -> Result<Option<Section>> {
    let (Some(model), Some(shape)) = (model.as_sample(), data.image_shape()) else { return Ok(None) };
    let drawn = data.preprocess.pictures(&model.sample(SAMPLES.0, seed)?)?;
    let chart = Images {
        size: pixel_size(shape),
        images: drawn.chunks(SAMPLES.1).map(<[_]>::to_vec).collect(),
        ..Images::default()
    };
    let figure = Figure::new(
        "Samples",
        "Images that the model makes up: they should look like the data, and no two of them alike.",
        Chart::Images(chart),
    );
    Ok(Some(Section {
        title: "What the model makes up".to_owned(),
        text: "Rows drawn from the distribution that the model has learned.".to_owned(),
        figures: vec![figure.wide()],
        listings: Vec::new(),
    }))
}

fn line(name: &str, points: Vec<(f64, f64)>) -> Line {
    Line { name: name.to_owned(), points, style: Style::Solid }
}

/// Curves over the epochs, by the name of each.
fn figure(title: &str, caption: &str, y: &str, curves: BTreeMap<&str, Vec<(f64, f64)>>) -> Figure {
    let axis = Axis::fitting(y, curves.values().flatten().map(|p| p.1));
    let lines = curves.into_iter().map(|(name, points)| line(name, points)).collect();
    Figure::new(
        title,
        caption,
        Chart::Lines(Lines { x: Axis::linear("epoch"), y: axis, lines, marks: Vec::new() }),
    )
}

/// The free energies of a Boltzmann machine, epoch by epoch.
fn metrics(history: &[EpochRecord]) -> Option<Section> {
    const NAME: &str = "free energy of ";
    let mut curves: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
    for record in history {
        for (name, &value) in &record.metrics {
            if let Some(rows) = name.strip_prefix(NAME) {
                curves.entry(rows).or_default().push((record.epoch as f64, value));
            }
        }
    }
    let caption = "The mean free energy of rows the model learns from and of rows it does not: when the two curves draw apart, \
                   it learns its training rows by heart. Their height means nothing.";
    (!curves.is_empty()).then(|| Section {
        title: "Free energy".to_owned(),
        text: "The free energy of a row is minus its log-likelihood, up to a constant that changes from epoch to epoch."
            .to_owned(),
        figures: vec![figure("Free energy", caption, "free energy", curves)],
        listings: Vec::new(),
    })
}

/// The training of each layer before that of the whole.
fn layers(pretraining: &[EpochRecord]) -> Option<Section> {
    let mut stages: Vec<&str> = pretraining.iter().filter_map(|r| r.stage.as_deref()).collect();
    stages.dedup();
    let of_stage = |stage: &&str| {
        let records = || pretraining.iter().filter(|r| r.stage.as_deref() == Some(*stage));
        let mut curves = BTreeMap::new();
        curves.insert("training", records().map(|r| (r.epoch as f64, r.train_loss)).collect::<Vec<_>>());
        let validation: Vec<_> =
            records().filter_map(|r| Some((r.epoch as f64, r.validation_loss?))).collect();
        if !validation.is_empty() {
            curves.insert("validation", validation);
        }
        let mut title = (*stage).to_owned();
        title[..1].make_ascii_uppercase();
        let caption =
            "What was measured while this layer learned to rebuild what the layer below it returns.";
        figure(&title, caption, "objective of the layer", curves)
    };
    (!stages.is_empty()).then(|| Section {
        title: "Layer by layer".to_owned(),
        text: "Before the whole was trained, each layer was, on the codes of the layer below.".to_owned(),
        figures: stages.iter().map(of_stage).collect(),
        listings: Vec::new(),
    })
}
