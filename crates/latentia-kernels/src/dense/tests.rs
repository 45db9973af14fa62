//! Layers against f64, gradients against finite differences, equal bits for any number of threads.

use super::*;
use crate::gemm::tests::{numbers, stored};
use crate::math::tests::activations::{ALL, reference};
use crate::simd::{tests::levels, with_level};
use crate::threads::{tests::three_threads, with_limit};

/// `Σ r ∘ f(x Wᵀ + b)` in f64: a scalar whose gradients are those of the layer with `dy = r`.
fn loss(x: &[f64], w: &[f64], b: &[f64], r: &[f64], inputs: usize, activation: Activation) -> f64 {
    let outputs = b.len();
    let batch = r.len() / outputs;
    let mut sum = 0.0;
    for i in 0..batch {
        for o in 0..outputs {
            let a: f64 = (0..inputs).map(|p| x[i * inputs + p] * w[o * inputs + p]).sum();
            sum += r[i * outputs + o] * reference(activation, a + b[o]);
        }
    }
    sum
}

fn wide(x: &[f32]) -> Vec<f64> {
    x.iter().map(|&v| f64::from(v)).collect()
}

/// `(∂loss/∂v_i)` of every element by central differences.
fn differences(v: &[f64], mut f: impl FnMut(&[f64]) -> f64) -> Vec<f64> {
    let h = 1e-6;
    let mut v = v.to_vec();
    (0..v.len())
        .map(|i| {
            let old = v[i];
            v[i] = old + h;
            let up = f(&v);
            v[i] = old - h;
            let down = f(&v);
            v[i] = old;
            (up - down) / (2.0 * h)
        })
        .collect()
}

fn close(name: &str, got: &[f32], want: &[f64]) {
    for (i, (&got, &want)) in got.iter().zip(want).enumerate() {
        assert!(
            (f64::from(got) - want).abs() < 2e-5 * (1.0 + want.abs()),
            "{name}[{i}] = {got}, expected {want}"
        );
    }
}

#[test]
fn gradients_agree_with_finite_differences() {
    let _alone = three_threads();
    let shapes = [(1, 3, 2), (5, 1, 7), (3, 19, 1), (37, 5, 6), (4, 6, 35)];
    for (batch, inputs, outputs) in shapes.into_iter().take(if cfg!(miri) { 3 } else { 5 }) {
        let (x, w) = (numbers(batch * inputs, 1), numbers(outputs * inputs, 2));
        let (b, dy) = (numbers(outputs, 3), numbers(batch * outputs, 4));
        let (x64, w64, b64, r64) = (wide(&x), wide(&w), wide(&b), wide(&dy));
        for activation in ALL {
            let want_dx = differences(&x64, |x| loss(x, &w64, &b64, &r64, inputs, activation));
            let want_dw = differences(&w64, |w| loss(&x64, w, &b64, &r64, inputs, activation));
            let want_db = differences(&b64, |b| loss(&x64, &w64, b, &r64, inputs, activation));
            for level in levels() {
                let (mut y, mut pre) = (vec![0.0; batch * outputs], vec![0.0; batch * outputs]);
                let (mut dx, mut dw, mut db) =
                    (vec![0.0; batch * inputs], vec![9.0; outputs * inputs], vec![9.0; outputs]);
                let (x, w) = (MatRef::new(&x, batch, inputs), MatRef::new(&w, outputs, inputs));
                with_level(level, || {
                    let y_out = MatMut::new(&mut y, batch, outputs);
                    forward(x, w, Some(&b), activation, y_out, Some(MatMut::new(&mut pre, batch, outputs)));
                    let saved = if activation.needs_input() { &pre } else { &y };
                    let gradients = Gradients {
                        dx: Some(MatMut::new(&mut dx, batch, inputs)),
                        dw: Some(MatMut::new(&mut dw, outputs, inputs)),
                        db: Some(&mut db),
                        accumulate: false,
                    };
                    let saved = MatRef::new(saved, batch, outputs);
                    backward(x, w, activation, saved, MatRef::new(&dy, batch, outputs), gradients);
                });
                let name =
                    |what| format!("{what} of {activation:?}, {batch}x{inputs}x{outputs}, {}", level.name());
                close(&name("dx"), &dx, &want_dx);
                close(&name("dw"), &dw, &want_dw);
                close(&name("db"), &db, &want_db);
            }
        }
    }
}

