//! Which rows are for training, validation and testing.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// What a row is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Train,
    Validation,
    Test,
    /// Left out: a cell is missing.
    Dropped,
}

/// Shuffles `indices` in place, the same way for the same seed (Fisher and Yates, 1938).
fn shuffle(indices: &mut [usize], rng: &mut ChaCha8Rng) {
    for i in (1..indices.len()).rev() {
        // The bias of the remainder is below 2^-32 for any table that fits into memory.
        let j = (rng.next_u64() % (i as u64 + 1)) as usize;
        indices.swap(i, j);
    }
}

/// Gives each row that is not left out its part: `test` of all rows, then `validation` of the rest, drawn at random
/// from the seed. With `classes` each class is split by itself, so that its share is the same in every part.
pub(crate) fn assign(parts: &mut [Part], classes: Option<&[u32]>, validation: f64, test: f64, seed: u64) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for i in (0..parts.len()).filter(|&i| parts[i] != Part::Dropped) {
        let group = classes.map_or(0, |classes| classes[i] as usize);
        if group >= groups.len() {
            groups.resize_with(group + 1, Vec::new);
        }
        groups[group].push(i);
    }
    // The remainders of the classes add up, so that the parts have their sizes over all rows whatever the classes are.
    let (mut due_test, mut due_validation) = (0.0, 0.0);
    for group in &mut groups {
        shuffle(group, &mut rng);
        let n = group.len() as f64;
        let tests = take(&mut due_test, n * test, group.len());
        let validations = take(&mut due_validation, n * (1.0 - test) * validation, group.len() - tests);
        for (k, &i) in group.iter().enumerate() {
            parts[i] = match k {
                k if k < tests => Part::Test,
                k if k < tests + validations => Part::Validation,
                _ => Part::Train,
            };
        }
    }
}

/// Whole rows out of the amount due, at most `most`; the rest stays due.
fn take(due: &mut f64, amount: f64, most: usize) -> usize {
    *due += amount;
    let whole = ((*due + 0.5).floor().max(0.0) as usize).min(most);
    *due -= whole as f64;
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(parts: &[Part], part: Part) -> usize {
        parts.iter().filter(|&&p| p == part).count()
    }

    #[test]
    fn parts_have_their_sizes_and_follow_the_seed() {
        let split = |seed| {
            let mut parts = vec![Part::Train; 1000];
            parts[7] = Part::Dropped;
            assign(&mut parts, None, 0.1, 0.2, seed);
            parts
        };
        let parts = split(3);
        assert_eq!(count(&parts, Part::Test), 200);
        assert_eq!(count(&parts, Part::Validation), 80);
        assert_eq!(parts[7], Part::Dropped);
        assert_eq!(parts, split(3));
        assert_ne!(parts, split(4));
    }

    #[test]
    fn every_class_has_its_share() {
        let classes: Vec<u32> = (0..1000).map(|i| if i < 900 { 0 } else { 1 }).collect();
        let mut parts = vec![Part::Train; 1000];
        assign(&mut parts, Some(&classes), 0.1, 0.0, 1);
        assert_eq!(count(&parts[..900], Part::Validation), 90);
        assert_eq!(count(&parts[900..], Part::Validation), 10);
    }

    #[test]
    fn many_small_classes_still_add_up() {
        let classes: Vec<u32> = (0..100).map(|i| i / 2).collect();
        let mut parts = vec![Part::Train; 100];
        assign(&mut parts, Some(&classes), 0.1, 0.0, 1);
        assert_eq!(count(&parts, Part::Validation), 10);
    }
}
