//! The Jacobian of the encoder, for contractive autoencoders.

use burn::tensor::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::nn::{Dense, LayerStack};

/// How `‖J‖²_F` is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ContractionEstimate {
    /// Exact for an encoder of one layer and for small codes, stochastic for the rest.
    Auto,
    /// In closed form for one layer, else by carrying every row of the Jacobian through the encoder.
    Exact,
    /// `‖vᵀJ‖²` for random signs `v`, whose mean is `‖J‖²_F` (Hutchinson 1990): about one more pass of the encoder.
    Stochastic,
}

/// The largest code whose Jacobian is carried whole where the choice is left to us: each number costs another pass.
const SMALL_CODE: usize = 16;

impl ContractionEstimate {
    /// Whether the whole Jacobian is used, for an encoder of this shape.
    pub(super) fn is_exact(self, layers: usize, code: usize) -> bool {
        match self {
            Self::Auto => layers == 1 || code <= SMALL_CODE,
            Self::Exact => true,
            Self::Stochastic => false,
        }
    }
}

/// `J = ∂h/∂x` of every row, `[batch, code, features]`, or combinations of its rows:
///
/// ```text
/// J = D_L W_L … D_1 W_1,   D_l = diag(f_l′(a_l))
/// ```
#[allow(clippy::large_enum_variant, reason = "at most two live at a time, and neither is moved often")]
pub(super) enum Jacobian {
    /// One layer, `J = diag(d) W`, never written out. `d`: `[batch, code]`, `W`: `[code, features]`.
    Layer { d: Tensor<2>, weight: Tensor<2> },
    /// `[batch, m, features]`: all rows of the Jacobian, or one combination `vᵀJ`.
    Rows(Tensor<3>),
}

/// `W` of an encoder layer.
fn weight(layer: &Dense) -> Tensor<2> {
    match &layer.weight {
        Some(weight) => weight.val(),
        None => unreachable!("an encoder has weights of its own"),
    }
}

impl Jacobian {
    /// The Jacobian of the first `code` outputs of `encoder`, from the derivatives of its layers
    /// ([`LayerStack::forward_with_derivatives`]); only `vᵀJ` where `v` `[batch, code]` is given.
    pub(super) fn new(
        encoder: &LayerStack,
        derivatives: &[Tensor<2>],
        code: usize,
        v: Option<Tensor<2>>,
    ) -> Self {
        let (of_maps, derivatives) = derivatives.split_at(encoder.convolutions.len());
        let last = encoder.layers.len() - 1;
        let d = derivatives[last].clone().narrow(1, 0, code);
        let w = weight(&encoder.layers[last]).narrow(0, 0, code);
        let [batch, _] = d.dims();
        let mut rows: Tensor<3> = match v {
            Some(v) => (v * d).matmul(w).unsqueeze_dim(1),
            None if last == 0 && of_maps.is_empty() => return Self::Layer { d, weight: w },
            None => d.unsqueeze_dim::<3>(2) * w.unsqueeze::<3>(),
        };
        for (layer, d) in encoder.layers.iter().zip(derivatives).take(last).rev() {
            let [_, m, _] = rows.dims();
            let w = weight(layer);
            let [out, inputs] = w.dims();
            let flat = (rows * d.clone().unsqueeze_dim::<3>(1)).reshape([batch * m, out]);
            rows = flat.matmul(w).reshape([batch, m, inputs]);
        }
        if let (Some(first), Some(top)) = (encoder.convolutions.first(), encoder.convolutions.last()) {
            let [_, m, inputs] = rows.dims();
            let mut flat = top.output_channels_last(rows.reshape([batch * m, inputs]));
            for (layer, d) in encoder.convolutions.iter().zip(of_maps).rev() {
                let [_, len] = d.dims();
                let each = flat.reshape([batch, m, len]) * d.clone().unsqueeze_dim::<3>(1);
                flat = layer.pull_back(each.reshape([batch * m, len]));
            }
            let flat = first.input_channels_first(flat);
            let [_, inputs] = flat.dims();
            rows = flat.reshape([batch, m, inputs]);
        }
        Self::Rows(rows)
    }

    /// `‖J‖²_F` of every row of the batch; of `vᵀJ`, an estimate of it.
    pub(super) fn squared_norm(self) -> Tensor<1> {
        match self {
            // Σ_j d_j² ‖W_j‖² (Rifai et al. 2011, equation 9).
            Self::Layer { d, weight } => d.square().matmul(weight.square().sum_dim(1)).squeeze_dim(1),
            Self::Rows(rows) => rows.square().sum_dim(2).sum_dim(1).squeeze_dims(&[1, 2]),
        }
    }

    /// `J − J′`, both of the same encoder and the same `v`.
    pub(super) fn minus(self, other: Self) -> Self {
        match (self, other) {
            (Self::Layer { d, weight }, Self::Layer { d: e, .. }) => Self::Layer { d: d - e, weight },
            (Self::Rows(a), Self::Rows(b)) => Self::Rows(a - b),
            _ => unreachable!("both Jacobians are made by the same estimate"),
        }
    }

    /// Every entry, `[batch, code, features]`.
    pub(super) fn entries(self) -> Tensor<3> {
        match self {
            Self::Layer { d, weight } => d.unsqueeze_dim::<3>(2) * weight.unsqueeze::<3>(),
            Self::Rows(rows) => rows,
        }
    }
}
