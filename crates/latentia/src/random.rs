//! Counter-based randomness: every draw of a run is a function of `(seed, purpose, epoch, step)`.
//!
//! Nothing draws from a global generator, so the order in which things happen, the number of threads and a kill
//! in the middle of a run change no bit of its result.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What a stream of random numbers is for. Streams of different purposes never overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Purpose {
    /// Initial weights.
    Init = 1,
    /// The order of rows in an epoch.
    Shuffle = 2,
    /// Corrupting inputs.
    Corruption = 3,
    /// Dropout masks.
    Dropout = 4,
    /// Samples of a code.
    Sampling = 5,
    /// Which rows train, validate and test.
    Split = 6,
    /// Randomised linear algebra.
    Sketch = 7,
    /// Choosing rows for pictures and figures.
    Report = 8,
    /// Making values between 0 and 1 binary.
    Binarize = 12,
    /// Directions in which a Jacobian is looked at.
    Projection = 13,
    /// Seeds of the members of an ensemble.
    Member = 30,
    /// The levels of the rows in a graph for search.
    Graph = 40,
}

/// The stream of `(seed, purpose, epoch, step)`: ChaCha with 8 rounds (Bernstein 2008), keyed by the four numbers.
///
/// Equal arguments give equal numbers on every machine; any other arguments give an independent stream.
pub fn stream(seed: u64, purpose: Purpose, epoch: u64, step: u64) -> ChaCha8Rng {
    let mut key = [0u8; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&(purpose as u64).to_le_bytes());
    key[16..24].copy_from_slice(&epoch.to_le_bytes());
    key[24..].copy_from_slice(&step.to_le_bytes());
    ChaCha8Rng::from_seed(key)
}

/// A random order of `0..n` (Fisher & Yates 1938; Durstenfeld 1964).
pub fn permutation(n: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    for i in (1..n).rev() {
        order.swap(i, rng.random_range(0..=i as u64) as usize);
    }
    order
}

/// `count` of `0..n` in ascending order; all of them, and nothing drawn, where there are no more.
pub fn subset(n: usize, count: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
    if count >= n {
        return (0..n).collect();
    }
    let mut chosen = permutation(n, rng);
    chosen.truncate(count);
    chosen.sort_unstable();
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    #[test]
    fn a_stream_is_a_function_of_its_four_keys() {
        let first = |s, p, e, t| stream(s, p, e, t).next_u64();
        let here = first(1, Purpose::Init, 2, 3);
        assert_eq!(here, first(1, Purpose::Init, 2, 3));
        assert_ne!(here, first(2, Purpose::Init, 2, 3));
        assert_ne!(here, first(1, Purpose::Shuffle, 2, 3));
        assert_ne!(here, first(1, Purpose::Init, 3, 2));
    }

    #[test]
    fn a_permutation_holds_every_index_once() {
        let mut order = permutation(1000, &mut stream(7, Purpose::Shuffle, 0, 0));
        assert_ne!(order, (0..1000).collect::<Vec<_>>());
        order.sort_unstable();
        assert_eq!(order, (0..1000).collect::<Vec<_>>());
    }

    #[test]
    fn a_subset_is_ascending_and_all_where_there_are_no_more() {
        let draw = |count| subset(10, count, &mut stream(7, Purpose::Report, 0, 0));
        assert_eq!(draw(10), (0..10).collect::<Vec<_>>());
        let some = draw(4);
        assert_eq!(some.len(), 4);
        assert!(some.is_sorted_by(|a, b| a < b) && some[3] < 10, "{some:?}");
        assert_ne!(some, (0..4).collect::<Vec<_>>());
    }
}
