//! What a decoder's output means: `p(x | h)`.

use std::ops::Range;

use burn::tensor::{Tensor, activation};
use latentia_ops::loss;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The family of `p(x | h)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LikelihoodKind {
    /// Bernoulli for images in [0, 1], categorical for documents and tables with categories, Gaussian for the rest.
    Auto,
    /// Identity output, half the squared error: a normal distribution of variance 1 around `x̂`.
    Gaussian,
    /// Sigmoid output, cross-entropy; for values in [0, 1].
    Bernoulli,
    /// Softmax over the columns of each categorical column or text, cross-entropy; numeric columns are Gaussian.
    /// Without categorical columns the whole row is one distribution: counts of words.
    Categorical,
}

impl LikelihoodKind {
    /// Its name in recipes.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Gaussian => "gaussian",
            Self::Bernoulli => "bernoulli",
            Self::Categorical => "categorical",
        }
    }
}

/// A likelihood that knows which columns belong together.
#[derive(Debug, Clone, PartialEq)]
pub struct Likelihood {
    /// `σ²` of Gaussian columns, where it is not learnt.
    variance: f64,
    /// Columns of each one-hot group.
    groups: Vec<Range<usize>>,
    /// Columns between 0 and 1.
    bernoulli: Vec<Range<usize>>,
    /// Columns that are real numbers.
    gaussian: Vec<Range<usize>>,
}

impl Likelihood {
    /// A likelihood over `width` columns, of which `groups` are one-hot.
    pub fn new(kind: LikelihoodKind, groups: &[Range<usize>], width: usize) -> Self {
        Self::of_views(&[(kind, 0..width)], groups)
    }

    /// A likelihood of its own for each of some views, whose columns follow each other; `groups` are one-hot.
    pub fn of_views(views: &[(LikelihoodKind, Range<usize>)], groups: &[Range<usize>]) -> Self {
        let mut this =
            Self { variance: 1.0, groups: Vec::new(), bernoulli: Vec::new(), gaussian: Vec::new() };
        for (kind, view) in views {
            let own = || groups.iter().filter(|g| view.start <= g.start && g.end <= view.end);
            match kind {
                LikelihoodKind::Bernoulli => append(&mut this.bernoulli, view.clone()),
                LikelihoodKind::Categorical if own().next().is_none() => this.groups.push(view.clone()),
                LikelihoodKind::Categorical => {
                    let mut from = view.start;
                    for group in own() {
                        append(&mut this.gaussian, from..group.start);
                        from = group.end;
                    }
                    append(&mut this.gaussian, from..view.end);
                    this.groups.extend(own().cloned());
                }
                LikelihoodKind::Gaussian | LikelihoodKind::Auto => append(&mut this.gaussian, view.clone()),
            }
        }
        this
    }

    /// With this variance of Gaussian columns in place of 1.
    pub fn with_variance(self, variance: f64) -> Self {
        Self { variance, ..self }
    }

    /// Number of Gaussian columns.
    pub(super) fn gaussian_columns(&self) -> usize {
        self.gaussian.iter().map(Range::len).sum()
    }

    /// What [`Likelihood::negative_log`] leaves out of `−log p(x | h)`, the same for every row: `½ n log 2πσ²` for `n`
    /// Gaussian columns, without `σ²` where it is learnt. (Of counts, the multinomial coefficient stays left out.)
    pub(super) fn constant(&self, learnt_variance: bool) -> f64 {
        let variance = if learnt_variance { 1.0 } else { self.variance };
        0.5 * self.gaussian_columns() as f64 * (2.0 * std::f64::consts::PI * variance).ln()
    }

    /// `−log p(x | h)` of every row, constants left out; `output` is the decoder's, before its link function.
    ///
    /// Gaussian `½ Σ (x − x̂)² / σ²`, Bernoulli `−Σ x log x̂ + (1 − x) log (1 − x̂)`, categorical `−Σ x log x̂`.
    pub fn negative_log(&self, output: Tensor<2>, x: Tensor<2>) -> Tensor<1> {
        self.of_target(output, &Target { x, weights: None }, None)
    }

    /// The same with weighted entries, and with a learnt `log σ²`, which adds `½ n log σ²` for `n` Gaussian columns.
    pub(super) fn of_target(
        &self,
        output: Tensor<2>,
        target: &Target,
        log_variance: Option<Tensor<1>>,
    ) -> Tensor<1> {
        let of_groups = self.groups.iter().map(|g| {
            // The loss is linear in its target.
            let part = target.part(g);
            let x = part.weights.map_or(part.x.clone(), |w| part.x * w);
            loss::categorical_with_logits(columns(&output, g), x)
        });
        let of_bits = self.bernoulli.iter().map(|r| {
            let (output, part) = (columns(&output, r), target.part(r));
            match part.weights {
                None => loss::bernoulli_with_logits(output, part.x),
                Some(weights) => {
                    let entries = activation::softplus(output.clone(), 1.0) - part.x * output;
                    (entries * weights).sum_dim(1).squeeze_dim(1)
                }
            }
        });
        let squares = self.gaussian.iter().map(|r| target.part(r).squared_error(columns(&output, r)));
        let gaussian = squares.reduce(|a, b| a + b).map(|s| self.gaussian(s, log_variance));
        let sum = of_groups.chain(of_bits).chain(gaussian).reduce(|a, b| a + b);
        sum.unwrap_or_else(|| output.clone().sum_dim(1).squeeze_dim(1) * 0.0)
    }

    /// `½ s / σ²` of squared errors `s`, and `½ n log σ²` where the variance is learnt.
    fn gaussian(&self, squares: Tensor<1>, log_variance: Option<Tensor<1>>) -> Tensor<1> {
        match log_variance {
            None => squares * (0.5 / self.variance),
            Some(log) => {
                let precision = log.clone().neg().exp() * 0.5;
                squares * precision + log * (0.5 * self.gaussian_columns() as f64)
            }
        }
    }

    /// `x̂`, the mean of `p(x | h)`, from the decoder's output.
    pub fn mean(&self, output: Tensor<2>) -> Tensor<2> {
        let mut parts: Vec<(usize, Tensor<2>)> = Vec::new();
        parts.extend(self.groups.iter().map(|g| (g.start, activation::softmax(columns(&output, g), 1))));
        parts.extend(self.bernoulli.iter().map(|r| (r.start, activation::sigmoid(columns(&output, r)))));
        parts.extend(self.gaussian.iter().map(|r| (r.start, columns(&output, r))));
        parts.sort_by_key(|(start, _)| *start);
        match parts.len() {
            1 => parts.remove(0).1,
            _ => Tensor::cat(parts.into_iter().map(|(_, part)| part).collect(), 1),
        }
    }
}

/// Adds a range, joined to the last one where it goes on from there: one product does for both.
fn append(ranges: &mut Vec<Range<usize>>, next: Range<usize>) {
    match ranges.last_mut() {
        _ if next.is_empty() => {}
        Some(last) if last.end == next.start => last.end = next.end,
        _ => ranges.push(next),
    }
}

/// Columns of a matrix.
fn columns(x: &Tensor<2>, range: &Range<usize>) -> Tensor<2> {
    if range.len() == x.dims()[1] {
        return x.clone();
    }
    x.clone().narrow(1, range.start, range.len())
}

/// What the decoder should return.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// `x`, `[batch, features]`.
    pub x: Tensor<2>,
    /// The weight of each entry in the loss; all 1 when `None`.
    pub weights: Option<Tensor<2>>,
}

impl Target {
    /// For outputs that hold `k` times the rows, one after the other. Without weights the losses themselves begin anew.
    pub(super) fn repeat(self, k: usize) -> Self {
        match self.weights {
            Some(weights) if k > 1 => {
                Self { x: self.x.repeat_dim(0, k), weights: Some(weights.repeat_dim(0, k)) }
            }
            weights => Self { x: self.x, weights },
        }
    }

    fn part(&self, range: &Range<usize>) -> Self {
        Self { x: columns(&self.x, range), weights: self.weights.as_ref().map(|w| columns(w, range)) }
    }

    /// `Σ w (x − x̂)²` of every row.
    fn squared_error(&self, output: Tensor<2>) -> Tensor<1> {
        match &self.weights {
            None => loss::squared_error(output, self.x.clone()),
            Some(weights) => {
                let root = weights.clone().sqrt();
                loss::squared_error(output * root.clone(), self.x.clone() * root)
            }
        }
    }
}
