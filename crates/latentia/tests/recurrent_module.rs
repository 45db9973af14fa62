//! Whole recurrent modules against PyTorch's, with its weights under its names.

use std::{collections::BTreeMap, path::PathBuf};

use burn::{
    module::Module,
    tensor::{Device, Tensor, TensorData},
};
use latentia::{
    artifact::files::{parse_tensors, read_json},
    nn::{RecurrentConfig, RecurrentContext, RecurrentStates},
    train::params::{HostTensor, Tensors, collect, collect_gradients, host_values, restore},
};
use serde_json::Value;

fn data(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/data").join(name)
}

/// The tensors whose names begin with `prefix`, without it.
fn under(tensors: &Tensors, prefix: &str) -> Tensors {
    let tensors =
        tensors.iter().filter_map(|(name, t)| Some((name.strip_prefix(prefix)?.to_owned(), t.clone())));
    tensors.collect()
}

fn three(host: &HostTensor, device: &Device) -> Tensor<3> {
    Tensor::from_data(TensorData::new(host.values.clone(), host.shape.clone()), device)
}

#[test]
fn modules_of_pytorch_give_the_same_outputs_and_gradients() {
    let cases: Vec<BTreeMap<String, Value>> = read_json(&data("recurrent_module.json")).unwrap();
    let path = data("recurrent_module.safetensors");
    let tensors = parse_tensors(&path, &std::fs::read(&path).unwrap()).unwrap();
    let device = Device::flex().autodiff();
    assert_eq!(cases.len(), 16);
    let mut wrong = Vec::new();
    for mut case in cases {
        let name = case.remove("name").unwrap().as_str().unwrap().to_owned();
        let lengths: Option<Vec<usize>> = serde_json::from_value(case.remove("lengths").unwrap()).unwrap();
        let config = case.into_iter().map(|(key, value)| (key.replace('_', "-"), value)).collect();
        let config: RecurrentConfig = serde_json::from_value(Value::Object(config)).unwrap();
        let values = under(&tensors, &format!("{name}/"));
        let weights = under(&values, "weights/");
        let module = config.init(3, 0, &Device::flex()).unwrap();
        let module = restore(module, &weights).unwrap();
        assert_eq!(collect(&module), weights, "{name}: the state dict comes back as it was");
        let module = module.train();

        let leaf = |key: &str| three(&values[key], &device).require_grad();
        let constant = |key: &str| three(&values[key], &Device::flex());
        let lstm = values.contains_key("c0");
        let (x, h0, c0) = (leaf("x"), leaf("h0"), lstm.then(|| leaf("c0")));
        let states = RecurrentStates { h: h0.clone(), c: c0.clone() };
        let context = RecurrentContext {
            lengths: lengths.as_deref(),
            states: Some(states),
            ..RecurrentContext::default()
        };
        let (y, last) = module.forward(x.clone(), context).unwrap();
        let mut loss = (y.clone() * constant("dy")).sum() + (last.h.clone() * constant("dh")).sum();
        let mut found = vec![("y", y), ("h", last.h)];
        if let Some(c) = last.c {
            loss = loss + (c.clone() * constant("dc")).sum();
            found.push(("c", c));
        }
        let mut gradients = loss.backward();
        found.push(("dx", x.grad(&gradients).unwrap()));
        found.push(("dh0", h0.grad(&gradients).unwrap()));
        found.extend(c0.map(|c0| ("dc0", c0.grad(&gradients).unwrap())));
        let found = found.into_iter().map(|(key, tensor)| (key.to_owned(), host_values(tensor)));
        let of_weights = collect_gradients(&module, &mut gradients).into_iter();
        let of_weights = of_weights.map(|(key, tensor)| (format!("gradients/{key}"), tensor.values));
        let mut compared = 0;
        for (key, found) in found.chain(of_weights) {
            let expected = &values[&key].values;
            assert_eq!(found.len(), expected.len(), "{name} {key}");
            compared += 1;
            for (i, (a, b)) in found.iter().zip(expected).enumerate() {
                if (a - b).abs() >= 2e-5 * (1.0 + b.abs()) || a.is_nan() {
                    wrong.push(format!("{name} {key}[{i}]: {a}, expected {b}"));
                }
            }
        }
        assert_eq!(compared, weights.len() + if lstm { 6 } else { 4 }, "{name}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
