//! How good codes are for search: are the rows found those that were looked for?

use std::collections::HashMap;

use latentia_kernels::hamming;
use rayon::prelude::*;

use super::{BitCodes, bits::are_bits};
use crate::{Error, Result, data::Matrix, evaluate};

/// The labels of rows, of which each may have several: rows that share one are alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tags {
    words: usize,
    /// A bit for each label, row by row.
    bits: Vec<u64>,
    rows: usize,
}

impl Tags {
    /// One label a row, of `classes`.
    ///
    /// # Panics
    /// When a label is no class.
    pub fn of_classes(labels: &[u32], classes: usize) -> Self {
        Self::new(labels.iter().map(|&label| [label as usize]), classes)
    }

    /// Labels as texts, several in one separated by spaces, commas or semicolons; of all parts that are compared with each
    /// other at once, one result a part.
    pub fn of_texts(parts: &[&[String]]) -> Vec<Self> {
        let split = |text: &String| -> Vec<String> {
            let tags = text.split(|c: char| c.is_whitespace() || c == ',' || c == ';');
            tags.filter(|tag| !tag.is_empty()).map(str::to_owned).collect()
        };
        let parts: Vec<Vec<Vec<String>>> =
            parts.iter().map(|part| part.iter().map(split).collect()).collect();
        let mut known = HashMap::new();
        for tag in parts.iter().flatten().flatten() {
            let next = known.len();
            known.entry(tag.as_str()).or_insert(next);
        }
        let numbers = |part: &Vec<Vec<String>>| -> Self {
            Self::new(part.iter().map(|tags| tags.iter().map(|tag| known[tag.as_str()])), known.len())
        };
        parts.iter().map(numbers).collect()
    }

