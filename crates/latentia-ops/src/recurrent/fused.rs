//! All layers as one operation of the CPU backend.

use std::sync::{Arc, Mutex, PoisonError};

use burn::{
    backend::{
        Autodiff, Backend, BackendTensor, Dispatch, DispatchAutodiffContext, DispatchTensor,
        DispatchTensorKind, ExtensionType, Flex, TensorMetadata,
        autodiff::{
            checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
            grads::Gradients,
            ops::{Backward, NodeGuard, Ops, OpsKind},
        },
        backend_extension,
        tensor::FloatTensor,
    },
    tensor::Tensor,
};
use burn_flex::FlexTensor;
use latentia_kernels::recurrent::{
    self as kernel, LastStates, Layer, OutputGradients, Sequences, Stack, StackGradients, States,
    backward_stack, forward_stack,
};

use super::{Cell, Recurrence, RecurrentStates, RecurrentWeights, workspaces::Lease};
use crate::flex;

/// [`recurrent`](super::recurrent) on the CPU backend.
pub(super) fn recurrent(
    settings: &Recurrence,
    x: Tensor<3>,
    weights: &[RecurrentWeights],
    initial: Option<RecurrentStates>,
) -> (Tensor<3>, RecurrentStates) {
    let shape = Shape {
        states: initial.is_some(),
        cells: initial.as_ref().is_some_and(|states| states.c.is_some()),
        biases: weights.iter().all(|w| w.biases.is_some()),
    };
    let mut others = Vec::with_capacity(2 + 4 * weights.len());
    if let Some(RecurrentStates { h, c }) = initial {
        others.push(h.into_dispatch());
        others.extend(c.map(Tensor::into_dispatch));
    }
    for RecurrentWeights { weight_ih, weight_hh, biases } in weights {
        others.extend([weight_ih, weight_hh].map(|w| w.clone().into_dispatch()));
        others.extend(biases.iter().flatten().map(|b| b.clone().into_dispatch()));
    }
    let plan = Plan { settings: settings.clone(), shape };
    let (y, h, c) = Dispatch::recurrent(x.into_dispatch(), Many(others), plan);
    let c = (settings.cell == Cell::Lstm).then(|| Tensor::from_dispatch(c));
    (Tensor::from_dispatch(y), RecurrentStates { h: Tensor::from_dispatch(h), c })
}

/// Float tensors, as many as there are.
pub(crate) struct Many<B: Backend>(Vec<FloatTensor<B>>);

impl<B: Backend> ExtensionType<B> for Many<B> {
    type Target = Many<Dispatch>;

    fn map_to_dispatch<F>(self, map_kind: F, autodiff: DispatchAutodiffContext) -> Self::Target
    where
        F: Fn(BackendTensor<B>) -> DispatchTensorKind,
    {
        let wrap = |tensor| DispatchTensor { kind: map_kind(BackendTensor::Float(tensor)), autodiff };
        Many(self.0.into_iter().map(wrap).collect())
    }

    fn map_from_dispatch<F>(target: Self::Target, unwrap_kind: F) -> Self
    where
        F: Fn(DispatchTensor) -> BackendTensor<B>,
    {
        Many(target.0.into_iter().map(|tensor| unwrap_kind(tensor).float()).collect())
    }

    fn routing_tensor(target: &Self::Target) -> Option<&DispatchTensor> {
        target.0.first()
    }

    fn routing_float_tensor(target: &Self::Target) -> Option<&DispatchTensor> {
        target.0.first()
    }

    fn autodiff_context(target: &Self::Target) -> DispatchAutodiffContext {
        let none = DispatchAutodiffContext::Disabled;
        target.0.iter().fold(none, |context, tensor| context.merge(tensor.autodiff))
    }
}

/// Which of the other tensors there are: initial states, initial memory cells, then for each layer the two weights and the
/// two biases.
#[derive(Debug, Clone, Copy)]
struct Shape {
    states: bool,
    cells: bool,
    biases: bool,
}

impl Shape {
    /// Where the tensors of the first layer begin.
    fn first(self) -> usize {
        usize::from(self.states) + usize::from(self.cells)
    }

    /// Tensors of a layer.
    fn layer(self) -> usize {
        if self.biases { 4 } else { 2 }
    }
}

/// Everything but the tensors.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    settings: Recurrence,
    shape: Shape,
}

