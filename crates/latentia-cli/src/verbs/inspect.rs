//! `latentia inspect`

use std::fmt::Write;

use latentia::{
    artifact::ModelDirectory,
    data::{FeatureKind, Preprocess},
    train::params::HostTensor,
};
use serde_json::json;

use super::{Context, summary, views};
use crate::{
    Outcome,
    args::Inspect,
    output::{self, count, duration, left_aligned, number},
};

/// Most columns that are listed by name.
const LISTED: usize = 12;

/// Shows a model directory.
pub(super) fn run(args: &Inspect, context: &Context) -> Outcome {
    // Opening compares every file with its length and SHA-256.
    let opened = context.open(&args.model)?;
    if context.global.json {
        let mut value = serde_json::to_value(&opened.manifest).unwrap_or_default();
        if let (true, Some(fields)) = (args.tensors, value.as_object_mut()) {
            let shapes = opened.model.tensors().into_iter().map(|(name, t)| (name, json!(t.shape)));
            fields.insert("tensors".into(), serde_json::Value::Object(shapes.collect()));
        }
        return output::print_json(&value);
    }
    output::print(&describe(&opened))?;
    match args.tensors {
        true => output::print(&tensors(&opened)),
        false => Ok(()),
    }
}

fn describe(opened: &ModelDirectory) -> String {
    let manifest = &opened.manifest;
    let sizes: Vec<String> =
        manifest.sizes.iter().map(|size| format!("{} {}", size.name, count(size.value as u64))).collect();
    let mut facts = vec![
        ["kind", manifest.kind.as_str()].map(str::to_owned).to_vec(),
        vec!["can".into(), opened.model.verbs().join(", ")],
        vec!["sizes".into(), sizes.join(", ")],
        vec!["input".into(), input(&manifest.preprocess)],
    ];
    if let Some(label) = &manifest.preprocess.label {
        let classes = match label.classes.len() {
            n if n > LISTED => format!("{n} classes"),
            _ => label.classes.join(", "),
        };
        facts.push(vec!["label".into(), format!("{} ({classes})", label.column)]);
    }
    if let Some(id) = &manifest.preprocess.id {
        facts.push(vec!["id".into(), id.clone()]);
    }
    let data = manifest.recipe.pointer("/data/path").and_then(|path| path.as_str()).unwrap_or("?");
    facts.push(vec!["fitted to".into(), data.to_owned()]);
    facts.push(vec!["data SHA-256".into(), manifest.data_fingerprint.clone()]);
    if let Some(training) = &manifest.training {
        let best = training.best_epoch.map(|e| format!(", best {e}")).unwrap_or_default();
        let text = format!("{} epochs{best}, {}", training.epochs, duration(training.seconds));
        facts.push(vec!["training".into(), text]);
    }
    if let Some(threshold) = &manifest.figures.threshold {
        facts.push(vec!["unusual above".into(), number(threshold.value)]);
    }
    facts.push(vec!["seed".into(), manifest.seed.to_string()]);
    facts.push(vec!["written by".into(), manifest.program.clone()]);
    let mut text = left_aligned(&facts);
    let _ = writeln!(text, "\n{}", summary::figures(&manifest.kind, &manifest.figures));
    if let Some(views) = &manifest.figures.views {
        let _ = writeln!(text, "{}", views::tables(views));
    }
    let mut files: Vec<Vec<String>> = Vec::new();
    for (name, entry) in &manifest.files {
        files.push(vec![
            name.clone(),
            format!("{} bytes", count(entry.bytes)),
            entry.sha256[..12].to_owned(),
        ]);
    }
    let _ = writeln!(text, "Files (each matches its SHA-256):\n{}", left_aligned(&files).trim_end());
    text
}

fn input(preprocess: &Preprocess) -> String {
    if let Some(shape) = preprocess.image {
        return format!("images of {} x {} pixels, {} channels", shape.height, shape.width, shape.channels);
    }
    if !preprocess.views.is_empty() {
        let ranges = preprocess.view_ranges();
        let views = ranges.iter().map(|(name, range)| format!("{name} ({} features)", range.len()));
        return format!("{} views: {}", ranges.len(), views.collect::<Vec<_>>().join(", "));
    }
    let name = |feature: &latentia::data::Feature| match &feature.kind {
        FeatureKind::Number { .. } => feature.name.clone(),
        FeatureKind::Category { values } => format!("{} ({} values)", feature.name, values.len()),
        FeatureKind::Text { vocabulary, .. } => format!("{} ({} words)", feature.name, vocabulary.len()),
    };
    let names: Vec<String> = preprocess.features.iter().take(LISTED).map(name).collect();
    let more = if preprocess.features.len() > LISTED { ", …" } else { "" };
    format!("{} columns: {}{more}", preprocess.features.len(), names.join(", "))
}

fn tensors(opened: &ModelDirectory) -> String {
    let mut rows = vec![["name", "shape", "mean", "deviation"].map(str::to_owned).to_vec()];
    for (name, tensor) in opened.model.tensors() {
        let (mean, deviation) = moments(&tensor);
        let shape: Vec<String> = tensor.shape.iter().map(ToString::to_string).collect();
        rows.push(vec![name, shape.join(" x "), number(mean), number(deviation)]);
    }
    format!("\nWeights:\n{}", left_aligned(&rows))
}

fn moments(tensor: &HostTensor) -> (f64, f64) {
    let n = tensor.values.len().max(1) as f64;
    let mean = tensor.values.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
    let variance = tensor.values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / n;
    (mean, variance.sqrt())
}
