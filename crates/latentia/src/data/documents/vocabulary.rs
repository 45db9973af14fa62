//! The words that are features, and the weight of a word in a document.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{stop_words::is_stop_word, words};

/// What a word's feature is in a document that holds it `n` times; 0 where it does not occur.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Weighting {
    /// The share of the word among the document's words that are in the vocabulary, `n / Σ n`: documents of all lengths
    /// weigh alike.
    #[default]
    Tf,
    /// The count `n`.
    Count,
    /// `1 + ln n`.
    LogTf,
    /// `n (1 + ln((1 + D) / (1 + d)))` for a word in `d` of `D` training documents, scaled to length 1 over the document.
    TfIdf,
}

/// The words that are features.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vocabulary {
    /// The words: those in most training documents first, in alphabetical order among equals.
    pub words: Vec<String>,
    /// Number of training documents that hold each of them.
    pub documents: Vec<u64>,
    /// Number of training documents.
    pub of: u64,
}

/// In how many documents words occur.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Documents that hold the word, and the last of them.
    words: HashMap<String, (u64, u64)>,
    documents: u64,
}

impl Counts {
    /// Takes in a document.
    pub(crate) fn add(&mut self, document: &str) {
        self.documents += 1;
        for word in words(document) {
            let (count, last) = self.words.entry(word).or_insert((0, 0));
            if *last != self.documents {
                (*count, *last) = (*count + 1, self.documents);
            }
        }
    }

    /// The `most` words that are in most documents, in at least `min_documents` of them.
    pub(crate) fn vocabulary(self, most: usize, min_documents: u64, stop_words: bool) -> Vocabulary {
        let kept = |word: &str, count: u64| count >= min_documents && !(stop_words && is_stop_word(word));
        let mut words: Vec<(String, u64)> = self
            .words
            .into_iter()
            .map(|(word, (count, _))| (word, count))
            .filter(|(word, count)| kept(word, *count))
            .collect();
        words.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        words.truncate(most);
        let (words, documents) = words.into_iter().unzip();
        Vocabulary { words, documents, of: self.documents }
    }
}

impl Vocabulary {
    /// Number of words.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Whether there are no words.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Whether the lists belong together.
    pub(crate) fn is_sound(&self) -> bool {
        self.words.len() == self.documents.len() && self.documents.iter().all(|&d| d <= self.of)
    }

    /// The words of greatest weight in a row of features, at most `most`, those of weight 0 left out.
    pub fn heaviest(&self, row: &[f32], most: usize) -> Vec<(&str, f32)> {
        let mut found: Vec<(usize, f32)> =
            row.iter().copied().enumerate().filter(|(_, weight)| *weight > 0.0).collect();
        let order = |a: &(usize, f32), b: &(usize, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
        if most > 0 && most < found.len() {
            found.select_nth_unstable_by(most - 1, order);
        }
        found.truncate(most);
        found.sort_unstable_by(order);
        found.into_iter().filter_map(|(i, weight)| Some((self.words.get(i)?.as_str(), weight))).collect()
    }
}

/// Fills `out`, all zero, with the weights of a document's words; `index` says where each word of the vocabulary is.
pub(crate) fn weigh(
    document: &str,
    vocabulary: &Vocabulary,
    index: &HashMap<String, usize>,
    weighting: Weighting,
    out: &mut [f32],
) {
    let mut total = 0u64;
    for word in words(document) {
        if let Some(&i) = index.get(&word) {
            out[i] += 1.0;
            total += 1;
        }
    }
    match weighting {
        Weighting::Count => {}
        Weighting::Tf => {
            let total = total.max(1) as f32;
            out.iter_mut().for_each(|n| *n /= total);
        }
        Weighting::LogTf => out.iter_mut().filter(|n| **n > 0.0).for_each(|n| *n = 1.0 + n.ln()),
        Weighting::TfIdf => {
            let mut squares = 0.0;
            for (n, &d) in out.iter_mut().zip(&vocabulary.documents).filter(|(n, _)| **n > 0.0) {
                let idf = 1.0 + ((1 + vocabulary.of) as f64 / (1 + d) as f64).ln();
                *n = (f64::from(*n) * idf) as f32;
                squares += f64::from(*n).powi(2);
            }
            if squares > 0.0 {
                let length = squares.sqrt() as f32;
                out.iter_mut().for_each(|n| *n /= length);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENTS: [&str; 4] = [
        "Oil prices rose; oil and gas prices.",
        "The price of wheat fell, wheat exports too.",
        "Gas and oil exports.",
        "Grain: wheat, corn, corn, corn.",
    ];

    fn vocabulary(most: usize, min_documents: u64, stop_words: bool) -> Vocabulary {
        let mut counts = Counts::default();
        DOCUMENTS.iter().for_each(|document| counts.add(document));
        counts.vocabulary(most, min_documents, stop_words)
    }

    #[test]
    fn the_words_in_most_documents_come_first_and_each_document_counts_once() {
        let v = vocabulary(5, 1, true);
        assert_eq!(v.words, ["exports", "gas", "oil", "wheat", "corn"]);
        assert_eq!(v.documents, [2, 2, 2, 2, 1]);
        assert_eq!(v.of, 4);
        assert_eq!(vocabulary(99, 2, true).words, ["exports", "gas", "oil", "wheat"]);
        assert_eq!(vocabulary(99, 2, false).words, ["and", "exports", "gas", "oil", "wheat"]);
        assert!(vocabulary(99, 5, false).is_empty());
    }

    #[test]
    fn weights_are_those_of_their_equations() {
        let v = vocabulary(5, 1, true);
        let index: HashMap<String, usize> = v.words.iter().cloned().zip(0..).collect();
        let weights = |weighting| {
            let mut out = vec![0.0; v.len()];
            weigh("corn wheat corn gas corn corn unknown", &v, &index, weighting, &mut out);
            out
        };
        assert_eq!(weights(Weighting::Count), [0.0, 1.0, 0.0, 1.0, 4.0]);
        assert_eq!(weights(Weighting::Tf), [0.0, 1.0 / 6.0, 0.0, 1.0 / 6.0, 4.0 / 6.0]);
        assert_eq!(weights(Weighting::LogTf), [0.0, 1.0, 0.0, 1.0, 1.0 + 4f32.ln()]);
        let idf = [1.0 + (5f64 / 3.0).ln(), 1.0 + (5f64 / 2.0).ln()];
        let length = (2.0 * idf[0].powi(2) + (4.0 * idf[1]).powi(2)).sqrt();
        let found = weights(Weighting::TfIdf);
        for (found, expected) in found.iter().zip([0.0, idf[0], 0.0, idf[0], 4.0 * idf[1]]) {
            assert!((f64::from(*found) - expected / length).abs() < 1e-6, "{found}");
        }
        assert_eq!(v.heaviest(&weights(Weighting::Count), 2), [("corn", 4.0), ("gas", 1.0)]);
        let mut nothing = vec![0.0; v.len()];
        weigh("unknown", &v, &index, Weighting::Tf, &mut nothing);
        assert_eq!(nothing, [0.0; 5]);
    }
}
