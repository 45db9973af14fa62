//! Between Burn's CPU tensors and plain slices.

use burn::{
    backend::{Flex, TensorMetadata},
    tensor::{Tensor, TensorData},
};
use burn_flex::FlexTensor;
use std::sync::{Mutex, PoisonError};

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

/// Memory of tensors that were used up, for the next ones of about their size.
///
/// A training step makes and drops the same large arrays every time: logits, gradients of weights. Fresh from the allocator each
/// would cost a page fault every 4 KiB or a pass that clears it, several per cent of the step of a language model.
static FREE: Mutex<Vec<Vec<f32>>> = Mutex::new(Vec::new());

/// Smallest buffers that are kept, in numbers: allocators have smaller ones at hand. Debug builds keep all, so that every test
/// meets what is left over.
const LEAST: usize = if cfg!(debug_assertions) { 1 } else { 1 << 14 };
/// Most buffers that are kept; the oldest goes first.
const MOST: usize = 32;

/// `len` numbers for a kernel that writes all of them: they are left over from earlier use.
pub(crate) fn buffer(len: usize) -> Vec<f32> {
    if len < LEAST {
        return vec![0.0; len];
    }
    let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
    let fits = |v: &Vec<f32>| (len..=2 * len).contains(&v.capacity());
    let best = (0..free.len()).filter(|&i| fits(&free[i])).min_by_key(|&i| free[i].capacity());
    let found = best.map(|i| free.remove(i));
    drop(free);
    let mut values = found.unwrap_or_default();
    if values.capacity() == 0 {
        return vec![0.0; len];
    }
    values.resize(len, 0.0);
    values
}

/// Takes back the memory of a tensor that nothing else uses.
pub(crate) fn recycle(tensor: FlexTensor) {
    let len = tensor.shape().num_elements();
    let whole = tensor.is_contiguous() && tensor.bytes().len() == len * size_of::<f32>();
    if len < LEAST || !whole || !tensor.is_unique() {
        return;
    }
    if let Ok(values) = tensor.into_data().try_into_vec::<f32>() {
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() == MOST {
            free.remove(0);
        }
        free.push(values);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_comes_back_for_arrays_of_about_its_size() {
        // A size that no other test asks for.
        let len = (1 << 14) + 4321;
        let ones = vec![1.0; len];
        let place = ones.as_ptr();
        let kept = tensor(ones, [len]);
        let shared = kept.clone();
        recycle(kept);
        assert!(values(&shared).iter().all(|&v| v == 1.0), "what is still in use stays");
        recycle(shared);
        let small = buffer(len / 3);
        assert_ne!(small.as_ptr(), place, "too large");
        let again = buffer(len - 100);
        assert_eq!((again.as_ptr(), again.len()), (place, len - 100));
    }
}
