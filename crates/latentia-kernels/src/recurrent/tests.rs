//! Every cell against a scalar f64 reference, gradients against finite differences of it, PyTorch's numbers, variable
//! lengths, equal bits for any number of threads.

mod edges;
mod golden;
mod reference;
mod stack;

use super::*;
use crate::gemm::tests::numbers;
use crate::simd::{tests::levels, with_level};
use crate::threads::{tests::three_threads, with_limit};
use reference::{Case, wide};

pub(super) const CELLS: [Cell; 6] = [
    Cell::Rnn(Activation::Tanh),
    Cell::Rnn(Activation::Relu),
    Cell::Rnn(Activation::Identity),
    Cell::Lstm,
    Cell::Gru { reset_before: false },
    Cell::Gru { reset_before: true },
];

/// What forward and backward give.
#[derive(Clone, Debug, PartialEq, Default)]
pub(super) struct Results {
    pub(super) y: Vec<f32>,
    pub(super) last: [Vec<f32>; 2],
    /// dx, dh0, dc0, weight_ih, weight_hh, bias_ih, bias_hh.
    pub(super) gradients: [Vec<f32>; 7],
}

pub(super) const NAMES: [&str; 7] = ["dx", "dh0", "dc0", "weight_ih", "weight_hh", "bias_ih", "bias_hh"];

impl Case {
    fn lstm(&self) -> bool {
        self.cell == Cell::Lstm
    }

    pub(super) fn layer(&self) -> Layer<'_> {
        Layer {
            cell: self.cell,
            inputs: self.inputs,
            hidden: self.hidden,
            weight_ih: &self.weight_ih,
            weight_hh: &self.weight_hh,
            bias_ih: Some(&self.bias_ih),
            bias_hh: Some(&self.bias_hh),
        }
    }

    pub(super) fn sequences(&self) -> Sequences<'_> {
        let lengths = Some(&self.lengths[..]).filter(|lengths| lengths.iter().any(|&l| l != self.steps));
        Sequences { x: &self.x, steps: self.steps, batch: self.batch, lengths, reverse: self.reverse }
    }

    fn initial(&self) -> States<'_> {
        States { h: Some(&self.h0), c: self.lstm().then_some(&self.c0[..]) }
    }

    /// Forward and backward; gradients are added to `start`.
    pub(super) fn run_into(&self, start: f32, accumulate: bool, workspace: &mut Workspace) -> Results {
        let (states, rows) = (self.batch * self.hidden, self.cell.gates() * self.hidden);
        let of = |len: usize| vec![start; len];
        let mut r = Results {
            y: of(self.steps * states),
            last: [of(states), of(states)],
            gradients: [
                of(self.x.len()),
                of(states),
                of(states),
                of(rows * self.inputs),
                of(rows * self.hidden),
                of(rows),
                of(rows),
            ],
        };
        let [h, c] = &mut r.last;
        let last = LastStates { h: Some(h), c: self.lstm().then_some(c) };
        forward(&self.layer(), self.sequences(), self.initial(), &mut r.y, last, workspace);
        let outputs = OutputGradients {
            dy: Some(&self.dy),
            dh: Some(&self.dh),
            dc: self.lstm().then_some(&self.dc[..]),
        };
        let [dx, dh0, dc0, weight_ih, weight_hh, bias_ih, bias_hh] = &mut r.gradients;
        let gradients = Gradients {
            dx: Some(dx),
            dh0: Some(dh0),
            dc0: self.lstm().then_some(dc0),
            weight_ih: Some(weight_ih),
            weight_hh: Some(weight_hh),
            bias_ih: Some(bias_ih),
            bias_hh: Some(bias_hh),
            accumulate,
        };
        backward(&self.layer(), outputs, gradients, workspace);
        if !self.lstm() {
            r.last[1].clear();
            r.gradients[2].clear();
        }
        r
    }

    pub(super) fn run(&self) -> Results {
        self.run_into(9.0, false, &mut Workspace::new())
    }
}

