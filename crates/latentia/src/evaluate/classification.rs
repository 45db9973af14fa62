//! How often predicted labels are right.

use crate::{Result, evaluate::check_lengths};

/// The share of predictions that equal the label.
///
/// # Errors
/// When the lists are empty or of different lengths.
pub fn accuracy(labels: &[u32], predicted: &[u32]) -> Result<f64> {
    check_lengths("predicted", predicted.len(), "the labels", labels.len())?;
    let right = labels.iter().zip(predicted).filter(|(a, b)| a == b).count();
    Ok(right as f64 / labels.len() as f64)
}

/// Counts `[i][j]` of rows with label `i` predicted as `j`; as many rows and columns as the largest label needs.
///
/// # Errors
/// As [`accuracy`].
pub fn confusion_matrix(labels: &[u32], predicted: &[u32]) -> Result<Vec<Vec<u64>>> {
    check_lengths("predicted", predicted.len(), "the labels", labels.len())?;
    let classes = labels.iter().chain(predicted).max().map_or(0, |&m| m as usize + 1);
    let mut counts = vec![vec![0; classes]; classes];
    for (&label, &prediction) in labels.iter().zip(predicted) {
        counts[label as usize][prediction as usize] += 1;
    }
    Ok(counts)
}