impl Plan {
    fn layers<'a>(&self, tensors: &'a [FlexTensor]) -> Vec<Layer<'a>> {
        let layer = |tensors: &'a [FlexTensor]| {
            let (_, inputs) = flex::dims(&tensors[0]);
            let (_, hidden) = flex::dims(&tensors[1]);
            Layer {
                cell: self.settings.cell,
                inputs,
                hidden,
                weight_ih: flex::values(&tensors[0]),
                weight_hh: flex::values(&tensors[1]),
                bias_ih: tensors.get(2).map(flex::values),
                bias_hh: tensors.get(3).map(flex::values),
            }
        };
        tensors[self.shape.first()..].chunks_exact(self.shape.layer()).map(layer).collect()
    }

    /// `y`, `h` and `c` (empty where the cell has none); what backward needs stays in the workspace.
    fn forward(&self, x: &FlexTensor, tensors: &[FlexTensor], lease: &mut Lease) -> [FlexTensor; 3] {
        let Recurrence { cell, bidirectional, lengths, dropout, .. } = &self.settings;
        let layers = self.layers(tensors);
        let stack = Stack { layers: &layers, bidirectional: *bidirectional };
        let [steps, batch, _] = x.shape().dims();
        let hidden = layers[0].hidden;
        let width = (1 + usize::from(*bidirectional)) * hidden;
        let states = layers.len() * batch * hidden;
        let lstm = *cell == Cell::Lstm;
        let mut y = flex::buffer(steps * batch * width);
        let mut h = flex::buffer(states);
        let mut c = flex::buffer(if lstm { states } else { 0 });
        let sequences =
            Sequences { x: flex::values(x), steps, batch, lengths: lengths.as_deref(), reverse: false };
        let initial = States {
            h: self.shape.states.then(|| flex::values(&tensors[0])),
            c: self.shape.cells.then(|| flex::values(&tensors[1])),
        };
        let last = LastStates { h: Some(&mut h), c: lstm.then_some(&mut c) };
        forward_stack(&stack, sequences, dropout.masks(), initial, &mut y, last, lease);
        let shape = [layers.len(), batch, hidden];
        [
            flex::tensor(y, [steps, batch, width]),
            flex::tensor(h, shape),
            flex::tensor(c, if lstm { shape } else { [0, batch, hidden] }),
        ]
    }
}

#[backend_extension(Flex, Autodiff)]
pub(crate) trait RecurrentOps: Backend {
    fn recurrent(
        x: FloatTensor<Self>,
        #[extension_type] others: Many<Self>,
        plan: Plan,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
}

impl RecurrentOps for Flex {
    fn recurrent(
        x: FloatTensor<Self>,
        others: Many<Self>,
        plan: Plan,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let others: Vec<_> = others.0.into_iter().map(flex::contiguous).collect();
        let mut lease = plan.settings.workspaces.lease();
        let [y, h, c] = plan.forward(&flex::contiguous(x), &others, &mut lease);
        (y, h, c)
    }
}

impl<C: CheckpointStrategy> RecurrentOps for Autodiff<Flex, C> {
    fn recurrent(
        x: FloatTensor<Self>,
        others: Many<Self>,
        plan: Plan,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        // An operation's number of parents is part of its type: a few sizes do for all, filled up with x.
        match 1 + others.0.len() {
            ..=8 => tracked::<C, 8>(x, others, plan),
            9..=16 => tracked::<C, 16>(x, others, plan),
            17..=36 => tracked::<C, 36>(x, others, plan),
            37..=68 => tracked::<C, 68>(x, others, plan),
            _ => tracked::<C, { 3 + 4 * super::MOST_LAYERS }>(x, others, plan),
        }
    }
}

type Tracked<C> = FloatTensor<Autodiff<Flex, C>>;

fn tracked<C: CheckpointStrategy, const N: usize>(
    x: Tracked<C>,
    others: Many<Autodiff<Flex, C>>,
    plan: Plan,
) -> (Tracked<C>, Tracked<C>, Tracked<C>) {
    let nodes: [NodeGuard; N] =
        std::array::from_fn(|i| match i.checked_sub(1).and_then(|i| others.0.get(i)) {
            Some(other) => other.node(),
            None => x.node(),
        });
    let x = flex::contiguous(x.into_primitive());
    let others: Vec<_> = others.0.into_iter().map(|t| flex::contiguous(t.into_primitive())).collect();
    let mut lease = plan.settings.workspaces.lease();
    let [y, h, c] = plan.forward(&x, &others, &mut lease);
    let states = Arc::new(Mutex::new([None, None]));
    let y = match RecurrentBackward.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prep) => {
            let saved = Saved {
                x: x.shape().dims(),
                y: y.shape().dims(),
                others,
                plan,
                states: states.clone(),
                lease: Arc::new(Mutex::new(lease)),
            };
            prep.finish(saved, y)
        }
        OpsKind::UnTracked(prep) => prep.finish(y),
    };
    let state = |which: usize, value: FlexTensor| match StateBackward
        .prepare::<C>([y.node()])
        .compute_bound()
        .stateful()
    {
        OpsKind::Tracked(prep) => prep.finish((which, states.clone()), value),
        OpsKind::UnTracked(prep) => prep.finish(value),
    };
    let (h, c) = (state(0, h), state(1, c));
    (y, h, c)
}

