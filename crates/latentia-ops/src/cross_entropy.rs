//! Cross-entropy with one class a row, for vocabularies of any size.

use std::sync::Arc;

use burn::{
    backend::{
        Autodiff, Dispatch, Flex,
        autodiff::{
            checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
            grads::Gradients,
            ops::{Backward, Ops, OpsKind},
        },
        backend_extension,
        tensor::FloatTensor,
    },
    tensor::{Int, Tensor, TensorData, activation::log_softmax},
};
use burn_flex::FlexTensor;
use latentia_kernels::loss::{Labels, RowStatistics, TargetError, cross_entropy, cross_entropy_backward};

use crate::flex;

/// The class of each row.
#[derive(Debug, Clone)]
pub struct ClassTargets {
    /// `[B]`, each in `0..C` or the ignored index.
    pub index: Arc<[i64]>,
    /// Rows with this index count nothing: their loss and gradient are zero (padding).
    pub ignored: Option<i64>,
    /// Label smoothing `ε` (Szegedy et al. 2016).
    pub smoothing: f32,
}

impl ClassTargets {
    /// These classes, none ignored, not smoothed.
    pub fn new(index: impl Into<Arc<[i64]>>) -> Self {
        Self { index: index.into(), ignored: None, smoothing: 0.0 }
    }

    fn labels(&self) -> Labels<'_> {
        Labels { index: &self.index, ignored: self.ignored, smoothing: self.smoothing }
    }
}

/// `−(1 − ε) log softmax(l)_t − ε/C Σ_j log softmax(l)_j` of every row, for logits `l`: `[B, C]` and its class `t`, to `[B]`.
///
/// On the CPU backend the backward pass turns the logits into their gradient where they lie, if nothing else uses them: beside
/// them it would be the largest array of a language model.
///
/// # Errors
/// The first row whose target is no class.
///
/// # Panics
/// If there is not one target a row.
pub fn softmax_cross_entropy(logits: Tensor<2>, targets: &ClassTargets) -> Result<Tensor<1>, TargetError> {
    if !flex::on_cpu(&logits) {
        return softmax_cross_entropy_composed(logits, targets);
    }
    let [rows, classes] = logits.dims();
    assert_eq!(targets.index.len(), rows, "softmax_cross_entropy: one target a row");
    targets.labels().check(classes)?;
    let losses = Dispatch::class_cross_entropy(logits.into_dispatch(), targets.clone());
    Ok(Tensor::from_dispatch(losses))
}

/// The same from Burn's own operations, for every backend.
///
/// # Errors
/// The first row whose target is no class.
pub fn softmax_cross_entropy_composed(
    logits: Tensor<2>,
    targets: &ClassTargets,
) -> Result<Tensor<1>, TargetError> {
    let [rows, classes] = logits.dims();
    targets.labels().check(classes)?;
    let device = logits.device().inner();
    let counts = |t: &i64| targets.ignored != Some(*t);
    let index: Vec<i64> = targets.index.iter().map(|t| if counts(t) { *t } else { 0 }).collect();
    let counted: Vec<f32> = targets.index.iter().map(|t| f32::from(u8::from(counts(t)))).collect();
    let index = Tensor::<2, Int>::from_data(TensorData::new(index, [rows, 1]), &device);
    let counted = Tensor::<1>::from_data(TensorData::new(counted, [rows]), &device);
    let log = log_softmax(logits, 1);
    let (keep, share) = (1.0 - targets.smoothing, targets.smoothing / classes as f32);
    let mut losses = log.clone().gather(1, index).squeeze_dim::<1>(1) * -keep;
    if targets.smoothing != 0.0 {
        losses = losses - log.sum_dim(1).squeeze_dim::<1>(1) * share;
    }
    Ok(losses * counted)
}

#[backend_extension(Flex, Autodiff)]
pub(crate) trait CrossEntropyOps: burn::backend::Backend {
    fn class_cross_entropy(logits: FloatTensor<Self>, targets: ClassTargets) -> FloatTensor<Self>;
}

/// The losses, and what backward needs to know of each row.
fn forward(logits: &FlexTensor, targets: &ClassTargets) -> (FlexTensor, Vec<RowStatistics>) {
    let (rows, classes) = flex::dims(logits);
    let mut losses = vec![0.0; rows];
    let mut statistics = vec![RowStatistics::default(); rows];
    cross_entropy(classes, flex::values(logits), targets.labels(), &mut losses, &mut statistics)
        .expect("the targets were checked");
    (flex::tensor(losses, [rows]), statistics)
}

impl CrossEntropyOps for Flex {
    fn class_cross_entropy(logits: FloatTensor<Self>, targets: ClassTargets) -> FloatTensor<Self> {
        forward(&flex::contiguous(logits), &targets).0
    }
}

impl<C: CheckpointStrategy> CrossEntropyOps for Autodiff<Flex, C> {
    fn class_cross_entropy(logits: FloatTensor<Self>, targets: ClassTargets) -> FloatTensor<Self> {
        let node = logits.node();
        // A whole tensor: backward writes to all of its memory.
        let logits = logits.into_primitive().to_contiguous();
        let (losses, statistics) = forward(&logits, &targets);
        match CrossEntropyBackward.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(Saved { logits, statistics, targets }, losses),
            OpsKind::UnTracked(prep) => prep.finish(losses),
        }
    }
}

#[derive(Debug, Clone)]
struct Saved {
    logits: FlexTensor,
    statistics: Vec<RowStatistics>,
    targets: ClassTargets,
}

#[derive(Debug)]
struct CrossEntropyBackward;

impl Backward<Flex, 1> for CrossEntropyBackward {
    type State = Saved;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dloss = flex::contiguous(grads.consume::<Flex>(&ops.node));
        let [Some(node)] = ops.parents else { return };
        let Saved { mut logits, statistics, targets } = ops.state;
        let (_, classes) = flex::dims(&logits);
        let labels = targets.labels();
        cross_entropy_backward(classes, labels, &statistics, flex::values(&dloss), logits.storage_mut());
        grads.register::<Flex>(node.id, logits);
    }
}
