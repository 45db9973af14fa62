//! Values that are no numbers, shapes without rows or steps, gradients that vanish.

use super::*;

#[test]
fn nan_and_infinity_reach_their_row_and_no_other() {
    let _alone = three_threads();
    for cell in CELLS {
        for level in levels() {
            let clean = Case::new(cell, [3, 4, 2, 21], 50);
            let mut case = clean.clone();
            case.x[4 + 2 * 4] = f32::NAN;
            let (got, want) = with_level(level, || (case.run(), clean.run()));
            for row in 0..4 {
                let (got, want) = (&got.last[0][row * 21..][..21], &want.last[0][row * 21..][..21]);
                if row == 2 {
                    assert!(got.iter().all(|v| v.is_nan()), "{cell:?} at {}: {got:?}", level.name());
                } else {
                    assert_eq!(got, want, "{cell:?} row {row} at {}", level.name());
                }
            }
            let mut case = clean.clone();
            case.x[0] = f32::INFINITY;
            let got = with_level(level, || case.run()).y;
            match cell {
                Cell::Rnn(Activation::Identity) => assert!(got[..21].iter().all(|v| v.is_infinite())),
                Cell::Rnn(Activation::Tanh) => assert!(got[..21].iter().all(|v| v.abs() == 1.0)),
                _ => assert!(got[..21].iter().all(|v| !v.is_nan())),
            }
        }
    }
}

#[test]
fn nothing_to_do_is_done() {
    for cell in CELLS {
        for shape in [[0, 3, 2, 5], [3, 0, 2, 5], [2, 3, 0, 5]] {
            let case = Case::new(cell, shape, 1);
            let got = case.run();
            if shape[0] == 0 {
                assert_eq!((&got.last[0], &got.gradients[1]), (&case.h0, &case.dh), "{cell:?}");
            }
            if shape[0] * shape[1] == 0 {
                assert!(got.gradients[3..].iter().flatten().all(|&v| v == 0.0), "{cell:?} {shape:?}");
            }
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "hundreds of steps")]
fn gradients_that_vanish_over_many_steps_end_in_zeros() {
    let (steps, hidden) = (400, 20);
    for cell in CELLS {
        let gates = cell.gates() * hidden;
        // Nothing comes in, weights are small: from step to step a gradient shrinks by a factor.
        let (weight_ih, weight_hh) =
            (vec![0.0; gates], numbers(gates * hidden, 1).iter().map(|w| 0.1 * w).collect::<Vec<_>>());
        // All units of a rectifier stay in play.
        let bias = vec![0.1; gates];
        let layer = Layer {
            cell,
            inputs: 1,
            hidden,
            weight_ih: &weight_ih,
            weight_hh: &weight_hh,
            bias_ih: Some(&bias),
            bias_hh: None,
        };
        let mut workspace = Workspace::new();
        let x = vec![0.0; steps];
        let mut y = vec![0.0; steps * hidden];
        let h0 = numbers(hidden, 2);
        let sequences = Sequences { x: &x, steps, batch: 1, lengths: None, reverse: false };
        let initial = States { h: Some(&h0), c: None };
        forward(&layer, sequences, initial, &mut y, LastStates::default(), &mut workspace);
        let mut dy = vec![0.0; steps * hidden];
        dy[(steps - 1) * hidden..].fill(1.0);
        backward(
            &layer,
            OutputGradients { dy: Some(&dy), ..OutputGradients::default() },
            Gradients::default(),
            &mut workspace,
        );
        let gradients = &workspace.gates.floats()[..steps * gates];
        assert!(gradients.iter().all(|g| !g.is_subnormal()), "{cell:?}");
        assert!(gradients[..gates].iter().all(|&g| g == 0.0), "{cell:?} does not vanish");
        assert!(gradients[(steps - 1) * gates..].iter().any(|&g| g != 0.0), "{cell:?}");
    }
}
