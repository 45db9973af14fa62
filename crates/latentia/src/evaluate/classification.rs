//! How often predicted labels are right.

use crate::{Error, Result, evaluate::check_lengths};

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

/// The mean over the classes that occur of the share of their rows that are predicted right: each class counts the same.
///
/// # Errors
/// As [`accuracy`].
pub fn balanced_accuracy(labels: &[u32], predicted: &[u32]) -> Result<f64> {
    let counts = confusion_matrix(labels, predicted)?;
    let recalls = counts.iter().enumerate().filter_map(|(i, row)| {
        let rows: u64 = row.iter().sum();
        (rows > 0).then(|| row[i] as f64 / rows as f64)
    });
    let recalls: Vec<f64> = recalls.collect();
    Ok(recalls.iter().sum::<f64>() / recalls.len() as f64)
}

/// The mean of `−log p(label)` in nats, for the log-probability of the label of every row; a probability of 0 counts as
/// the smallest number there is, so that one row does not hide all others.
///
/// # Errors
/// When there is no row.
pub fn log_loss(log_probabilities: &[f64]) -> Result<f64> {
    if log_probabilities.is_empty() {
        return Err(Error::config("log_probabilities", "nothing to measure: no rows"));
    }
    let least = f64::from(f32::MIN_POSITIVE).ln();
    Ok(-log_probabilities.iter().map(|l| l.max(least)).sum::<f64>() / log_probabilities.len() as f64)
}
