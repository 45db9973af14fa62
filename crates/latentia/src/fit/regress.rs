//! How far a regressor is from the numbers of rows, beside their mean and least squares on the same rows.

use crate::{
    Result,
    data::{Dataset, Matrix, Preprocess, Split},
    evaluate::{self, LeastSquares},
    figures::{RegressionFigures, RegressionPart},
    model::Regress,
};

use super::measure::parts;

/// The widest rows that least squares is fitted to beside a regressor: seconds.
const LEAST_SQUARES_WIDTH: usize = 2000;

/// The errors of scaled targets `told` beside `actual`, each target in turn, in units of the file.
///
/// # Errors
/// When there is no row, or not as many of both.
pub fn regression_parts(
    preprocess: &Preprocess,
    name: &str,
    actual: &Matrix,
    told: &Matrix,
) -> Result<Vec<RegressionPart>> {
    let (actual, told) = (preprocess.unscale_targets(actual), preprocess.unscale_targets(told));
    let column = |y: &Matrix, j: usize| y.iter_rows().map(|row| f64::from(row[j])).collect::<Vec<_>>();
    let part = |(j, target): (usize, &crate::data::Feature)| {
        let errors = evaluate::regression_errors(&column(&actual, j), &column(&told, j))?;
        Ok(RegressionPart {
            name: name.to_owned(),
            target: target.name.clone(),
            rows: actual.rows(),
            rmse: errors.root_mean_square,
            mae: errors.mean_absolute,
            r_squared: errors.r_squared,
        })
    };
    preprocess.targets.iter().enumerate().map(part).collect()
}

/// The figures of a regressor, and the scaled targets that it tells the rows of `held_out`.
pub(super) fn measure(
    model: &dyn Regress,
    data: &Dataset,
    held_out: &Split,
) -> Result<(RegressionFigures, Matrix)> {
    let none = Matrix::default();
    let actual = |split: &'_ Split| split.targets.clone().unwrap_or_default();
    let mut figures = RegressionFigures { parts: Vec::new(), baselines: Vec::new() };
    let mut last = none;
    for (name, split) in parts(data) {
        last = model.predict(&split.x)?;
        figures.parts.extend(regression_parts(&data.preprocess, name, &actual(split), &last)?);
    }
    let beside = actual(held_out);
    // Scaled by the training rows, their mean is 0.
    let mean = Matrix::zeros(held_out.len(), model.targets());
    figures.baselines = regression_parts(&data.preprocess, "the mean", &beside, &mean)?;
    if data.width() <= LEAST_SQUARES_WIDTH {
        let linear = LeastSquares::fit(&data.train.x, &actual(&data.train))?.predict(&held_out.x)?;
        let found = regression_parts(&data.preprocess, "least squares", &beside, &linear)?;
        figures.baselines.extend(found);
    }
    Ok((figures, last))
}
