//! Rows of a table by index.

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
    tensor::{Int, Tensor, TensorData},
};
use burn_flex::FlexTensor;
use latentia_kernels::embedding::{self as kernel, IndexError};

use crate::flex;

/// `y_n = table_{index_n}`: `table`: `[V, width]`, `index`: `[N]`, `y`: `[N, width]`; differentiable in `table`.
///
/// No gradient reaches the row `padding`. Burn's gradients are dense: that of the table is as large as the table, zero but for
/// the rows in use.
///
/// # Errors
/// The first index that is no row of the table.
pub fn embedding(
    table: Tensor<2>,
    index: &Arc<[i64]>,
    padding: Option<i64>,
) -> Result<Tensor<2>, IndexError> {
    if !flex::on_cpu(&table) {
        return embedding_composed(table, index, padding);
    }
    kernel::check(index, table.dims()[0])?;
    let uses = Uses { index: index.clone(), padding };
    Ok(Tensor::from_dispatch(Dispatch::rows_of_table(table.into_dispatch(), uses)))
}

/// The same from Burn's own operations, for every backend.
///
/// # Errors
/// The first index that is no row of the table.
pub fn embedding_composed(
    table: Tensor<2>,
    index: &Arc<[i64]>,
    padding: Option<i64>,
) -> Result<Tensor<2>, IndexError> {
    kernel::check(index, table.dims()[0])?;
    let device = table.device().inner();
    let rows = index.len();
    let y = table.select(0, Tensor::<1, Int>::from_data(TensorData::new(index.to_vec(), [rows]), &device));
    let Some(padding) = padding else { return Ok(y) };
    let learnt = index.iter().map(|&i| f32::from(u8::from(i != padding))).collect();
    let learnt = Tensor::<2>::from_data(TensorData::new::<f32, _>(learnt, [rows, 1]), &device);
    Ok(y.clone() * learnt.clone() + y.detach() * (learnt.neg() + 1.0))
}

/// Which rows are asked for.
#[derive(Debug, Clone)]
pub(crate) struct Uses {
    index: Arc<[i64]>,
    padding: Option<i64>,
}

#[backend_extension(Flex, Autodiff)]
pub(crate) trait EmbeddingOps: burn::backend::Backend {
    fn rows_of_table(table: FloatTensor<Self>, uses: Uses) -> FloatTensor<Self>;
}

fn gather(table: &FlexTensor, uses: &Uses) -> FlexTensor {
    let (_, width) = flex::dims(table);
    let mut y = vec![0.0; uses.index.len() * width];
    kernel::gather(width, flex::values(table), &uses.index, &mut y).expect("the indices were checked");
    flex::tensor(y, [uses.index.len(), width])
}

impl EmbeddingOps for Flex {
    fn rows_of_table(table: FloatTensor<Self>, uses: Uses) -> FloatTensor<Self> {
        gather(&flex::contiguous(table), &uses)
    }
}

impl<C: CheckpointStrategy> EmbeddingOps for Autodiff<Flex, C> {
    fn rows_of_table(table: FloatTensor<Self>, uses: Uses) -> FloatTensor<Self> {
        let node = table.node();
        let table = flex::contiguous(table.into_primitive());
        let y = gather(&table, &uses);
        match EmbeddingBackward.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((uses, flex::dims(&table)), y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
    }
}

#[derive(Debug)]
struct EmbeddingBackward;

impl Backward<Flex, 1> for EmbeddingBackward {
    /// The indices, and the shape of the table.
    type State = (Uses, (usize, usize));

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = flex::contiguous(grads.consume::<Flex>(&ops.node));
        let [Some(node)] = ops.parents else { return };
        let (Uses { index, padding }, (rows, width)) = ops.state;
        let mut gradient = vec![0.0; rows * width];
        kernel::scatter_add(width, flex::values(&dy), &index, padding, &mut gradient)
            .expect("the indices were checked");
        grads.register::<Flex>(node.id, flex::tensor(gradient, [rows, width]));
    }
}
