//! Every code compared with the query: exact, and the fastest way for a few queries.

use latentia_kernels::hamming;
use rayon::prelude::*;

use super::{BitCodes, Hit, nearest_of};

/// Codes that a thread compares at a time: their distances stay in the first-level cache.
const BLOCK: usize = 8192;

/// The `k` codes nearest to `query`, fewer where there are not so many.
///
/// # Panics
/// When the query has another number of words than the codes.
pub fn nearest(codes: &BitCodes, query: &[u64], k: usize) -> Vec<Hit> {
    let found = blocks(codes, query, |distances, first| {
        // The greatest distance of the block's k nearest, found by counting.
        let mut counts = vec![0usize; codes.width() + 1];
        distances.iter().for_each(|&d| counts[d as usize] += 1);
        let mut below = 0;
        let limit = counts.iter().position(|count| {
            below += count;
            below >= k
        });
        let limit = limit.unwrap_or(codes.width()) as u32;
        let mut room = k.saturating_sub(below - counts[limit as usize]);
        let mut hits = Vec::new();
        for (i, &d) in distances.iter().enumerate().filter(|(_, d)| **d <= limit) {
            if d == limit {
                if room == 0 {
                    continue;
                }
                room -= 1;
            }
            hits.push(Hit { row: first + i, distance: f64::from(d) });
        }
        hits
    });
    nearest_of(found, k)
}

/// The codes at most `radius` away from `query`.
///
/// # Panics
/// As [`nearest`].
pub fn within(codes: &BitCodes, query: &[u64], radius: u32) -> Vec<Hit> {
    let found = blocks(codes, query, |distances, first| {
        let near = distances.iter().enumerate().filter(|(_, d)| **d <= radius);
        near.map(|(i, &d)| Hit { row: first + i, distance: f64::from(d) }).collect()
    });
    let count = found.len();
    nearest_of(found, count)
}

/// The hits of every block of codes, in order; `pick` is given the distances and the first row.
fn blocks(codes: &BitCodes, query: &[u64], pick: impl Fn(&[u32], usize) -> Vec<Hit> + Sync) -> Vec<Hit> {
    let words = codes.words_per_code();
    let blocks = codes.words().par_chunks(BLOCK * words).enumerate();
    let found: Vec<Vec<Hit>> = blocks
        .map_init(
            || vec![0; BLOCK],
            |distances, (block, part)| {
                let distances = &mut distances[..part.len() / words];
                hamming(query, part, distances);
                pick(distances, block * BLOCK)
            },
        )
        .collect();
    found.concat()
}
