//! Cross-entropy over classes, embedding and layer normalisation against their compositions and finite differences.

mod common;

use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use common::{compare, differences, numbers, tensor, values};
use latentia_ops::{
    ClassTargets, embedding, embedding_composed, layer_norm, layer_norm_composed, softmax_cross_entropy,
    softmax_cross_entropy_composed,
};

fn targets(rows: usize, classes: usize, ignored: Option<i64>, smoothing: f32) -> ClassTargets {
    let class = |row: usize| match ignored {
        Some(ignored) if row % 3 == 1 => ignored,
        _ => ((row * 5 + 1) % classes) as i64,
    };
    ClassTargets { index: (0..rows).map(class).collect(), ignored, smoothing }
}

#[test]
fn cross_entropies_agree_forward_and_in_their_gradient() {
    let mut wrong = Vec::new();
    for [rows, classes] in [[1, 1], [1, 2], [7, 5], [33, 40], [5, 1000], [3, 20_000]] {
        for (ignored, smoothing) in [(None, 0.0), (Some(-1), 0.0), (None, 0.1), (Some(0), 0.2)] {
            let targets = targets(rows, classes, ignored, smoothing);
            let logits: Vec<f32> = numbers(rows * classes, 1).iter().map(|v| 5.0 * v).collect();
            type Loss = fn(Tensor<2>, &ClassTargets) -> Result<Tensor<1>, latentia_ops::TargetError>;
            let run = |loss: Loss| {
                let device = Device::flex().autodiff();
                let leaf = tensor(logits.clone(), [rows, classes], &device).require_grad();
                // A tensor that nothing else uses, and one that something else does.
                let losses = loss(leaf.clone() * 1.5, &targets).unwrap();
                let shared = loss(leaf.clone(), &targets).unwrap();
                let weights = tensor(numbers(rows, 2), [rows], &device.inner());
                let gradients = (losses.clone() * weights + shared).sum().backward();
                [values(losses), values(leaf.grad(&gradients).unwrap()), values(leaf)]
            };
            let name = format!("{rows}x{classes} {ignored:?} {smoothing}");
            let [fused, composed] = [run(softmax_cross_entropy), run(softmax_cross_entropy_composed)];
            for (a, b) in fused.iter().zip(&composed) {
                compare(&mut wrong, &name, a, b, 1e-5);
            }
            assert_eq!(fused[2], logits, "the leaf itself stays as it is");
            if rows * classes <= 40 {
                let slopes = differences(&logits, 1e-2, |logits| {
                    let device = Device::flex();
                    let loss = |scale: f32| {
                        let logits = tensor(logits.to_vec(), [rows, classes], &device) * scale;
                        values(softmax_cross_entropy(logits, &targets).unwrap())
                    };
                    let (scaled, plain) = (loss(1.5), loss(1.0));
                    let terms = scaled.iter().zip(&plain).zip(numbers(rows, 2));
                    terms.map(|((s, p), w)| f64::from(*s) * f64::from(w) + f64::from(*p)).sum()
                });
                compare(&mut wrong, &format!("slope of {name}"), &fused[1], &slopes, 2e-3);
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_target_or_an_index_out_of_range_is_an_error() {
    let device = Device::flex();
    let table = || tensor(numbers(6, 1), [3, 2], &device);
    let error = softmax_cross_entropy(table(), &ClassTargets::new([0, 2, 1])).unwrap_err();
    assert_eq!(error.to_string(), "the target of row 1 is 2, expected a class in 0..2");
    let index: Arc<[i64]> = [0, 1, 3].into();
    let error = embedding(table(), &index, None).unwrap_err();
    assert_eq!(error.to_string(), "index 2 is 3, expected a row in 0..3");
}

#[test]
fn embeddings_agree_forward_and_in_their_gradient() {
    let device = Device::flex().autodiff();
    let mut wrong = Vec::new();
    for (rows, width, uses) in [(1, 1, 1), (5, 3, 20), (100, 17, 7), (3, 4, 0)] {
        let index: Arc<[i64]> = (0..uses).map(|n| ((n * n + n) % rows) as i64).collect();
        for padding in [None, Some(0)] {
            let run = |embed: fn(_, &Arc<[i64]>, _) -> Result<Tensor<2>, _>| {
                let table = tensor(numbers(rows * width, 1), [rows, width], &device).require_grad();
                let y = embed(table.clone(), &index, padding)
                    .unwrap_or_else(|e: latentia_ops::IndexError| panic!("{e}"));
                let weights = tensor(numbers(uses * width, 2), [uses, width], &device.clone().inner());
                let gradients = (y.clone() * weights).sum().backward();
                [values(y), values(table.grad(&gradients).unwrap())]
            };
            if uses == 0 {
                let [y, gradient] = run(embedding);
                assert!(y.is_empty() && gradient.iter().all(|&v| v == 0.0));
                continue;
            }
            let [fused, composed] = [run(embedding), run(embedding_composed)];
            for (a, b) in fused.iter().zip(&composed) {
                compare(&mut wrong, &format!("{rows}x{width} {uses} {padding:?}"), a, b, 1e-6);
            }
            let first = &fused[1][..width];
            assert!(padding.is_none() || first.iter().all(|&v| v == 0.0), "the padding row learns nothing");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn layer_norms_agree_forward_and_in_every_gradient() {
    let mut wrong = Vec::new();
    for shape in [[1, 1, 2], [2, 3, 5], [4, 1, 33], [3, 7, 100]] {
        let [a, b, width] = shape;
        let arguments = [numbers(a * b * width, 1), numbers(width, 2), numbers(width, 3)];
        type Norm = fn(Tensor<3>, Tensor<1>, Tensor<1>, f32) -> Tensor<3>;
        let loss = |norm: Norm, [x, gamma, beta]: &[Vec<f32>; 3], device: &Device| {
            let x = tensor(x.clone(), shape, device);
            let [gamma, beta] = [gamma, beta].map(|v| tensor(v.clone(), [width], device));
            let leaves = (x, gamma, beta);
            let leaves = if !device.is_autodiff() {
                leaves
            } else {
                (leaves.0.require_grad(), leaves.1.require_grad(), leaves.2.require_grad())
            };
            let y = norm(leaves.0.clone(), leaves.1.clone(), leaves.2.clone(), 1e-5);
            let weights = tensor(numbers(a * b * width, 4), shape, &Device::flex());
            ((y.clone() * weights).sum(), y, leaves)
        };
        let run = |norm: Norm| {
            let (loss, y, leaves) = loss(norm, &arguments, &Device::flex().autodiff());
            let gradients = loss.backward();
            [
                values(y),
                values(leaves.0.grad(&gradients).unwrap()),
                values(leaves.1.grad(&gradients).unwrap()),
                values(leaves.2.grad(&gradients).unwrap()),
            ]
        };
        let [fused, composed] = [run(layer_norm), run(layer_norm_composed)];
        for (i, (a, b)) in fused.iter().zip(&composed).enumerate() {
            compare(&mut wrong, &format!("{shape:?} {i}"), a, b, 2e-5);
        }
        for i in (0..3).filter(|_| shape == [2, 3, 5]) {
            let slopes = differences(&arguments[i], 1e-2, |moved| {
                let mut arguments = arguments.clone();
                arguments[i] = moved.to_vec();
                f64::from(values(loss(layer_norm, &arguments, &Device::flex()).0)[0])
            });
            compare(&mut wrong, &format!("slope {i}"), &fused[i + 1], &slopes, 5e-3);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
