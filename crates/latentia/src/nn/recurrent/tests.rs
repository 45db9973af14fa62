use burn::tensor::TensorData;

use super::*;
use crate::{
    random::{Purpose, stream},
    train::params::{collect, host_values, to_host},
};

fn config(cell: CellKind) -> RecurrentConfig {
    RecurrentConfig { cell, inputs: 3, hidden: 5, layers: 2, ..RecurrentConfig::default() }
}

fn x(shape: [usize; 3]) -> Tensor<3> {
    let values: Vec<f32> = (0..shape.iter().product()).map(|i| (i as f32 * 0.7).sin()).collect();
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

#[test]
fn parameters_have_the_names_of_pytorch() {
    let config = RecurrentConfig { bidirectional: true, ..config(CellKind::Gru) };
    let tensors = collect(&config.init(1, 0, &Device::flex()).unwrap());
    let names: Vec<&String> = tensors.keys().collect();
    let mut expected: Vec<String> = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]
        .iter()
        .flat_map(|name| ["_l0", "_l0_reverse", "_l1", "_l1_reverse"].map(|end| format!("{name}{end}")))
        .collect();
    expected.sort();
    assert_eq!(names, expected.iter().collect::<Vec<_>>());
    assert_eq!(tensors["weight_ih_l1"].shape, [15, 10]);
    let without = RecurrentConfig { bias: false, ..config };
    assert_eq!(collect(&without.init(1, 0, &Device::flex()).unwrap()).len(), 8);
}

#[test]
fn initial_weights_are_those_of_the_settings() {
    let init = |config: RecurrentConfig| collect(&config.init(1, 0, &Device::flex()).unwrap());
    let most = |tensors: &crate::train::params::Tensors| {
        tensors.values().flat_map(|t| &t.values).fold(0f32, |most, v| most.max(v.abs()))
    };
    let large = RecurrentConfig { hidden: 64, ..config(CellKind::Lstm) };
    let bound = most(&init(large.clone()));
    assert!(bound <= 0.125 && bound > 0.124, "1 / √64 bounds them: {bound}");
    assert!(most(&init(RecurrentConfig { range: 0.5, ..large.clone() })) > 0.49);
    assert_ne!(init(large.clone()), collect(&large.init(2, 0, &Device::flex()).unwrap()));
    assert_ne!(init(large.clone()), collect(&large.init(1, 1, &Device::flex()).unwrap()));

    let tensors =
        init(RecurrentConfig { orthogonal: true, forget_bias: Some(1.0), ..config(CellKind::Lstm) });
    for gate in tensors["weight_hh_l1"].values.chunks(25) {
        for (i, a) in gate.chunks(5).enumerate() {
            for (j, b) in gate.chunks(5).enumerate() {
                let dot: f32 = a.iter().zip(b).map(|(a, b)| a * b).sum();
                assert!((dot - if i == j { 1.0 } else { 0.0 }).abs() < 1e-5);
            }
        }
    }
    assert_eq!(tensors["bias_ih_l0"].values[5..10], [1.0; 5]);
    assert_eq!(tensors["bias_hh_l0"].values[5..10], [0.0; 5]);
}

#[test]
fn dropout_is_drawn_from_the_stream_it_is_given() {
    for variational in [false, true] {
        let config = RecurrentConfig { dropout: 0.4, variational, hidden: 50, ..config(CellKind::Lstm) };
        let module = config.init(1, 0, &Device::flex()).unwrap();
        let run = |step: u64| {
            let mut rng = stream(7, Purpose::Dropout, 0, step);
            let context = RecurrentContext { dropout: Some(&mut rng), ..RecurrentContext::default() };
            to_host(module.forward(x([6, 4, 3]), context).unwrap().0)
        };
        let none = to_host(module.forward(x([6, 4, 3]), RecurrentContext::default()).unwrap().0);
        assert_eq!(run(1), run(1));
        assert!(run(1) != run(2) && run(1) != none);
        let mut rng = stream(7, Purpose::Dropout, 0, 0);
        let mask = match module.masks(100, 20, &mut rng) {
            RecurrentDropout::Steps(mask) if !variational => mask,
            RecurrentDropout::Sequences(mask) if variational => mask,
            other => panic!("{other:?}"),
        };
        assert_eq!(mask.len(), if variational { 20 * 50 } else { 100 * 20 * 50 });
        let mean = mask.iter().sum::<f32>() / mask.len() as f32;
        assert!((mean - 1.0).abs() < 0.06, "kept units make up for dropped ones: {mean}");
        assert!(mask.iter().all(|&v| v == 0.0 || (v - 1.0 / 0.6).abs() < 1e-6));
    }
}

