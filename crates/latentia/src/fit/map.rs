//! Maps of the codes in the plane, and how faithful they are.

use crate::{
    Result,
    codes::pca::{Pca, PcaConfig},
    data::{Matrix, Split},
    evaluate,
    figures::MapFigures,
    model::Model,
    random::{Purpose, stream, subset},
};

/// Most points of a map.
pub(super) const MAP_ROWS: usize = 2000;
/// Most points that are measured: all pairs of them are compared.
pub const MEASURED_ROWS: usize = 1000;
/// Neighbours that are compared, as scikit-learn's `trustworthiness` does.
const NEIGHBOURS: usize = 5;

/// Rows in the plane.
#[derive(Debug, Clone)]
pub(super) struct Map {
    /// Whose map it is: the kind of the model, or PCA.
    pub name: String,
    /// The rows of the split it shows.
    pub rows: Vec<usize>,
    /// Where they are, `[rows, 2]`.
    pub points: Matrix,
    /// The names of the two axes.
    pub axis_names: [&'static str; 2],
    /// Share of the variance of the codes that the plane holds, where it is one of several.
    pub share: Option<f64>,
}

/// Codes in the plane: as they are when they have two numbers, else along their two principal components, with the share
/// of the variance these hold. `None` where there is nothing to draw.
///
/// # Errors
/// The decomposition does not converge.
pub fn plane(codes: &Matrix, seed: u64) -> Result<Option<(Matrix, Option<f64>)>> {
    match codes.cols() {
        2 if codes.rows() > 0 => Ok(Some((codes.clone(), None))),
        n if n > 2 && codes.rows() > 2 => {
            let pca = PcaConfig { code: 2, ..PcaConfig::default() }.fit(codes, seed)?;
            let share: f32 = pca.explained_variance_ratio().iter().sum();
            Ok(Some((pca.encode(codes)?, Some(f64::from(share)))))
        }
        _ => Ok(None),
    }
}

/// How faithful `points` in the plane are to the rows `x` (at most [`MEASURED_ROWS`], for time); `None` for so few rows
/// that all are neighbours.
///
/// # Errors
/// A value that is not finite, or lists of different lengths.
pub fn map_figures(
    name: &str,
    x: &Matrix,
    points: &Matrix,
    labels: Option<&[u32]>,
) -> Result<Option<MapFigures>> {
    let rows = x.rows();
    let k = NEIGHBOURS.min(rows.saturating_sub(1) / 2);
    if k == 0 {
        return Ok(None);
    }
    let (trustworthiness, continuity) = evaluate::trustworthiness_and_continuity(x, points, k)?;
    Ok(Some(MapFigures {
        name: name.to_owned(),
        rows,
        k,
        trustworthiness,
        continuity,
        neighbour_accuracy: match labels {
            Some(labels) => Some(evaluate::leave_one_out_accuracy(points, labels, k)?),
            None => None,
        },
    }))
}

/// The model's map of some rows and, beside any model but PCA, that of `pca`, which has learned from the training rows.
pub(super) fn maps(model: &dyn Model, pca: Option<&Pca>, split: &Split, seed: u64) -> Result<Vec<Map>> {
    let Some(encoder) = model.as_encode() else { return Ok(Vec::new()) };
    let rows = subset(split.len(), MAP_ROWS, &mut stream(seed, Purpose::Report, 1, 0));
    let x = split.x.rows_at(&rows);
    let Some((points, share)) = plane(&encoder.encode(&x)?, seed)? else { return Ok(Vec::new()) };
    let axis_names = match share {
        None => ["first number", "second number"],
        Some(_) => PRINCIPAL,
    };
    let mut maps = vec![Map { name: model.kind().to_owned(), rows: rows.clone(), points, axis_names, share }];
    if let Some(pca) = pca.filter(|pca| pca.code() >= 2) {
        let points = pca.truncated(2).encode(&x)?;
        maps.push(Map { name: "PCA".to_owned(), rows, points, axis_names: PRINCIPAL, share: None });
    }
    Ok(maps)
}

const PRINCIPAL: [&str; 2] = ["first principal component", "second principal component"];

impl Map {
    /// The rows that are measured, and their places on the map.
    pub(super) fn measured(&self) -> (Vec<usize>, Matrix) {
        let step = self.rows.len().div_ceil(MEASURED_ROWS).max(1);
        let kept: Vec<usize> = (0..self.rows.len()).step_by(step).collect();
        (kept.iter().map(|&i| self.rows[i]).collect(), self.points.select_rows(&kept))
    }

    /// How faithful it is to the rows of `split`.
    pub(super) fn figures(&self, split: &Split) -> Result<Option<MapFigures>> {
        let (rows, points) = self.measured();
        let labels = split.labels.as_ref().map(|labels| rows.iter().map(|&i| labels[i]).collect::<Vec<_>>());
        map_figures(&self.name, &split.x.rows_at(&rows), &points, labels.as_deref())
    }
}