#[test]
fn tied_weights_collect_both_gradients() {
    let (batch, inputs, codes) = (6, 9, 4);
    let (x, w) = (numbers(batch * inputs, 1), numbers(codes * inputs, 2));
    let dy = numbers(batch * inputs, 3);
    let tanh = Activation::Tanh;
    let run = |w: &[f64]| {
        let (x, dy) = (wide(&x), wide(&dy));
        let mut sum = 0.0;
        for i in 0..batch {
            let code =
                |c: usize| (0..inputs).map(|p| x[i * inputs + p] * w[c * inputs + p]).sum::<f64>().tanh();
            let h: Vec<f64> = (0..codes).map(code).collect();
            for p in 0..inputs {
                sum += dy[i * inputs + p] * (0..codes).map(|c| h[c] * w[c * inputs + p]).sum::<f64>();
            }
        }
        sum
    };
    let want = differences(&wide(&w), run);

    let view = MatRef::new(&w, codes, inputs);
    let (mut h, mut y) = (vec![0.0; batch * codes], vec![0.0; batch * inputs]);
    let x = MatRef::new(&x, batch, inputs);
    forward(x, view, None, tanh, MatMut::new(&mut h, batch, codes), None);
    let code = MatRef::new(&h, batch, codes);
    forward(code, view.t(), None, Activation::Identity, MatMut::new(&mut y, batch, inputs), None);
    let (mut dw, mut dh) = (vec![0.0; codes * inputs], vec![0.0; batch * codes]);
    let decoder = Gradients {
        dx: Some(MatMut::new(&mut dh, batch, codes)),
        dw: Some(MatMut::new(&mut dw, codes, inputs).t()),
        ..Gradients::default()
    };
    let dy = MatRef::new(&dy, batch, inputs);
    backward(code, view.t(), Activation::Identity, dy, dy, decoder);
    let encoder =
        Gradients { dw: Some(MatMut::new(&mut dw, codes, inputs)), accumulate: true, ..Gradients::default() };
    backward(x, view, tanh, code, MatRef::new(&dh, batch, codes), encoder);
    close("dw", &dw, &want);
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    let _alone = three_threads();
    // More than one block of rows, and of columns.
    let (batch, inputs, outputs) = if cfg!(miri) { (37, 5, 20) } else { (301, 120, 530) };
    let (x, w) = (numbers(batch * inputs, 1), numbers(outputs * inputs, 2));
    let (y, dy) = (numbers(batch * outputs, 3), numbers(batch * outputs, 4));
    for level in levels() {
        let run = |threads| {
            let (mut dx, mut dw, mut db) =
                (vec![0.0; batch * inputs], vec![0.0; outputs * inputs], vec![0.0; outputs]);
            let gradients = Gradients {
                dx: Some(MatMut::new(&mut dx, batch, inputs)),
                dw: Some(MatMut::new(&mut dw, outputs, inputs)),
                db: Some(&mut db),
                accumulate: false,
            };
            let (x, w) = (stored('N', &x, batch, inputs), stored('N', &w, outputs, inputs));
            let (y, dy) = (MatRef::new(&y, batch, outputs), MatRef::new(&dy, batch, outputs));
            with_limit(threads, || with_level(level, || backward(x, w, Activation::Tanh, y, dy, gradients)));
            (dx, dw, db)
        };
        let one = run(1);
        assert!(one == run(2) && one == run(3), "{}", level.name());
    }
}

#[test]
fn negligible_gradients_count_as_zero_and_nan_does_not() {
    for level in levels() {
        let [x, w, y] = [1.0, 0.5, 0.5];
        let gradients = |dy: f32| {
            let (mut dx, mut dw, mut db) = ([9.0], [9.0], [9.0]);
            let wanted = Gradients {
                dx: Some(MatMut::new(&mut dx, 1, 1)),
                dw: Some(MatMut::new(&mut dw, 1, 1)),
                db: Some(&mut db),
                accumulate: false,
            };
            with_level(level, || {
                backward(
                    MatRef::new(&[x], 1, 1),
                    MatRef::new(&[w], 1, 1),
                    Activation::Tanh,
                    MatRef::new(&[y], 1, 1),
                    MatRef::new(&[dy], 1, 1),
                    wanted,
                );
            });
            [dx[0], dw[0], db[0]]
        };
        assert_eq!(gradients(1e-38), [0.0; 3]);
        assert!(gradients(1e-25).iter().all(|&g| g > 0.0));
        assert!(gradients(f32::NAN).iter().all(|g| g.is_nan()));
    }
}
