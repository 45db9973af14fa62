//! Search over codes: the rows whose codes are nearest to a query's.
//!
//! Codes of bits are packed ([`BitCodes`]) and compared by Hamming distance, either all of them ([`scan`]) or only those
//! that share a part with the query ([`MultiIndex`]): both are exact. Codes of real numbers are compared all ([`dense`],
//! exact) or along a graph of neighbours ([`Graph`], approximate). An [`Index`] is the codes of a model with the names of
//! their rows, in one file.
//!
//! Results are the same for any number of threads: nearest first, the lower row first among equals.

mod bits;
mod builder;
pub mod dense;
mod file;
mod graph;
mod index;
mod multi_index;
mod retrieval;
pub mod scan;

#[cfg(test)]
mod tests;

pub use bits::BitCodes;
pub use builder::{Binarize, IndexBuilder, Settings};
pub use dense::Metric;
pub use graph::Graph;
pub use index::{About, Ask, Codes, Index, Names};
pub use multi_index::MultiIndex;
pub use retrieval::{Tags, retrieval_precision};

pub(crate) use bits::{are_bits, binarize, medians};

/// A row that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// Its place among the codes, from 0.
    pub row: usize,
    /// Hamming distance for bits; else that of the metric.
    pub distance: f64,
}

/// The `k` nearest of `found` in order.
fn nearest_of(mut found: Vec<Hit>, k: usize) -> Vec<Hit> {
    let order = |a: &Hit, b: &Hit| a.distance.total_cmp(&b.distance).then(a.row.cmp(&b.row));
    if k > 0 && k < found.len() {
        found.select_nth_unstable_by(k - 1, order);
    }
    found.truncate(k);
    found.sort_unstable_by(order);
    found
}