    fn new<I: IntoIterator<Item = usize>>(rows: impl ExactSizeIterator<Item = I>, count: usize) -> Self {
        let (words, n) = (count.div_ceil(64).max(1), rows.len());
        let mut bits = vec![0; n * words];
        for (row, tags) in bits.chunks_exact_mut(words).zip(rows) {
            tags.into_iter().for_each(|tag| row[tag / 64] |= 1 << (tag % 64));
        }
        Self { words, bits, rows: n }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Whether row `i` shares a label with row `j` of `other`.
    fn share(&self, i: usize, other: &Self, j: usize) -> bool {
        let row = |tags: &Self, i: usize| i * tags.words..(i + 1) * tags.words;
        let (a, b) = (&self.bits[row(self, i)], &other.bits[row(other, j)]);
        a.iter().zip(b).any(|(a, b)| a & b != 0)
    }
}

/// The share of rows that share a label with the query among the `k` rows of `searched` nearest to it, averaged over the
/// queries (precision at `k`). Codes of zeros and ones are compared by their Hamming distance, others by the Euclidean one.
///
/// Many codes of bits are equally far from a query: those at the border count by the chance that they are among the `k`,
/// so that the order of the rows does not matter (as [`evaluate::precision_at`] has it).
///
/// # Errors
/// Codes and labels differ in number, widths differ, there is no query, or `k` is not within 1 and the number of rows.
pub fn retrieval_precision(searched: (&Matrix, &Tags), queries: (&Matrix, &Tags), k: usize) -> Result<f64> {
    let ((codes, tags), (asked, asked_tags)) = (searched, queries);
    for (name, codes, tags) in [("searched", codes, tags), ("queries", asked, asked_tags)] {
        if codes.rows() == 0 || codes.rows() != tags.len() {
            let message = format!("found {} rows and labels of {}", codes.rows(), tags.len());
            return Err(Error::config(name, message));
        }
    }
    if codes.cols() != asked.cols() || tags.words != asked_tags.words {
        let message = format!("found codes of {} numbers, expected {}", asked.cols(), codes.cols());
        return Err(Error::config("queries", message));
    }
    if k == 0 || k > codes.rows() {
        return Err(Error::config("k", format!("found {k}, expected 1 to {} rows", codes.rows())));
    }
    let shares: Vec<f64> = if are_bits(codes) && are_bits(asked) {
        let limits = vec![0.5; codes.cols()];
        let (codes, asked) = (BitCodes::pack(codes, &limits), BitCodes::pack(asked, &limits));
        let one = |distances: &mut Vec<u32>, i: usize| {
            hamming(asked.code(i), codes.words(), distances);
            let alike = distances.iter().enumerate().map(|(j, &d)| (d, asked_tags.share(i, tags, j)));
            expected_share(alike, codes.width(), k)
        };
        let scratch = || vec![0; codes.len()];
        (0..asked.len()).into_par_iter().map_init(scratch, one).collect()
    } else {
        let found = evaluate::nearest(codes, asked, k)?;
        let share = |(i, near): (usize, &Vec<evaluate::Neighbour>)| {
            let alike = near.iter().filter(|n| asked_tags.share(i, tags, n.index)).count();
            alike as f64 / k as f64
        };
        found.iter().enumerate().map(share).collect()
    };
    Ok(shares.iter().sum::<f64>() / shares.len() as f64)
}

/// The expected share of `true` among the `k` nearest when equals come in any order; distances are at most `most`.
fn expected_share(rows: impl Iterator<Item = (u32, bool)>, most: usize, k: usize) -> f64 {
    let mut counts = vec![(0usize, 0usize); most + 1];
    for (distance, alike) in rows {
        let (all, right) = &mut counts[distance as usize];
        *all += 1;
        *right += usize::from(alike);
    }
    let (mut room, mut sum) = (k, 0.0);
    for (all, right) in counts.into_iter().filter(|(all, _)| *all > 0) {
        let taken = all.min(room);
        sum += taken as f64 * right as f64 / all as f64;
        room -= taken;
        if room == 0 {
            break;
        }
    }
    sum / k as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_at_the_border_count_by_their_chance() {
        // Distances 0, 1, 1, 1, 2 from the query 00.
        let codes = Matrix::new(5, 2, vec![0., 0., 1., 0., 0., 1., 1., 0., 1., 1.]);
        let tags = Tags::of_classes(&[1, 1, 0, 0, 1], 2);
        let query = Matrix::new(1, 2, vec![0.0, 0.0]);
        let at = |k| retrieval_precision((&codes, &tags), (&query, &Tags::of_classes(&[1], 2)), k).unwrap();
        let expected = [1.0, (1.0 + 1.0 / 3.0) / 2.0, (1.0 + 2.0 / 3.0) / 3.0, 2.0 / 4.0, 3.0 / 5.0];
        for (k, expected) in (1..).zip(expected) {
            assert!((at(k) - expected).abs() < 1e-12, "{k}: {} {expected}", at(k));
            // The measure of one ranking says the same.
            let positive = [true, true, false, false, true];
            let scores = [0.0, -1.0, -1.0, -1.0, -2.0];
            assert!((at(k) - evaluate::precision_at(&positive, &scores, k).unwrap()).abs() < 1e-12);
        }
    }

    #[test]
    fn real_codes_are_compared_by_distance_and_rows_may_have_several_labels() {
        let codes = Matrix::new(3, 1, vec![0.1, 0.5, 0.95]);
        let texts = |tags: &[&str]| tags.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
        let (searched, asked) =
            (texts(&["grain wheat", "oil", "wheat;ship"]), texts(&["wheat, gas", "corn"]));
        let tags = Tags::of_texts(&[&searched, &asked]);
        let queries = Matrix::new(2, 1, vec![0.0, 0.0]);
        let at = |k| retrieval_precision((&codes, &tags[0]), (&queries, &tags[1]), k).unwrap();
        assert_eq!([at(1), at(2), at(3)], [0.5, 0.25, 1.0 / 3.0]);
        assert!(retrieval_precision((&codes, &tags[0]), (&queries, &tags[1]), 4).is_err());
        assert!(retrieval_precision((&codes, &tags[1]), (&queries, &tags[1]), 1).is_err());
    }
}
