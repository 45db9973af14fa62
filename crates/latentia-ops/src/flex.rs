//! Between Burn's CPU tensors and plain slices.

use burn::{
    backend::{Flex, TensorMetadata},
    tensor::{Tensor, TensorData},
};
use burn_flex::FlexTensor;

/// Whether `tensor` lives on the CPU backend, where the kernels run.
pub(crate) fn on_cpu<const D: usize>(tensor: &Tensor<D>) -> bool {
    matches!(tensor.device().as_dispatch(), burn::backend::DispatchDevice::Flex(_))
        || matches!(tensor.device().inner().as_dispatch(), burn::backend::DispatchDevice::Flex(_))
}

/// A contiguous CPU tensor of these values.
pub(crate) fn tensor(values: Vec<f32>, shape: impl Into<burn::tensor::Shape>) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape.into()))
}

/// The values of a contiguous CPU tensor.
///
/// # Panics
/// When the tensor is not `f32` or not contiguous: callers make it so first.
pub(crate) fn values(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice::<f32>().expect("a contiguous f32 tensor")
}

/// The tensor itself where [`values`] can read it, be it part of a larger one; a copy otherwise.
pub(crate) fn contiguous(tensor: FlexTensor) -> FlexTensor {
    if tensor.is_contiguous() { tensor } else { tensor.to_contiguous() }
}

/// The rows and columns of a matrix.
pub(crate) fn dims(tensor: &FlexTensor) -> (usize, usize) {
    let shape = tensor.shape();
    (shape[0], shape[1])
}

/// The CPU primitive behind a tensor without autodiff.
pub(crate) fn primitive<const D: usize>(tensor: Tensor<D>) -> Option<FlexTensor> {
    tensor.try_into_primitive::<Flex>().ok()
}

/// The same, or nothing where there are no values.
pub(crate) fn tensor_if(values: Vec<f32>, shape: impl Into<burn::tensor::Shape>) -> Option<FlexTensor> {
    (!values.is_empty()).then(|| tensor(values, shape))
}
