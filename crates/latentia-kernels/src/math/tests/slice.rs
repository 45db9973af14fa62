//! Slices as a whole.

use crate::gemm::tests::numbers;
use crate::math::{BLOCK, all_finite};
use crate::simd::{tests::levels, with_level};

/// Long enough for several blocks and a ragged end.
const N: usize = if cfg!(miri) { 37 } else { 2 * BLOCK + 37 };

#[test]
fn one_bad_element_anywhere_is_found() {
    for level in levels() {
        with_level(level, || {
            for at in [0, 17, N / 2, N - 1] {
                let mut x = numbers(N, 6);
                assert!(all_finite(&x));
                for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                    x[at] = bad;
                    assert!(!all_finite(&x), "{bad} at {at}");
                }
            }
        });
    }
}