pub(super) fn close(name: &str, got: &[f32], want: &[f64], tolerance: f64) {
    assert_eq!(got.len(), want.len(), "{name}");
    for (i, (&got, &want)) in got.iter().zip(want).enumerate() {
        assert!(
            (f64::from(got) - want).abs() < tolerance * (1.0 + want.abs()),
            "{name}[{i}] = {got}, expected {want}"
        );
    }
}

/// Odd shapes: one step, one row, one input, units below, at and past the edges of vectors and groups, all row tiles.
fn shapes() -> Vec<[usize; 4]> {
    if cfg!(miri) {
        return vec![[2, 3, 2, 5]];
    }
    vec![
        [1, 1, 1, 1],
        [3, 1, 2, 5],
        [1, 5, 1, 16],
        [4, 3, 7, 17],
        [2, 15, 3, 33],
        [3, 29, 2, 40],
        [5, 7, 5, 70],
        [2, 33, 9, 31],
    ]
}

fn ragged(batch: usize, steps: usize) -> Vec<usize> {
    (0..batch).map(|row| (row * 7 + 3) % (steps + 1)).collect()
}

#[test]
fn states_agree_with_the_reference() {
    let _alone = three_threads();
    for (seed, shape) in shapes().into_iter().enumerate() {
        for cell in CELLS {
            for reverse in [false, true] {
                for lengths in [None, Some(ragged(shape[1], shape[0]))] {
                    let mut case = Case::new(cell, shape, seed as u64);
                    case.reverse = reverse;
                    case.lengths = lengths.unwrap_or(case.lengths);
                    let want = case.reference();
                    for level in levels() {
                        let got = with_level(level, || case.run());
                        let name = format!(
                            "{cell:?} {shape:?} reverse {reverse} {:?} {}",
                            case.lengths,
                            level.name()
                        );
                        close(&format!("y of {name}"), &got.y, &want.y, 1e-5);
                        close(&format!("h of {name}"), &got.last[0], &want.h, 1e-5);
                        if cell == Cell::Lstm {
                            close(&format!("c of {name}"), &got.last[1], &want.c, 1e-5);
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn gradients_agree_with_finite_differences() {
    let _alone = three_threads();
    let shapes =
        if cfg!(miri) { vec![[2, 2, 1, 2]] } else { vec![[3, 2, 3, 5], [2, 17, 1, 3], [4, 3, 2, 18]] };
    for (seed, shape) in shapes.into_iter().enumerate() {
        for cell in CELLS {
            for (reverse, lengths) in [
                (false, None),
                (true, None),
                (false, Some(ragged(shape[1], shape[0]))),
                (true, Some(ragged(shape[1], shape[0]))),
            ] {
                let mut case = Case::new(cell, shape, 40 + seed as u64);
                case.reverse = reverse;
                case.lengths = lengths.unwrap_or(case.lengths);
                let want = case.differences();
                for level in levels() {
                    let got = with_level(level, || case.run());
                    for ((what, got), want) in NAMES.iter().zip(&got.gradients).zip(&want) {
                        let name = format!(
                            "{what} of {cell:?} {shape:?} reverse {reverse} {:?} {}",
                            case.lengths,
                            level.name()
                        );
                        close(&name, got, want, 3e-5);
                    }
                }
            }
        }
    }
}

/// Where rows of gates or of states would lie a multiple of 2 KiB apart, which has places of its own.
#[test]
fn layers_whose_rows_would_crowd_the_cache_agree_too() {
    let _alone = three_threads();
    for (cell, hidden) in [
        (Cell::Rnn(Activation::Tanh), 512),
        (Cell::Lstm, 128),
        (Cell::Gru { reset_before: false }, 512),
        (Cell::Gru { reset_before: true }, 512),
    ] {
        let hidden = if cfg!(miri) { 16 } else { hidden };
        let mut case = Case::new(cell, [3, 17, 2, hidden], 60);
        case.lengths = ragged(17, 3);
        let want = case.reference();
        let mut direction = case.arguments().map(|v| wide(&numbers(v.len(), 61)));
        if cell != Cell::Lstm {
            direction[2].fill(0.0);
        }
        let slope = case.slope(&direction);
        for level in levels() {
            let got = with_level(level, || case.run());
            let name = format!("{cell:?} of {hidden} units, {}", level.name());
            close(&format!("y of {name}"), &got.y, &want.y, 1e-5);
            let along = got.gradients.iter().zip(&direction).map(|(gradient, direction)| {
                gradient.iter().zip(direction).map(|(&g, d)| f64::from(g) * d).sum::<f64>()
            });
            close(&format!("slope of {name}"), &[along.sum::<f64>() as f32], &[slope], 1e-4);
        }
    }
}

#[test]
fn rows_of_any_length_are_as_if_they_ran_alone() {
    let _alone = three_threads();
    let lengths = if cfg!(miri) { vec![1, 0, 2] } else { vec![4, 9, 0, 1, 9, 6] };
    let [steps, batch, inputs, hidden] = if cfg!(miri) { [2, 3, 1, 3] } else { [9, 6, 3, 20] };
    for cell in CELLS {
        let mut case = Case::new(cell, [steps, batch, inputs, hidden], 5);
        case.lengths.clone_from(&lengths);
        for reverse in [false, true] {
            case.reverse = reverse;
            let together = case.run();
            for row in 0..batch {
                let alone = case.row(row);
                let got = alone.run();
                let name = format!("row {row} of {cell:?}, reverse {reverse}");
                for t in 0..steps {
                    let y = &together.y[(t * batch + row) * hidden..][..hidden];
                    let dx = &together.gradients[0][(t * batch + row) * inputs..][..inputs];
                    if t < case.lengths[row] {
                        close(&name, y, &wide(&got.y[t * hidden..][..hidden]), 1e-6);
                        close(&name, dx, &wide(&got.gradients[0][t * inputs..][..inputs]), 1e-6);
                    } else {
                        assert!(y.iter().chain(dx).all(|&v| v == 0.0), "{name}: padding");
                    }
                }
                let last = &together.last[0][row * hidden..][..hidden];
                close(&name, last, &wide(&got.last[0]), 1e-6);
            }
        }
    }
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    let _alone = three_threads();
    // The first shapes split their rows, the last two their units.
    let shapes = if cfg!(miri) {
        vec![[2, 16, 1, 3], [2, 2, 1, 17]]
    } else {
        vec![[6, 40, 5, 37], [5, 50, 3, 64], [4, 12, 9, 200], [3, 3, 5, 257]]
    };
    for shape in shapes {
        for cell in CELLS {
            for lengths in [None, Some(ragged(shape[1], shape[0]))] {
                let mut case = Case::new(cell, shape, 3);
                case.lengths = lengths.unwrap_or(case.lengths);
                for level in levels() {
                    let run = |threads| with_limit(threads, || with_level(level, || case.run()));
                    let one = run(1);
                    assert!(one == run(2) && one == run(3), "{cell:?} {shape:?} at {}", level.name());
                }
            }
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "about sizes, for which Miri has others")]
fn both_ways_of_splitting_are_tested_above() {
    let mut order = order::Order::default();
    order.set(6, 40, None, false);
    assert_eq!(share::split(&order, 4, 37, 3), (share::Split::Rows, 3));
    order.set(4, 12, None, false);
    assert_eq!(share::split(&order, 4, 200, 3), (share::Split::Units, 3));
}

#[test]
#[cfg_attr(miri, ignore = "about sizes, for which Miri has others")]
fn a_small_pass_stays_with_one_thread_unless_its_rows_are_split() {
    let _alone = three_threads();
    let threads = |steps, batch, hidden, inputs| {
        let mut order = order::Order::default();
        order.set(steps, batch, None, false);
        share::pass_threads(&order, 4, hidden, inputs)
    };
    assert_eq!(threads(500, 1, 32, 8), 1);
    assert_eq!(threads(500, 1, 64, 64), 3, "its products are worth sharing");
    assert_eq!(threads(10, 32, 32, 8), 3, "no more work in all, but rows enough for all threads");
}

#[test]
fn a_workspace_serves_shapes_in_any_order_and_gradients_add_up() {
    let _alone = three_threads();
    let mut workspace = Workspace::new();
    let [small, large, other] = if cfg!(miri) {
        [[1, 2, 1, 2], [2, 3, 1, 3], [1, 1, 2, 1]]
    } else {
        [[3, 4, 2, 9], [6, 7, 3, 20], [1, 2, 5, 3]]
    };
    for shape in [small, large, other, large] {
        for cell in CELLS {
            let case = Case::new(cell, shape, 8);
            let fresh = case.run();
            assert_eq!(case.run_into(9.0, false, &mut workspace), fresh, "{cell:?} {shape:?}");
            let added = case.run_into(1.0, true, &mut workspace);
            for (what, (added, fresh)) in
                NAMES.iter().zip(added.gradients.iter().zip(&fresh.gradients)).skip(3)
            {
                let want: Vec<f64> = fresh.iter().map(|&v| f64::from(v) + 1.0).collect();
                close(what, added, &want, 1e-5);
            }
        }
    }
}

#[test]
fn steps_one_by_one_are_the_sequence() {
    let _alone = three_threads();
    let shapes = if cfg!(miri) {
        vec![[2, 1, 1, 17], [2, 3, 1, 3]]
    } else {
        vec![[5, 1, 3, 40], [4, 6, 2, 17], [3, 2, 4, 130]]
    };
    for cell in CELLS {
        for &[steps, batch, inputs, hidden] in &shapes {
            let case = Case::new(cell, [steps, batch, inputs, hidden], 21);
            let want = case.run();
            // Packed for other weights first, then given these.
            let other = Case::new(cell, [steps, batch, inputs, hidden], 22);
            let mut stepper = Stepper::new(&other.layer());
            stepper.update(&case.layer());
            let (mut h, mut c) = (case.h0.clone(), case.c0.clone());
            for (t, x) in case.x.chunks_exact(batch * inputs).enumerate() {
                stepper.step(x, &mut h, (cell == Cell::Lstm).then_some(&mut c[..]));
                close(
                    &format!("{cell:?} at {t}"),
                    &h,
                    &wide(&want.y[t * batch * hidden..][..batch * hidden]),
                    2e-6,
                );
            }
        }
    }
}

#[test]
fn pieces_of_a_sequence_continue_each_other() {
    let _alone = three_threads();
    let [steps, batch, inputs, hidden] = if cfg!(miri) { [2, 2, 1, 3] } else { [8, 3, 2, 19] };
    for cell in CELLS {
        let case = Case::new(cell, [steps, batch, inputs, hidden], 30);
        let whole = case.run();
        let mut workspace = Workspace::new();
        let (mut h, mut c) = (case.h0.clone(), case.c0.clone());
        let half = steps / 2;
        for (x, want) in case.x.chunks(half * batch * inputs).zip(whole.y.chunks(half * batch * hidden)) {
            let sequences = Sequences { x, steps: half, batch, lengths: None, reverse: false };
            let (h0, c0) = (h.clone(), c.clone());
            let initial = States { h: Some(&h0), c: case.lstm().then_some(&c0[..]) };
            let last = LastStates { h: Some(&mut h), c: case.lstm().then_some(&mut c[..]) };
            let mut y = vec![0.0; want.len()];
            forward(&case.layer(), sequences, initial, &mut y, last, &mut workspace);
            close(&format!("{cell:?}"), &y, &wide(want), 1e-6);
        }
    }
}
