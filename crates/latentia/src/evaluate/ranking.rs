//! How well scores put the positive rows first.

use crate::{Error, Result, evaluate::check_lengths};

/// A point of a curve, reached by calling every score of at least `threshold` positive.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// False positive rate (ROC) or recall (precision-recall).
    pub x: f64,
    /// True positive rate (ROC) or precision (precision-recall).
    pub y: f64,
    /// The score from which on a row is called positive; infinity where none is.
    pub threshold: f64,
}

/// Area under the ROC curve: the probability that a positive row scores higher than a negative one, ties counting one
/// half (Hanley and McNeil 1982).
///
/// # Errors
/// When the lists differ in length, a score is NaN, or one of the two classes is empty.
pub fn roc_auc(positive: &[bool], scores: &[f64]) -> Result<f64> {
    let curve = roc_curve(positive, scores)?;
    Ok(curve.windows(2).map(|w| (w[1].x - w[0].x) * (w[1].y + w[0].y) / 2.0).sum())
}

/// The ROC curve from (0, 0) to (1, 1): false positive rate and true positive rate, a point for every distinct score.
///
/// # Errors
/// As [`roc_auc`].
pub fn roc_curve(positive: &[bool], scores: &[f64]) -> Result<Vec<Point>> {
    let steps = steps(positive, scores)?;
    let (p, n) = steps.last().map_or((0, 0), |s| (s.positives, s.negatives));
    if n == 0 {
        return Err(Error::config("positive", "every row is positive: there is nothing to tell apart"));
    }
    let start = Point { x: 0.0, y: 0.0, threshold: f64::INFINITY };
    let point = |s: &Step| Point {
        x: s.negatives as f64 / n as f64,
        y: s.positives as f64 / p as f64,
        threshold: s.threshold,
    };
    Ok(std::iter::once(start).chain(steps.iter().map(point)).collect())
}

/// Average precision `Σ_t (R_t - R_{t-1}) P_t` over the distinct scores `t`, descending (not interpolated).
///
/// # Errors
/// When the lists differ in length, a score is NaN, or no row is positive.
pub fn average_precision(positive: &[bool], scores: &[f64]) -> Result<f64> {
    let curve = precision_recall_curve(positive, scores)?;
    Ok(curve.windows(2).map(|w| (w[1].x - w[0].x) * w[1].y).sum())
}

/// The precision-recall curve by ascending recall: from recall 0 (precision 1 by convention) a point for every distinct
/// score, descending.
///
/// # Errors
/// As [`average_precision`].
pub fn precision_recall_curve(positive: &[bool], scores: &[f64]) -> Result<Vec<Point>> {
    let steps = steps(positive, scores)?;
    let all = steps.last().map_or(0, |s| s.positives);
    let start = Point { x: 0.0, y: 1.0, threshold: f64::INFINITY };
    let point = |s: &Step| Point {
        x: s.positives as f64 / all as f64,
        y: s.positives as f64 / (s.positives + s.negatives) as f64,
        threshold: s.threshold,
    };
    Ok(std::iter::once(start).chain(steps.iter().map(point)).collect())
}

/// The share of positive rows among the `n` of highest score. Among rows of equal score at the border each counts by the
/// chance that it is one of the `n`, so the order of the rows does not matter.
///
/// # Errors
/// As [`average_precision`]; when `n` is not within 1 and the number of rows.
pub fn precision_at(positive: &[bool], scores: &[f64], n: usize) -> Result<f64> {
    let steps = steps(positive, scores)?;
    if n == 0 || n > scores.len() {
        return Err(Error::config("n", format!("{n} of {} rows; use 1 to {}", scores.len(), scores.len())));
    }
    let (mut rows, mut found) = (0, 0);
    for step in steps {
        let reached = step.positives + step.negatives;
        if reached >= n {
            let share = (n - rows) as f64 / (reached - rows) as f64;
            return Ok((found as f64 + share * (step.positives - found) as f64) / n as f64);
        }
        (rows, found) = (reached, step.positives);
    }
    Ok(found as f64 / n as f64)
}

/// How many rows of each class score at least `threshold`.
struct Step {
    threshold: f64,
    positives: usize,
    negatives: usize,
}

/// One step for each distinct score, descending.
fn steps(positive: &[bool], scores: &[f64]) -> Result<Vec<Step>> {
    check_lengths("scores", scores.len(), "the labels", positive.len())?;
    if let Some(row) = scores.iter().position(|s| s.is_nan()) {
        return Err(Error::config("scores", format!("row {}: found NaN, expected a number", row + 1)));
    }
    if !positive.contains(&true) {
        return Err(Error::config("positive", "no row is positive: there is nothing to find"));
    }
    let mut order: Vec<usize> = (0..scores.len()).collect();
    // Adding 0 makes one of the two zeros, so that they tie.
    order.sort_unstable_by(|&a, &b| (scores[b] + 0.0).total_cmp(&(scores[a] + 0.0)));
    let (mut positives, mut negatives) = (0, 0);
    let step = |ties: &[usize]| {
        let hits = ties.iter().filter(|&&i| positive[i]).count();
        positives += hits;
        negatives += ties.len() - hits;
        Step { threshold: scores[ties[0]], positives, negatives }
    };
    Ok(order.chunk_by(|&a, &b| scores[a] == scores[b]).map(step).collect())
}
