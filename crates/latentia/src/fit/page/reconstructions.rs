//! What rows look like beside what comes back from their codes.

use super::{number, pixel_size};
use crate::{
    Result,
    data::{self, Dataset, Matrix, Split, Values},
    model::Model,
    report::{ImagePairs, Reconstructions, WorstColumn, WorstRow},
};

/// Images shown beside their reconstructions.
const IMAGES: usize = 10;
/// Worst rows shown, and columns of each.
const WORST: (usize, usize) = (10, 5);

pub(super) fn reconstructions(
    model: &dyn Model,
    rows: &Split,
    data: &Dataset,
) -> Result<Option<Reconstructions>> {
    let denoiser = model.as_denoise();
    let Some(model) = model.as_reconstruct() else { return Ok(None) };
    if let Some(shape) = data.image_shape() {
        let x = rows.x.head(IMAGES);
        // A denoising model shows what it was taught: the seed is that of every report.
        let corrupted = match denoiser {
            Some(model) => model.corrupt(&x, 0)?,
            None => None,
        };
        let rebuilt = model.reconstruct(corrupted.as_ref().unwrap_or(&x))?;
        let name = |i: usize| match &rows.labels {
            Some(labels) => data.classes()[labels[i] as usize].clone(),
            None => format!("row {}", rows.rows[i]),
        };
        return Ok(Some(Reconstructions::Images(ImagePairs {
            size: pixel_size(shape),
            inputs: data.preprocess.pictures(&x)?,
            reconstructions: data.preprocess.pictures(&rebuilt)?,
            corrupted: corrupted.map_or(Ok(Vec::new()), |x| data.preprocess.pictures(&x))?,
            names: (0..x.rows()).map(name).collect(),
        })));
    }
    let reconstructed = model.reconstruct(&rows.x)?;
    let errors = crate::codes::squared_errors(&rows.x, &reconstructed);
    let mut worst: Vec<usize> = (0..errors.len()).collect();
    worst.sort_by(|&a, &b| errors[b].total_cmp(&errors[a]).then(a.cmp(&b)));
    worst.truncate(WORST.0);
    let (x, reconstructed) = (rows.x.select_rows(&worst), reconstructed.select_rows(&worst));
    let (found, returned) = (data.preprocess.inverse(&x)?, data.preprocess.inverse(&reconstructed)?);
    let cells = data.preprocess.cells();
    let row = |(at, &i): (usize, &usize)| {
        let share = |range: &std::ops::Range<usize>| {
            let pairs = x.row(at)[range.clone()].iter().zip(&reconstructed.row(at)[range.clone()]);
            pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>() / errors[i].max(f64::MIN_POSITIVE)
        };
        let mut shares: Vec<_> = cells.iter().map(|cell| (share(&cell.1), cell)).collect();
        shares.sort_by(|a, b| b.0.total_cmp(&a.0));
        shares.truncate(WORST.1);
        let text = |table: &data::Table, x: &Matrix, range: &std::ops::Range<usize>, place: Option<usize>| {
            match place {
                Some(place) => cell(&table.columns()[place].1, at),
                None => number(x.row(at)[range.start]),
            }
        };
        let columns = shares.into_iter().map(|(share, (name, range, place))| WorstColumn {
            name: (*name).to_owned(),
            found: text(&found, &x, range, *place),
            reconstructed: text(&returned, &reconstructed, range, *place),
            share,
        });
        let columns = columns.collect();
        let name = match &rows.ids {
            Some(ids) => ids[i].clone(),
            None => format!("row {}", rows.rows[i]),
        };
        WorstRow { name, error: errors[i], columns }
    };
    Ok(Some(Reconstructions::Rows(worst.iter().enumerate().map(row).collect())))
}

fn cell(values: &Values, row: usize) -> String {
    match values {
        Values::Numbers(v) => number(v[row]),
        Values::Integers(v) => v[row].to_string(),
        Values::Text(v) => v[row].clone().unwrap_or_default(),
    }
}