/// Gradients of the last states, on their way to the backward pass of all layers.
type StateGradients = Arc<Mutex<[Option<FlexTensor>; 2]>>;

/// The last states are operations of their own on top of `y`, so that the gradient of `y` arrives as it is: slices of one
/// tensor of all outputs would cost a tensor of zeros and an addition each. They leave their gradients where the pass finds
/// them; what they give to `y` is the zero that says that it takes part.
#[derive(Debug)]
struct StateBackward;

impl Backward<Flex, 1> for StateBackward {
    type State = (usize, StateGradients);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<Flex>(&ops.node);
        let (which, states) = ops.state;
        states.lock().unwrap_or_else(PoisonError::into_inner)[which] = Some(flex::contiguous(gradient));
        if let [Some(y)] = ops.parents {
            grads.register::<Flex>(y.id, flex::tensor(vec![0.0], [1, 1, 1]));
        }
    }
}

/// What the forward pass keeps for the backward pass, besides the workspace.
#[derive(Debug, Clone)]
struct Saved {
    x: [usize; 3],
    y: [usize; 3],
    others: Vec<FlexTensor>,
    plan: Plan,
    states: StateGradients,
    lease: Arc<Mutex<Lease>>,
}

#[derive(Debug)]
struct RecurrentBackward;

impl<const N: usize> Backward<Flex, N> for RecurrentBackward {
    type State = Saved;

    fn backward(self, ops: Ops<Self::State, N>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<Flex>(&ops.node);
        let Saved { x, y, others, plan, states, lease } = ops.state;
        // Of another shape it is the zero of the states.
        let dy = (dy.shape().dims::<3>() == y).then(|| flex::contiguous(dy));
        let [dh, dc] = std::mem::take(&mut *states.lock().unwrap_or_else(PoisonError::into_inner));
        let outputs = OutputGradients {
            dy: dy.as_ref().map(flex::values),
            dh: dh.as_ref().map(flex::values),
            dc: dc.as_ref().map(flex::values),
        };
        let wanted = |i: usize| ops.parents[i].is_some();
        let mut dx = wanted(0).then(|| flex::buffer(x.iter().product()));
        let mut gradients: Vec<Option<Vec<f32>>> = others
            .iter()
            .enumerate()
            .map(|(i, other)| wanted(i + 1).then(|| flex::buffer(other.shape().num_elements())))
            .collect();
        let (initial, weights) = gradients.split_at_mut(plan.shape.first());
        let mut initial = initial.iter_mut().map(Option::as_deref_mut);
        let layers = weights.chunks_exact_mut(plan.shape.layer()).map(|layer| {
            let mut layer = layer.iter_mut().map(Option::as_deref_mut);
            let mut next = || layer.next().flatten();
            kernel::Gradients {
                weight_ih: next(),
                weight_hh: next(),
                bias_ih: next(),
                bias_hh: next(),
                ..kernel::Gradients::default()
            }
        });
        let wanted = StackGradients {
            dx: dx.as_deref_mut(),
            dh0: initial.next().flatten(),
            dc0: initial.next().flatten(),
            layers: layers.collect(),
        };
        let stack = Stack { layers: &plan.layers(&others), bidirectional: plan.settings.bidirectional };
        let mut lease = lease.lock().unwrap_or_else(PoisonError::into_inner);
        backward_stack(&stack, plan.settings.dropout.masks(), outputs, wanted, &mut lease);

        [dy, dh, dc].into_iter().flatten().for_each(flex::recycle);
        let shapes = others.iter().map(|other| other.shape());
        let shapes = std::iter::once(x.into()).chain(shapes);
        let gradients = std::iter::once(dx).chain(gradients);
        for ((node, gradient), shape) in ops.parents.iter().zip(gradients).zip(shapes) {
            if let (Some(node), Some(gradient)) = (node, gradient) {
                grads.register::<Flex>(node.id, flex::tensor(gradient, shape));
            }
        }
    }
}
