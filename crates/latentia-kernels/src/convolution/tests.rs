//! Convolutions against their definition in f64, equal bits for any number of threads.

use super::*;
use crate::gemm::tests::numbers;
use crate::simd::{tests::levels, with_level};
use crate::threads::{tests::three_threads, with_limit};

const GEOMETRIES: [Geometry; 4] = [
    Geometry { height: 7, width: 5, channels: 3, maps: 4, kernel: 3, stride: 2, padding: 1 },
    Geometry { height: 6, width: 9, channels: 1, maps: 5, kernel: 4, stride: 3, padding: 1 },
    Geometry { height: 5, width: 5, channels: 2, maps: 17, kernel: 5, stride: 1, padding: 2 },
    Geometry { height: 3, width: 8, channels: 1, maps: 1, kernel: 2, stride: 2, padding: 0 },
];

/// Calls `f(image, map, weight)` with the indices of every product of the definition.
fn products(g: Geometry, batch: usize, mut f: impl FnMut(usize, usize, usize)) {
    for n in 0..batch {
        for (p, q) in (0..g.map_height()).flat_map(|p| (0..g.map_width()).map(move |q| (p, q))) {
            for (i, j) in (0..g.kernel).flat_map(|i| (0..g.kernel).map(move |j| (i, j))) {
                let (y, x) = (g.stride * p + i, g.stride * q + j);
                let inside = |at: usize, side: usize| (g.padding..g.padding + side).contains(&at);
                if !inside(y, g.height) || !inside(x, g.width) {
                    continue;
                }
                let pixel = (n * g.height + y - g.padding) * g.width + x - g.padding;
                let place = (n * g.map_height() + p) * g.map_width() + q;
                for (o, c) in (0..g.maps).flat_map(|o| (0..g.channels).map(move |c| (o, c))) {
                    let w = ((o * g.kernel + i) * g.kernel + j) * g.channels + c;
                    f(pixel * g.channels + c, place * g.maps + o, w);
                }
            }
        }
    }
}

fn close(name: &str, got: &[f32], want: &[f64]) {
    assert_eq!(got.len(), want.len(), "{name}");
    for (i, (&got, &want)) in got.iter().zip(want).enumerate() {
        assert!(
            (f64::from(got) - want).abs() < 2e-5 * (1.0 + want.abs()),
            "{name}[{i}] = {got}, expected {want}"
        );
    }
}

/// Everything a layer computes, with tanh: `y`, `dx`, `dW`, `db`.
fn run(g: Geometry, batch: usize, up: bool) -> [Vec<f32>; 4] {
    let (image, map) = (batch * g.image_len(), batch * g.map_len());
    let (input, output, outputs) = if up { (map, image, g.channels) } else { (image, map, g.maps) };
    let (x, w) = (numbers(input, 1), numbers(g.maps * g.patch_len(), 2));
    let (b, dy) = (numbers(outputs, 3), numbers(output, 4));
    let mut y = vec![7.0; output];
    let (mut dx, mut dw, mut db) = (vec![7.0; input], vec![7.0; w.len()], vec![7.0; outputs]);
    let gradients = Gradients { dx: Some(&mut dx), dw: Some(&mut dw), db: Some(&mut db) };
    if up {
        transposed(g, &x, &w, &b, Activation::Tanh, &mut y, None);
        transposed_backward(g, &x, &w, Activation::Tanh, (&y, &dy), gradients);
    } else {
        forward(g, &x, &w, &b, Activation::Tanh, &mut y, None);
        backward(g, &x, &w, Activation::Tanh, (&y, &dy), gradients);
    }
    [y, dx, dw, db]
}

#[test]
fn results_and_gradients_are_those_of_the_definition() {
    let _alone = three_threads();
    for g in GEOMETRIES {
        for batch in [1, 3, 70] {
            for up in [false, true] {
                let (image, map) = (batch * g.image_len(), batch * g.map_len());
                let (input, output, outputs) =
                    if up { (map, image, g.channels) } else { (image, map, g.maps) };
                let wide = |v: Vec<f32>| v.into_iter().map(f64::from).collect::<Vec<_>>();
                let (x, w) = (wide(numbers(input, 1)), wide(numbers(g.maps * g.patch_len(), 2)));
                let (b, dy) = (wide(numbers(outputs, 3)), wide(numbers(output, 4)));
                // From the input's place to the output's.
                let each = |f: &mut dyn FnMut(usize, usize, usize)| {
                    products(g, batch, |image, map, w| if up { f(map, image, w) } else { f(image, map, w) });
                };
                let mut y: Vec<f64> = (0..output).map(|i| b[i % outputs]).collect();
                each(&mut |from, to, at| y[to] += w[at] * x[from]);
                y.iter_mut().for_each(|y| *y = y.tanh());
                let da: Vec<f64> = y.iter().zip(&dy).map(|(y, dy)| dy * (1.0 - y * y)).collect();
                let (mut dx, mut dw, mut db) = (vec![0.0; input], vec![0.0; w.len()], vec![0.0; outputs]);
                each(&mut |from, to, at| {
                    dx[from] += w[at] * da[to];
                    dw[at] += x[from] * da[to];
                });
                da.iter().enumerate().for_each(|(i, da)| db[i % outputs] += da);
                for level in levels() {
                    let got = with_level(level, || run(g, batch, up));
                    for (name, (got, want)) in
                        ["y", "dx", "dW", "db"].into_iter().zip(got.iter().zip([&y, &dx, &dw, &db]))
                    {
                        close(&format!("{name} of {g:?}, {batch}, up {up}, {}", level.name()), got, want);
                    }
                }
            }
        }
    }
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    let _alone = three_threads();
    let large = Geometry { height: 14, width: 14, channels: 16, maps: 32, kernel: 5, stride: 2, padding: 2 };
    for g in [GEOMETRIES[0], large] {
        for up in [false, true] {
            let one = with_limit(1, || run(g, 70, up));
            for threads in [2, 3] {
                assert!(one == with_limit(threads, || run(g, 70, up)), "{g:?} up {up} on {threads} threads");
            }
        }
    }
}

#[test]
#[should_panic(expected = "convolution")]
fn a_row_of_another_length_is_refused() {
    let g = GEOMETRIES[0];
    let w = vec![0.0; g.maps * g.patch_len()];
    let mut y = vec![0.0; g.map_len()];
    forward(g, &vec![0.0; g.image_len() + 1], &w, &[0.0; 4], Activation::Identity, &mut y, None);
}
