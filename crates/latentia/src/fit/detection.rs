//! How well scores find the rows that labels call unusual.

use super::measure::parts;
use crate::{
    Result, anomaly,
    anomaly::AnomalyConfig,
    data::{Dataset, Split},
    figures::{DetectionFigures, Threshold},
    model::Model,
    report::{self, ColumnShare, DetectionReport},
};

/// Most rows of each group whose contributions are averaged.
const CONTRIBUTION_ROWS: usize = 2000;

/// Figures, and what the report draws.
#[derive(Debug)]
pub(super) struct Detection {
    pub figures: DetectionFigures,
    pub report: DetectionReport,
}

/// On the part least used in fitting that has rows of the class and others; `None` where no class is named or no part has
/// both.
pub(super) fn detect(
    model: &dyn Model,
    data: &Dataset,
    scores: &[(String, Vec<f64>)],
    anomaly: &AnomalyConfig,
    threshold: Option<&Threshold>,
) -> Result<Option<Detection>> {
    let (Some(name), Some(class)) = (&anomaly.unusual, anomaly::unusual_class(anomaly, data)?) else {
        return Ok(None);
    };
    let both = |split: &Split| {
        let unusual = unusual(split, class);
        unusual.contains(&true) && unusual.contains(&false)
    };
    let Some((part, split)) = parts(data).into_iter().rev().find(|(_, split)| both(split)) else {
        return Ok(None);
    };
    let Some((_, scores)) = scores.iter().find(|(of, _)| of == part) else { return Ok(None) };
    let unusual = unusual(split, class);
    let figures = DetectionFigures::of(name, part, &unusual, scores, threshold.map(|t| t.value))?;
    let report = DetectionReport {
        class: name.clone(),
        part: part.to_owned(),
        score_name: model.as_score().map_or("score", |m| m.score_name()).to_owned(),
        columns: columns(model, data, split, &unusual)?,
        threshold: threshold.map(|t| report::Threshold { value: t.value, basis: super::page::basis(t) }),
        scores: scores.clone(),
        unusual,
    };
    Ok(Some(Detection { figures, report }))
}

fn unusual(split: &Split, class: u32) -> Vec<bool> {
    split.labels.iter().flatten().map(|&label| label == class).collect()
}

/// What each column adds to the scores of unusual rows and of the others, on average.
fn columns(model: &dyn Model, data: &Dataset, split: &Split, unusual: &[bool]) -> Result<Vec<ColumnShare>> {
    let mean = |wanted: bool| -> Result<Option<Vec<f64>>> {
        let rows: Vec<usize> =
            (0..unusual.len()).filter(|&i| unusual[i] == wanted).take(CONTRIBUTION_ROWS).collect();
        let Some(parts) = anomaly::contributions(model, &split.x.select_rows(&rows))? else {
            return Ok(None);
        };
        let sum = |range: &std::ops::Range<usize>| -> f64 {
            parts.iter_rows().flat_map(|row| &row[range.clone()]).map(|&v| f64::from(v)).sum()
        };
        let ranges = data.preprocess.ranges();
        Ok(Some(ranges.iter().map(|(_, range)| sum(range) / rows.len() as f64).collect()))
    };
    let (Some(of_unusual), Some(of_others)) = (mean(true)?, mean(false)?) else { return Ok(Vec::new()) };
    let ranges = data.preprocess.ranges();
    let column = |((name, _), (unusual, others)): (&(&str, _), (f64, f64))| ColumnShare {
        name: (*name).to_owned(),
        unusual,
        others,
    };
    Ok(ranges.iter().zip(of_unusual.into_iter().zip(of_others)).map(column).collect())
}
