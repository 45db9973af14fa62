//! Likelihood terms, one number a row.
//!
//! On the CPU backend the forward pass computes the losses and their gradient in one sweep; the backward pass scales the
//! rows of that gradient. Targets are constants: no gradient flows into them. There may be fewer of them than rows, a divisor of
//! the batch: row `i` has target `i mod n`.

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
    tensor::{Tensor, activation},
};
use burn_flex::FlexTensor;
use latentia_kernels::loss as kernel;

use crate::flex;

/// Which loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Term {
    SquaredError,
    Bernoulli,
    Categorical,
}

/// `Σ_j (output_j − target_j)²` of every row: `[batch, d]`, `[batch, d]` to `[batch]`.
pub fn squared_error(output: Tensor<2>, target: Tensor<2>) -> Tensor<1> {
    row_loss(Term::SquaredError, output, target)
}

/// `−Σ_j t log σ(l) + (1 − t) log (1 − σ(l)) = Σ_j softplus(l) − t l` of every row, for logits `l` and targets `t`
/// in [0, 1].
pub fn bernoulli_with_logits(logits: Tensor<2>, target: Tensor<2>) -> Tensor<1> {
    row_loss(Term::Bernoulli, logits, target)
}

/// `−Σ_j t_j log softmax(l)_j` of every row, for logits `l` and counts or shares `t`.
pub fn categorical_with_logits(logits: Tensor<2>, target: Tensor<2>) -> Tensor<1> {
    row_loss(Term::Categorical, logits, target)
}

fn row_loss(term: Term, output: Tensor<2>, target: Tensor<2>) -> Tensor<1> {
    if !flex::on_cpu(&output) {
        return row_loss_composed(term, output, target);
    }
    Tensor::from_dispatch(Dispatch::row_loss(output.into_dispatch(), target.into_dispatch(), term))
}

/// The same losses from Burn's own operations, for every backend.
fn row_loss_composed(term: Term, output: Tensor<2>, target: Tensor<2>) -> Tensor<1> {
    let target = match (output.dims()[0], target.dims()[0]) {
        (rows, targets) if targets < rows => target.repeat_dim(0, rows / targets),
        _ => target,
    };
    let entries = match term {
        Term::SquaredError => (output - target).powf_scalar(2.0),
        Term::Bernoulli => activation::softplus(output.clone(), 1.0) - target * output,
        Term::Categorical => (activation::log_softmax(output, 1) * target).neg(),
    };
    entries.sum_dim(1).squeeze_dim(1)
}

/// A row loss as a Burn operation of the CPU backend.
#[backend_extension(Flex, Autodiff)]
pub(crate) trait LossOps: burn::backend::Backend {
    fn row_loss(output: FloatTensor<Self>, target: FloatTensor<Self>, term: Term) -> FloatTensor<Self>;
}

/// The losses of the rows, and their gradient where it is wanted.
fn evaluate(
    term: Term,
    output: &FlexTensor,
    target: &FlexTensor,
    with_gradient: bool,
) -> (FlexTensor, Option<FlexTensor>) {
    let (batch, cols) = flex::dims(output);
    let mut losses = vec![0.0; batch];
    let mut gradient = flex::buffer(if with_gradient { batch * cols } else { 0 });
    let run = match term {
        Term::SquaredError => kernel::squared_error,
        Term::Bernoulli => kernel::bernoulli_with_logits,
        Term::Categorical => kernel::softmax_cross_entropy_dense,
    };
    let wanted = with_gradient.then_some(gradient.as_mut_slice());
    run(cols, flex::values(output), flex::values(target), &mut losses, wanted, 1.0);
    let gradient = with_gradient.then(|| flex::tensor(gradient, [batch, cols]));
    (flex::tensor(losses, [batch]), gradient)
}

impl LossOps for Flex {
    fn row_loss(output: FloatTensor<Self>, target: FloatTensor<Self>, term: Term) -> FloatTensor<Self> {
        evaluate(term, &output.to_contiguous(), &target.to_contiguous(), false).0
    }
}

impl<C: CheckpointStrategy> LossOps for Autodiff<Flex, C> {
    fn row_loss(output: FloatTensor<Self>, target: FloatTensor<Self>, term: Term) -> FloatTensor<Self> {
        let node = output.node();
        let output = output.into_primitive().to_contiguous();
        let target = target.into_primitive().to_contiguous();
        match RowLossBackward.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let (losses, gradient) = evaluate(term, &output, &target, true);
                match gradient {
                    Some(gradient) => prep.finish(gradient, losses),
                    None => unreachable!("the gradient was asked for"),
                }
            }
            OpsKind::UnTracked(prep) => prep.finish(evaluate(term, &output, &target, false).0),
        }
    }
}

#[derive(Debug)]
struct RowLossBackward;

impl Backward<Flex, 1> for RowLossBackward {
    /// `∂L_i/∂output`, `[batch, d]`.
    type State = FlexTensor;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let upstream = grads.consume::<Flex>(&ops.node).to_contiguous();
        let [Some(node)] = ops.parents else { return };
        let mut gradient = ops.state;
        let (_, cols) = flex::dims(&gradient);
        kernel::weigh_rows(cols, flex::values(&upstream), gradient.storage_mut());
        grads.register::<Flex>(node.id, gradient);
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;

    #[test]
    fn fused_and_composed_losses_agree_with_their_gradients() {
        let device = Device::flex().autodiff();
        let (rows, cols) = (12, 37);
        let numbers = |rows: usize, phase: f32, scale: f32| -> Vec<f32> {
            (0..rows * cols).map(|i| scale * (i as f32 * 0.61 + phase).sin()).collect()
        };
        let tensor =
            |rows: usize, v: Vec<f32>| Tensor::<2>::from_data(TensorData::new(v, [rows, cols]), &device);
        let target = |rows| tensor(rows, numbers(rows, 1.0, 0.5).iter().map(|v| v + 0.5).collect());
        let weights = Tensor::<1>::from_data(TensorData::new(vec![0.3f32; rows], [rows]), &device);
        let terms = [Term::SquaredError, Term::Bernoulli, Term::Categorical];
        // As many targets as rows, and a third of them.
        for (term, targets) in terms.into_iter().flat_map(|term| [(term, rows), (term, rows / 3)]) {
            let run = |loss: fn(Term, Tensor<2>, Tensor<2>) -> Tensor<1>| {
                let output = tensor(rows, numbers(rows, 0.0, 6.0)).require_grad();
                let losses = loss(term, output.clone(), target(targets));
                let gradients = (losses.clone() * weights.clone()).sum().backward();
                let values = |t: TensorData| t.try_into_vec::<f32>().unwrap();
                [values(losses.into_data()), values(output.grad(&gradients).unwrap().into_data())]
            };
            for (fused, composed) in run(row_loss).iter().zip(&run(row_loss_composed)) {
                for (a, b) in fused.iter().zip(composed) {
                    assert!((a - b).abs() < 1e-5 * (1.0 + b.abs()), "{term:?}: {a} against {b}");
                }
            }
        }
    }
}
