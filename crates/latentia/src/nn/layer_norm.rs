//! Layer normalisation.

use burn::{
    module::{Module, Param},
    tensor::{Device, Tensor},
};
use latentia_ops::layer_norm;

use crate::{Error, Result};

/// `y = γ (x − μ) / √(σ² + ε) + β`, with the mean `μ` and the biased variance `σ²` of each row over its `width` features (Ba,
/// Kiros & Hinton 2016, equation 4): rows keep neither their size nor their level, and none depends on those beside it.
///
/// `γ` and `β`: `[width]`, called `weight` and `bias` as PyTorch calls them.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use latentia::nn::LayerNorm;
///
/// # fn main() -> latentia::Result<()> {
/// let device = Device::flex();
/// let norm = LayerNorm::init(2, LayerNorm::EPSILON, &device)?;
/// let x = Tensor::<2>::from_data([[1.0, 3.0], [50.0, 10.0]], &device);
/// let y: Vec<f32> = norm.forward(x)?.into_data().try_into_vec().unwrap();
/// for (y, expected) in y.iter().zip([-1.0, 1.0, 1.0, -1.0]) {
///     assert!((y - expected).abs() < 1e-4);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Module, Debug)]
pub struct LayerNorm {
    /// `γ`.
    pub weight: Param<Tensor<1>>,
    /// `β`.
    pub bias: Param<Tensor<1>>,
    #[module(skip)]
    epsilon: f64,
}

impl LayerNorm {
    /// PyTorch's `ε`.
    pub const EPSILON: f64 = 1e-5;

    /// `γ = 1` and `β = 0` for `width` features.
    ///
    /// # Errors
    /// No features, or an `epsilon` that is not a positive number.
    pub fn init(width: usize, epsilon: f64, device: &Device) -> Result<Self> {
        if width == 0 {
            return Err(Error::config("layer-norm", "found 0 features, expected at least 1"));
        }
        if !(epsilon.is_finite() && epsilon as f32 > 0.0) {
            return Err(Error::config("epsilon", format!("found {epsilon}, expected a positive number")));
        }
        let weight = Param::from_tensor(Tensor::ones([width], device));
        let bias = Param::from_tensor(Tensor::zeros([width], device));
        Ok(Self { weight, bias, epsilon })
    }

    /// `y` of the shape of `x`, `[…, width]`.
    ///
    /// # Errors
    /// The last dimension of `x` is not `width`.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Result<Tensor<D>> {
        let (width, found) = (self.weight.shape().dims::<1>()[0], x.dims()[D - 1]);
        if found != width {
            return Err(Error::config("layer-norm", format!("found {found} features, expected {width}")));
        }
        Ok(layer_norm(x, self.weight.val(), self.bias.val(), self.epsilon as f32))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use burn::tensor::TensorData;
    use serde::Deserialize;

    use super::*;
    use crate::{
        artifact::files::read_json,
        train::params::{HostTensor, Tensors, collect, collect_gradients, host_values, restore},
    };

    #[derive(Deserialize)]
    struct Case {
        shape: [usize; 3],
        epsilon: f64,
        x: Vec<f32>,
        weight: Vec<f32>,
        bias: Vec<f32>,
        dy: Vec<f32>,
        y: Vec<f32>,
        dx: Vec<f32>,
        dweight: Vec<f32>,
        dbias: Vec<f32>,
    }

    #[test]
    fn outputs_and_gradients_are_those_of_pytorch() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/data/layer_norm.json");
        let cases: Vec<Case> = read_json(&path).unwrap();
        assert_eq!(cases.len(), 5);
        let device = Device::flex().autodiff();
        let mut wrong = Vec::new();
        for case in cases {
            let width = case.shape[2];
            let vector = |values: &[f32]| HostTensor { shape: vec![width], values: values.to_vec() };
            let state =
                Tensors::from([("weight".into(), vector(&case.weight)), ("bias".into(), vector(&case.bias))]);
            let norm = LayerNorm::init(width, case.epsilon, &Device::flex()).unwrap();
            let norm = restore(norm, &state).unwrap();
            assert_eq!(collect(&norm), state, "the state dict comes back as it was");
            let norm = norm.train();
            let three = |v: &[f32], device: &Device| -> Tensor<3> {
                Tensor::from_data(TensorData::new(v.to_vec(), case.shape), device)
            };
            let x = three(&case.x, &device).require_grad();
            let y = norm.forward(x.clone()).unwrap();
            let mut gradients = (y.clone() * three(&case.dy, &Device::flex())).sum().backward();
            let dx = host_values(x.grad(&gradients).unwrap());
            let of_weights = collect_gradients(&norm, &mut gradients);
            for (name, found, expected) in [
                ("y", &host_values(y), &case.y),
                ("dx", &dx, &case.dx),
                ("dweight", &of_weights["weight"].values, &case.dweight),
                ("dbias", &of_weights["bias"].values, &case.dbias),
            ] {
                assert_eq!(found.len(), expected.len(), "{:?} {name}", case.shape);
                for (i, (a, b)) in found.iter().zip(expected).enumerate() {
                    if (a - b).abs() > 2e-5 * (1.0 + b.abs()) || a.is_nan() {
                        wrong.push(format!("{:?} {name}[{i}]: {a}, expected {b}", case.shape));
                    }
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let device = Device::flex();
        assert!(LayerNorm::init(0, LayerNorm::EPSILON, &device).is_err());
        for epsilon in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-60] {
            assert!(LayerNorm::init(3, epsilon, &device).is_err(), "{epsilon}");
        }
        let norm = LayerNorm::init(3, LayerNorm::EPSILON, &device).unwrap();
        let error = norm.forward(Tensor::<2>::zeros([2, 4], &device)).unwrap_err().to_string();
        assert!(error.contains("found 4 features, expected 3"), "{error}");
    }
}
