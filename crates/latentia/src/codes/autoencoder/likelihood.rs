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

/// A likelihood that knows which columns belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Likelihood {
    kind: LikelihoodKind,
    /// Columns of each one-hot group.
    groups: Vec<Range<usize>>,
    /// Columns outside every group.
    rest: Vec<Range<usize>>,
}

impl Likelihood {
    /// A likelihood over `width` columns, of which `groups` are one-hot.
    pub fn new(kind: LikelihoodKind, groups: &[Range<usize>], width: usize) -> Self {
        let groups = match (kind, groups.is_empty()) {
            (LikelihoodKind::Categorical, true) => std::iter::once(0..width).collect(),
            (LikelihoodKind::Categorical, false) => groups.to_vec(),
            _ => Vec::new(),
        };
        let mut rest = Vec::new();
        let mut from = 0;
        for group in groups.iter().chain([&(width..width)]) {
            if from < group.start {
                rest.push(from..group.start);
            }
            from = group.end;
        }
        Self { kind, groups, rest }
    }

    /// The family.
    pub fn kind(&self) -> LikelihoodKind {
        self.kind
    }

    /// `−log p(x | h)` of every row, constants left out; `output` is the decoder's, before its link function.
    ///
    /// Gaussian `½ Σ (x − x̂)²`, Bernoulli `−Σ x log x̂ + (1 − x) log (1 − x̂)`, categorical `−Σ x log x̂`.
    pub fn negative_log(&self, output: Tensor<2>, x: Tensor<2>) -> Tensor<1> {
        match self.kind {
            LikelihoodKind::Bernoulli => loss::bernoulli_with_logits(output, x),
            LikelihoodKind::Categorical => {
                let part =
                    |t: &Tensor<2>, range: &Range<usize>| t.clone().narrow(1, range.start, range.len());
                let of_groups =
                    self.groups.iter().map(|g| loss::categorical_with_logits(part(&output, g), part(&x, g)));
                let of_rest =
                    self.rest.iter().map(|r| loss::squared_error(part(&output, r), part(&x, r)) * 0.5);
                let sum = of_groups.chain(of_rest).reduce(|a, b| a + b);
                sum.unwrap_or_else(|| output.clone().sum_dim(1).squeeze_dim(1) * 0.0)
            }
            LikelihoodKind::Gaussian | LikelihoodKind::Auto => loss::squared_error(output, x) * 0.5,
        }
    }

    /// `x̂`, the mean of `p(x | h)`, from the decoder's output.
    pub fn mean(&self, output: Tensor<2>) -> Tensor<2> {
        match self.kind {
            LikelihoodKind::Bernoulli => activation::sigmoid(output),
            LikelihoodKind::Categorical => {
                let mut parts: Vec<(usize, Tensor<2>)> = Vec::new();
                for g in &self.groups {
                    let logits = output.clone().narrow(1, g.start, g.len());
                    parts.push((g.start, activation::softmax(logits, 1)));
                }
                for r in &self.rest {
                    parts.push((r.start, output.clone().narrow(1, r.start, r.len())));
                }
                parts.sort_by_key(|(start, _)| *start);
                Tensor::cat(parts.into_iter().map(|(_, part)| part).collect(), 1)
            }
            LikelihoodKind::Gaussian | LikelihoodKind::Auto => output,
        }
    }
}
