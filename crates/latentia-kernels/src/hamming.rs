//! Distances between packed bit codes.

use crate::simd::{Kernel, Simd, dispatch};

/// The Hamming distance of a query to every code, `d_i = popcount(q ⊕ c_i)`.
///
/// `query [W]`, `codes [n, W]` row by row, `distances [n]`, where `W` is the number of 64-bit words of a code.
///
/// # Panics
/// If the lengths do not fit.
#[track_caller]
pub fn hamming(query: &[u64], codes: &[u64], distances: &mut [u32]) {
    assert!(
        codes.len() == query.len() * distances.len(),
        "hamming: {} words of codes, {} of the query, {} distances",
        codes.len(),
        query.len(),
        distances.len()
    );
    dispatch(Hamming { query, codes, distances });
}

struct Hamming<'a> {
    query: &'a [u64],
    codes: &'a [u64],
    distances: &'a mut [u32],
}

impl Kernel for Hamming<'_> {
    type Output = ();

    /// Plain loops: compiled for a vector level, the counts become table look-ups in registers (Muła, Kurz & Lemire 2018).
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        if let [q] = *self.query {
            for (d, c) in self.distances.iter_mut().zip(self.codes) {
                *d = (c ^ q).count_ones();
            }
            return;
        }
        let words = self.query.len().max(1);
        for (d, code) in self.distances.iter_mut().zip(self.codes.chunks_exact(words)) {
            let mut sum = 0;
            for (c, q) in code.iter().zip(self.query) {
                sum += (c ^ q).count_ones();
            }
            *d = sum;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{Level, with_level};

    #[test]
    fn distances_are_counts_of_different_bits_at_every_level() {
        let mut state = 7u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state ^ (state >> 29)
        };
        for words in 1..6 {
            for n in [0, 1, 3, 8, 67] {
                let query: Vec<u64> = (0..words).map(|_| next()).collect();
                let codes: Vec<u64> = (0..words * n).map(|_| next()).collect();
                let mut expected = vec![0; n];
                for (i, d) in expected.iter_mut().enumerate() {
                    for j in 0..words * 64 {
                        let bit = |x: &[u64]| x[j / 64] >> (j % 64) & 1;
                        *d += u32::from(bit(&query) != bit(&codes[i * words..]));
                    }
                }
                for level in Level::ALL.into_iter().filter(|l| l.is_available()) {
                    let mut found = vec![9; n];
                    with_level(level, || hamming(&query, &codes, &mut found));
                    assert_eq!(found, expected, "{words} words, {n} codes, {level:?}");
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "3 words of codes, 2 of the query, 1 distances")]
    fn lengths_must_fit() {
        hamming(&[0; 2], &[0; 3], &mut [0]);
    }
}
