//! What is done to rows before they are encoded: the corruption `C(x̃ | x)` of a denoising autoencoder, and binarisation.

use std::ops::Range;

use rand::{
    RngExt,
    distr::{Bernoulli, Distribution},
};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    data::Matrix,
    random::{Purpose, stream},
};

/// What is done to an input before it is encoded (Vincent et al. 2008, 2010).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CorruptionKind {
    /// Nothing.
    None,
    /// A share of the cells becomes 0: the mean of a standardised column, no category at all.
    Masking,
    /// Normal noise is added to every number.
    Gaussian,
    /// A share of the numbers becomes the least or the greatest of its column, by the toss of a coin.
    SaltAndPepper,
    /// A share of the cells is replaced by the cell of the same column in another row: noise for tables.
    Swap,
    /// A share of the rows keep one of their views and lose the others, which become 0, so that all views are learnt from
    /// all and from each (Ngiam et al. 2011).
    Views,
}

/// How values between 0 and 1 become 0 or 1, where a likelihood of binary data is to be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Binarize {
    /// They stay as they are.
    None,
    /// Each is the probability of a 1, drawn once for each row (Larochelle & Murray 2011).
    Static,
    /// Each is the probability of a 1, drawn anew whenever a row is learned from (Burda et al. 2016).
    Dynamic,
}

/// A corruption that knows its columns.
#[derive(Debug, Clone)]
pub struct Corruption {
    kind: CorruptionKind,
    level: f64,
    /// The features of each column: one for numbers, several for categories; of each view where views are dropped.
    columns: Vec<Range<usize>>,
    /// Least and greatest value of each feature.
    bounds: Vec<(f32, f32)>,
}

impl Corruption {
    /// A corruption of rows like `rows`, whose `columns` are groups of features; `None` where nothing is corrupted.
    pub fn new(kind: CorruptionKind, level: f64, columns: Vec<Range<usize>>, rows: &Matrix) -> Option<Self> {
        let mut bounds = Vec::new();
        match kind {
            CorruptionKind::None => return None,
            CorruptionKind::SaltAndPepper => {
                bounds = vec![(f32::INFINITY, f32::NEG_INFINITY); rows.cols()];
                for row in rows.iter_rows() {
                    for (bound, &v) in bounds.iter_mut().zip(row) {
                        *bound = (bound.0.min(v), bound.1.max(v));
                    }
                }
            }
            _ => {}
        }
        Some(Self { kind, level, columns, bounds })
    }

    /// Corrupts `x` in place and returns which entries were corrupted, row by row. Swapped cells come from `donors`.
    pub fn apply(&self, x: &mut Matrix, donors: &Matrix, rng: &mut ChaCha8Rng) -> Vec<bool> {
        let cols = x.cols();
        let mut corrupted = vec![false; x.as_slice().len()];
        let hit = Bernoulli::new(self.level.clamp(0.0, 1.0)).expect("a number from 0 to 1");
        match self.kind {
            CorruptionKind::None => {}
            CorruptionKind::Gaussian => {
                let level = self.level as f32;
                for value in x.as_mut_slice() {
                    let noise: f32 = StandardNormal.sample(rng);
                    *value += level * noise;
                }
                corrupted.fill(true);
            }
            CorruptionKind::SaltAndPepper => {
                for (at, (value, flag)) in x.as_mut_slice().iter_mut().zip(&mut corrupted).enumerate() {
                    if hit.sample(rng) {
                        let (least, greatest) = self.bounds[at % cols];
                        *value = if rng.random::<bool>() { greatest } else { least };
                        *flag = true;
                    }
                }
            }
            CorruptionKind::Views => {
                for i in 0..x.rows() {
                    if !hit.sample(rng) {
                        continue;
                    }
                    let kept = rng.random_range(0..self.columns.len().max(1) as u64) as usize;
                    for (_, range) in self.columns.iter().enumerate().filter(|(view, _)| *view != kept) {
                        x.row_mut(i)[range.clone()].fill(0.0);
                        corrupted[i * cols + range.start..i * cols + range.end].fill(true);
                    }
                }
            }
            CorruptionKind::Masking | CorruptionKind::Swap => {
                for i in 0..x.rows() {
                    for range in &self.columns {
                        if !hit.sample(rng) {
                            continue;
                        }
                        let cell = &mut x.row_mut(i)[range.clone()];
                        if self.kind == CorruptionKind::Swap {
                            let donor = rng.random_range(0..donors.rows().max(1) as u64) as usize;
                            cell.copy_from_slice(&donors.row(donor)[range.clone()]);
                        } else {
                            cell.fill(0.0);
                        }
                        corrupted[i * cols + range.start..i * cols + range.end].fill(true);
                    }
                }
            }
        }
        corrupted
    }
}

/// Replaces every value `p` by 1 with probability `p`, else by 0.
pub(super) fn draw_binary(x: &mut [f32], rng: &mut ChaCha8Rng) {
    x.iter_mut().for_each(|value| *value = f32::from(rng.random::<f32>() < *value));
}

/// Every row drawn once, as a function of its own values: the same row becomes the same bits wherever it stands.
pub(super) fn binarize_rows(x: &Matrix) -> Matrix {
    let mut x = x.clone();
    for i in 0..x.rows() {
        let mut rng = stream(row_key(x.row(i)), Purpose::Binarize, 0, 0);
        draw_binary(x.row_mut(i), &mut rng);
    }
    x
}

