//! Numbers of PyTorch, written by tests/golden/recurrent.py: lines of a name and values.

use super::*;
use std::collections::HashMap;

#[test]
#[cfg_attr(miri, ignore = "about numbers; the others have smaller shapes")]
fn numbers_are_those_of_pytorch() {
    let _alone = three_threads();
    let text = include_str!("../../../../../tests/golden/data/recurrent.txt");
    let mut cases = 0;
    for block in text.split("\n\n") {
        let mut lines: HashMap<&str, &str> = HashMap::new();
        for line in block.lines().filter(|line| !line.starts_with('#')) {
            let (name, values) = line.split_once(' ').unwrap_or((line, ""));
            lines.insert(name, values);
        }
        let Some(&cell) = lines.get("cell") else { continue };
        cases += 1;
        let floats = |name: &str| -> Vec<f32> {
            let values = lines.get(name).unwrap_or_else(|| panic!("{cell}: no {name}"));
            values.split(' ').map(|v| v.parse().unwrap()).collect()
        };
        let whole = |name: &str| -> Vec<usize> { floats(name).into_iter().map(|v| v as usize).collect() };
        let shape: [usize; 4] = whole("shape").try_into().unwrap();
        let kind = match cell {
            "lstm" => Cell::Lstm,
            "gru" => Cell::Gru { reset_before: false },
            "tanh" => Cell::Rnn(Activation::Tanh),
            _ => Cell::Rnn(Activation::Relu),
        };
        let lstm = kind == Cell::Lstm;
        let of_lstm = |name: &str| if lstm { floats(name) } else { vec![0.0; shape[1] * shape[3]] };
        let case = Case {
            reverse: whole("reverse")[0] == 1,
            lengths: whole("lengths"),
            x: floats("x"),
            h0: floats("h0"),
            c0: of_lstm("c0"),
            weight_ih: floats("weight_ih"),
            weight_hh: floats("weight_hh"),
            bias_ih: floats("bias_ih"),
            bias_hh: floats("bias_hh"),
            dy: floats("dy"),
            dh: floats("dh"),
            dc: of_lstm("dc"),
            ..Case::new(kind, shape, 0)
        };
        for level in levels() {
            let got = with_level(level, || case.run());
            let check = |what: &str, got: &[f32]| {
                let name = format!("{what} of {cell} {:?} at {}", case.lengths, level.name());
                close(&name, got, &wide(&floats(&format!("want_{what}"))), 2e-6);
            };
            check("y", &got.y);
            check("h", &got.last[0]);
            for (i, what) in NAMES.iter().enumerate().filter(|&(i, _)| i != 2 || lstm) {
                check(what, &got.gradients[i]);
            }
            if lstm {
                check("c", &got.last[1]);
            }
        }
    }
    assert_eq!(cases, 12);
}