#[test]
fn steps_one_by_one_are_the_sequence() {
    for cell in [CellKind::Rnn, CellKind::Lstm, CellKind::Gru, CellKind::GruResetBefore] {
        let module = config(cell).init(4, 0, &Device::flex()).unwrap();
        let (y, last) = module.forward(x([7, 2, 3]), RecurrentContext::default()).unwrap();
        let (x, y) = (host_values(x([7, 2, 3])), host_values(y));
        let mut stepper = module.stepper().unwrap();
        let (mut h, mut c) = (vec![0.0; 2 * 2 * 5], vec![0.0; 2 * 2 * 5]);
        for (x, y) in x.chunks(2 * 3).zip(y.chunks(2 * 5)) {
            let c = (cell == CellKind::Lstm).then_some(&mut c[..]);
            let found = stepper.step(x, &mut h, c).unwrap();
            assert!(found.iter().zip(y).all(|(a, b)| (a - b).abs() < 1e-6), "{cell:?}");
        }
        assert!(h.iter().zip(host_values(last.h)).all(|(a, b)| (a - b).abs() < 1e-6), "{cell:?}");
        assert!(stepper.step(&[0.0; 6], &mut h[1..], None).is_err());
    }
}

/// `[B, T, I]` is `[T, B, I]` with the two swapped, and pieces that hand on their states are the whole.
#[test]
fn batch_first_and_pieces_change_nothing() {
    let module = config(CellKind::Lstm).init(4, 0, &Device::flex()).unwrap();
    let swapped = RecurrentConfig { batch_first: true, ..config(CellKind::Lstm) };
    let swapped = swapped.init(4, 0, &Device::flex()).unwrap();
    let (y, last) = module.forward(x([6, 2, 3]), RecurrentContext::default()).unwrap();
    let (other, _) = swapped.forward(x([6, 2, 3]).swap_dims(0, 1), RecurrentContext::default()).unwrap();
    assert_eq!(host_values(y.clone()), host_values(other.swap_dims(0, 1)));

    let (first, states) = module.forward(x([6, 2, 3]).narrow(0, 0, 2), RecurrentContext::default()).unwrap();
    let context = RecurrentContext { states: Some(states), ..RecurrentContext::default() };
    let (second, states) = module.forward(x([6, 2, 3]).narrow(0, 2, 4), context).unwrap();
    let pieces = host_values(Tensor::cat(vec![first, second], 0));
    assert!(pieces.iter().zip(host_values(y)).all(|(a, b)| (a - b).abs() < 1e-6));
    let same = host_values(states.h).into_iter().zip(host_values(last.h)).all(|(a, b)| (a - b).abs() < 1e-6);
    assert!(same);
}

#[test]
fn what_does_not_fit_is_refused_with_what_was_found() {
    let init = |config: RecurrentConfig| config.init(1, 0, &Device::flex());
    let cases = [
        (RecurrentConfig { hidden: 0, ..config(CellKind::Lstm) }, "model.hidden"),
        (
            RecurrentConfig { layers: 33, ..config(CellKind::Lstm) },
            "model.layers: found 33, expected at most 32",
        ),
        (RecurrentConfig { dropout: 1.0, ..config(CellKind::Lstm) }, "model.dropout"),
        (RecurrentConfig { forget_bias: Some(1.0), ..config(CellKind::Gru) }, "model.forget-bias"),
    ];
    for (config, expected) in cases {
        let error = init(config).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
    let module = init(config(CellKind::Gru)).unwrap();
    let forward = |x: Tensor<3>, lengths: Option<&[usize]>, states: Option<RecurrentStates>| {
        module.forward(x, RecurrentContext { lengths, states, dropout: None }).unwrap_err().to_string()
    };
    let zeros = |shape: [usize; 3]| Tensor::<3>::zeros(shape, &Device::flex());
    assert!(forward(x([2, 2, 4]), None, None).contains("found inputs of 4 features, expected 3"));
    assert!(
        forward(x([2, 2, 3]), Some(&[1, 3]), None).contains("found length 3 of row 1, expected at most 2")
    );
    let states = RecurrentStates { h: zeros([2, 1, 5]), c: None };
    assert!(forward(x([2, 2, 3]), None, Some(states)).contains("found states of shape [2, 1, 5]"));
    let states = RecurrentStates { h: zeros([2, 2, 5]), c: Some(zeros([2, 2, 5])) };
    assert!(forward(x([2, 2, 3]), None, Some(states)).contains("found states of another cell"));
    let both = init(RecurrentConfig { bidirectional: true, ..config(CellKind::Gru) }).unwrap();
    assert!(both.stepper().err().unwrap().to_string().starts_with("model.bidirectional"));
}
