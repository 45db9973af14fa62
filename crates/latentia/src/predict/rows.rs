//! Which rows are learnt from, and what their labels are as targets.

use crate::{
    data::Matrix,
    random::{Purpose, permutation, stream},
};

/// `count` of the rows with these labels (all for 0), every class with its share, at least one row of each where `count`
/// allows; drawn by the seed, in order.
pub(crate) fn labelled_rows(labels: &[u32], classes: usize, count: usize, seed: u64) -> Vec<usize> {
    if count == 0 || count >= labels.len() {
        return (0..labels.len()).collect();
    }
    let mut of_class = vec![Vec::new(); classes];
    for i in permutation(labels.len(), &mut stream(seed, Purpose::Split, 0, 0)) {
        of_class[labels[i] as usize].push(i);
    }
    // The row of a class that its share is most behind with comes next: by the shares n_c (taken + ½) / n.
    let due = |class: usize, taken: usize| (taken as f64 + 0.5) / of_class[class].len() as f64;
    let mut taken = vec![0; classes];
    let mut chosen = Vec::with_capacity(count);
    while chosen.len() < count {
        let open = (0..classes).filter(|&c| taken[c] < of_class[c].len());
        // Classes without a row yet come before all others.
        let next = open.min_by(|&a, &b| {
            let key = |c: usize| if taken[c] == 0 { -1.0 } else { due(c, taken[c]) };
            key(a).total_cmp(&key(b)).then(a.cmp(&b))
        });
        let Some(class) = next else { break };
        chosen.push(of_class[class][taken[class]]);
        taken[class] += 1;
    }
    chosen.sort_unstable();
    chosen
}

/// The weight of a row of each class: `n / (C n_c)` when every class is to count the same, else 1.
pub(super) fn class_weights(labels: &[u32], classes: usize, balanced: bool) -> Vec<f32> {
    if !balanced {
        return vec![1.0; classes];
    }
    let mut counts = vec![0usize; classes];
    labels.iter().for_each(|&l| counts[l as usize] += 1);
    let present = counts.iter().filter(|&&n| n > 0).count();
    let weight = |&n: &usize| if n > 0 { (labels.len() as f64 / (present * n) as f64) as f32 } else { 0.0 };
    counts.iter().map(weight).collect()
}

/// `(1 − ε) onehot(y) + ε / C` for every label, `[rows, classes]`, times the weight of its class.
pub(super) fn targets(labels: &[u32], weights: &[f32], smoothing: f64) -> Matrix {
    let classes = weights.len();
    let mut targets = Matrix::zeros(labels.len(), classes);
    for (i, &label) in labels.iter().enumerate() {
        let weight = weights[label as usize];
        let row = targets.row_mut(i);
        row.fill(weight * (smoothing / classes as f64) as f32);
        row[label as usize] += weight * (1.0 - smoothing) as f32;
    }
    targets
}
