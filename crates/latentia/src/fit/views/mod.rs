//! What each view of a row says of the others: errors across views, searches across views, and what linear models make of it.

mod linear;
mod section;

#[cfg(test)]
mod tests;

use std::ops::Range;

use linear::{Linear, columns, mean};
pub(super) use section::section;

use super::measure::Voters;
use crate::{
    Result,
    codes::pca::{Pca, PcaConfig},
    data::{Dataset, Matrix, Preprocess, Split},
    evaluate::{Recall, pair_ranks},
    figures::{ViewError, ViewFigures, ViewNeighbours, ViewSearch},
    model::Model,
};

/// Most rows that are measured on: searches compare each with all.
pub const VIEWED_ROWS: usize = 2000;

/// Rows of which one view is kept and the others are 0; all are kept when there is none.
fn only(x: &Matrix, view: Option<&Range<usize>>) -> Matrix {
    let Some(view) = view else { return x.clone() };
    let mut alone = Matrix::zeros(x.rows(), x.cols());
    for (i, row) in x.iter_rows().enumerate() {
        alone.row_mut(i)[view.clone()].copy_from_slice(&row[view.clone()]);
    }
    alone
}

/// The figures of a model on rows of this schema, without baselines; `None` for rows without views.
///
/// # Errors
/// Those of the model.
pub fn view_figures(
    model: &dyn Model,
    preprocess: &Preprocess,
    x: &Matrix,
    part: &str,
) -> Result<Option<ViewFigures>> {
    let ranges = preprocess.view_ranges();
    let rows = x.head(VIEWED_ROWS);
    if ranges.is_empty() || rows.rows() == 0 {
        return Ok(None);
    }
    let name = |(name, _): &(&str, Range<usize>)| (*name).to_owned();
    let mut figures = ViewFigures {
        part: part.to_owned(),
        rows: rows.rows(),
        views: ranges.iter().map(name).collect(),
        ..ViewFigures::default()
    };
    let sources = || std::iter::once(None).chain(ranges.iter().map(Some));
    if let Some(model) = model.as_reconstruct() {
        for from in sources() {
            let rebuilt = model.reconstruct(&only(&rows, from.map(|(_, range)| range)))?;
            for view in &ranges {
                let (x, rebuilt) = (columns(&rows, &view.1), columns(&rebuilt, &view.1));
                figures.errors.push(ViewError {
                    from: from.map(name),
                    of: name(view),
                    squared_error: mean(&crate::codes::squared_errors(&x, &rebuilt)),
                    linear: None,
                    mean: None,
                });
            }
        }
    }
    if let Some(model) = model.as_encode().filter(|_| model.as_assign().is_none()) {
        let codes: Vec<Matrix> =
            ranges.iter().map(|(_, range)| model.encode(&only(&rows, Some(range)))).collect::<Result<_>>()?;
        for (a, from) in ranges.iter().zip(&codes) {
            for (b, to) in ranges.iter().zip(&codes).filter(|(b, _)| b.0 != a.0) {
                let recall = Recall::of(&pair_ranks(from, to)?)?;
                figures.searches.push(ViewSearch { from: name(a), to: name(b), recall, linear: None });
            }
        }
    }
    Ok(Some(figures))
}

/// The figures on held-out rows, with linear models beside them.
pub(super) fn measure(
    model: &dyn Model,
    pca: Option<&Pca>,
    data: &Dataset,
    (part, held_out): (&str, &Split),
    seed: u64,
) -> Result<Option<ViewFigures>> {
    let Some(mut figures) = view_figures(model, &data.preprocess, &held_out.x, part)? else {
        return Ok(None);
    };
    let ranges = data.preprocess.view_ranges();
    let x = held_out.x.head(VIEWED_ROWS);
    let place = |name: &str| ranges.iter().position(|(view, _)| *view == name).unwrap_or_default();
    let linear = Linear::fit(data, seed)?;
    let code = model.as_encode().map(|model| model.code_size());
    let whole = pca.map(|pca| pca.reconstruct(&x)).transpose()?;
    for error in &mut figures.errors {
        let to = place(&error.of);
        let range = &ranges[to].1;
        let own = columns(&x, range);
        let train = columns(&data.train.x, range);
        error.mean = Some(mean_error(&train, &own));
        error.linear = match (error.from.as_deref().map(place), code) {
            (Some(from), _) if from != to => Some(linear.error(from, to, &x)?),
            (Some(_), Some(code)) => {
                let code = code.min(train.rows() - 1).min(train.cols());
                let pca = PcaConfig { code, ..PcaConfig::default() }.fit(&train, seed)?;
                Some(mean(&pca.squared_errors(&own)?))
            }
            (None, _) => {
                whole.as_ref().map(|whole| mean(&crate::codes::squared_errors(&own, &columns(whole, range))))
            }
            (Some(_), None) => None,
        };
    }
    if let Some(code) = code {
        for search in &mut figures.searches {
            let (from, to) = (place(&search.from), place(&search.to));
            search.linear = Some(linear.recall(from, to, code, &x)?);
        }
        if let Some(voters) = Voters::new(model, data, held_out, seed) {
            figures.neighbours = neighbours(&voters, pca, data)?;
        }
    }
    Ok(Some(figures))
}

/// The mean squared error of `x` rebuilt as the mean of `train`.
fn mean_error(train: &Matrix, x: &Matrix) -> f64 {
    let n = train.rows().max(1) as f64;
    let means = train.iter_rows().fold(vec![0f64; train.cols()], |mut sums, row| {
        sums.iter_mut().zip(row).for_each(|(sum, &v)| *sum += f64::from(v) / n);
        sums
    });
    let error = |row: &[f32]| row.iter().zip(&means).map(|(&v, m)| (f64::from(v) - m).powi(2)).sum();
    mean(&x.iter_rows().map(error).collect::<Vec<f64>>())
}

/// How often the nearest training rows, coded from all views, tell the class of rows coded from some.
fn neighbours(voters: &Voters<'_>, pca: Option<&Pca>, data: &Dataset) -> Result<Vec<ViewNeighbours>> {
    let Voters { encoder, train, test, k, .. } = voters;
    let codes = encoder.encode(train)?;
    let of_pca = pca.map(|pca| pca.encode(train)).transpose()?;
    let ranges = data.preprocess.view_ranges();
    let sources = std::iter::once(None).chain(ranges.iter().map(Some));
    let measured = sources.map(|from| {
        let asked = only(test, from.map(|(_, range)| range));
        let in_pca = match (pca, &of_pca) {
            (Some(pca), Some(codes)) => Some(voters.accuracy(codes, &pca.encode(&asked)?)?),
            _ => None,
        };
        let own = from.map_or(0..train.cols(), |(_, range)| range.clone());
        Ok(ViewNeighbours {
            from: from.map(|(name, _)| (*name).to_owned()),
            k: *k,
            in_code: voters.accuracy(&codes, &encoder.encode(&asked)?)?,
            in_pca,
            in_view: voters.accuracy(&columns(train, &own), &columns(test, &own))?,
        })
    });
    measured.collect()
}