/// A key for random streams that belong to a row, whatever stands beside it: FNV-1a (Fowler, Noll & Vo 1991) of its bits.
pub(super) fn row_key(row: &[f32]) -> u64 {
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    row.iter().flat_map(|v| v.to_bits().to_le_bytes()).fold(0xcbf2_9ce4_8422_2325, mix)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 4000 rows of a number, a category of three values and a number.
    fn rows() -> Matrix {
        let values = (0..4000usize).flat_map(|i| {
            let mut row = [0.0, 0.0, 0.0, 0.0, 2.0 + (i % 7) as f32];
            row[0] = 1.0 + (i % 5) as f32;
            row[1 + i % 3] = 1.0;
            row
        });
        Matrix::new(4000, 5, values.collect())
    }

    fn corrupted(kind: CorruptionKind, level: f64) -> (Matrix, Matrix, Vec<bool>) {
        let clean = rows();
        let corruption = Corruption::new(kind, level, vec![0..1, 1..4, 4..5], &clean).unwrap();
        let mut x = clean.clone();
        let flags = corruption.apply(&mut x, &clean, &mut stream(3, Purpose::Corruption, 0, 0));
        (clean, x, flags)
    }

    #[test]
    fn a_share_of_the_cells_is_corrupted_and_the_rest_untouched() {
        for kind in [CorruptionKind::Masking, CorruptionKind::SaltAndPepper, CorruptionKind::Swap] {
            let (clean, x, flags) = corrupted(kind, 0.3);
            let share = flags.iter().filter(|f| **f).count() as f64 / flags.len() as f64;
            assert!((share - 0.3).abs() < 0.015, "{kind:?}: {share}");
            for ((a, b), flag) in clean.as_slice().iter().zip(x.as_slice()).zip(&flags) {
                assert!(*flag || a == b, "{kind:?}");
            }
        }
    }

    #[test]
    fn each_kind_does_what_its_name_says() {
        let (_, x, flags) = corrupted(CorruptionKind::Masking, 0.5);
        assert!(x.as_slice().iter().zip(&flags).all(|(v, f)| !f || *v == 0.0));
        let (_, x, flags) = corrupted(CorruptionKind::SaltAndPepper, 0.5);
        let bounds = [(1.0, 5.0), (0.0, 1.0), (0.0, 1.0), (0.0, 1.0), (2.0, 8.0)];
        let mut high = 0;
        for (at, v) in x.as_slice().iter().enumerate().filter(|(at, _)| flags[*at]) {
            let (least, greatest) = bounds[at % 5];
            assert!(*v == least || *v == greatest, "{v}");
            high += usize::from(*v == greatest);
        }
        let share = high as f64 / flags.iter().filter(|f| **f).count() as f64;
        assert!((share - 0.5).abs() < 0.02, "{share}");
        // A swapped category is a category still, and columns keep their distribution.
        let (clean, x, _) = corrupted(CorruptionKind::Swap, 0.9);
        assert!(x.iter_rows().all(|row| row[1..4].iter().sum::<f32>() == 1.0));
        let mean = |m: &Matrix| m.iter_rows().map(|row| f64::from(row[4])).sum::<f64>() / 4000.0;
        assert!((mean(&clean) - mean(&x)).abs() < 0.1);
        let (clean, x, flags) = corrupted(CorruptionKind::Gaussian, 0.5);
        let squares = clean.as_slice().iter().zip(x.as_slice()).map(|(a, b)| f64::from(b - a).powi(2));
        let deviation = (squares.sum::<f64>() / flags.len() as f64).sqrt();
        assert!((deviation - 0.5).abs() < 0.01 && flags.iter().all(|f| *f), "{deviation}");
    }

    #[test]
    fn a_share_of_the_rows_keeps_one_view_and_loses_exactly_the_columns_of_the_others() {
        let views = [0..1, 1..4, 4..5];
        let clean = rows();
        let corruption = Corruption::new(CorruptionKind::Views, 0.6, views.to_vec(), &clean).unwrap();
        let mut x = clean.clone();
        let flags = corruption.apply(&mut x, &clean, &mut stream(3, Purpose::Corruption, 0, 0));
        let mut kept = [0usize; 4];
        for i in 0..x.rows() {
            let flags = &flags[i * 5..(i + 1) * 5];
            let dropped: Vec<bool> = views.iter().map(|view| flags[view.start]).collect();
            for (view, dropped) in views.iter().zip(&dropped) {
                assert!(flags[view.clone()].iter().all(|flag| flag == dropped));
                match dropped {
                    true => assert!(x.row(i)[view.clone()].iter().all(|v| *v == 0.0)),
                    false => assert_eq!(x.row(i)[view.clone()], clean.row(i)[view.clone()]),
                }
            }
            match dropped.iter().filter(|d| **d).count() {
                0 => kept[3] += 1,
                2 => kept[dropped.iter().position(|d| !d).unwrap()] += 1,
                other => panic!("{other} of 3 views are dropped"),
            }
        }
        for (share, expected) in kept.iter().zip([0.2, 0.2, 0.2, 0.4]) {
            let share = *share as f64 / 4000.0;
            assert!((share - expected).abs() < 0.025, "{kept:?}");
        }
    }

    #[test]
    fn a_row_is_binarised_by_its_values_alone() {
        let grey = Matrix::new(3, 400, (0..1200).map(|i| (i % 400) as f32 / 399.0).collect());
        let bits = binarize_rows(&grey);
        assert_eq!(bits.row(0), bits.row(2), "equal rows become equal bits");
        assert!(bits.as_slice().iter().all(|v| *v == 0.0 || *v == 1.0));
        assert_eq!((bits.row(0)[0], bits.row(0)[399]), (0.0, 1.0));
        let ones = bits.row(0).iter().sum::<f32>();
        assert!((ones - 200.0).abs() < 30.0, "{ones}");
        assert_eq!(binarize_rows(&bits), bits, "bits stay as they are");
    }
}
