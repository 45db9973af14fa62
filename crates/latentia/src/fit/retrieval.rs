//! How well a search by code finds rows of the same label, with searches by PCA and by the input beside it.

use crate::{
    Error, Result,
    codes::pca::Pca,
    data::{Dataset, Matrix, Split},
    evaluate::directions,
    figures::RetrievalFigures,
    model::Encode,
    search::{Tags, are_bits, binarize, medians, retrieval_precision},
};

/// Rows that a search finds, unless the user says otherwise: what the literature on hashing reports.
pub const RETRIEVED: usize = 100;

/// The figures of searching `searched` for the rows of `asked`; `None` where rows have no labels.
///
/// Rows are alike when they share a label: one of their tags, where they have such a column, else their class. Codes and
/// PCA's are compared by distance (PCA's become bits at their medians where the codes are bits), inputs by the cosine of
/// their angle.
///
/// # Errors
/// `k` is not within 1 and the number of rows searched.
pub fn retrieval(
    encoder: &dyn Encode,
    pca: Option<&Pca>,
    searched: &[&Split],
    asked: &Split,
    classes: usize,
    k: usize,
) -> Result<Option<RetrievalFigures>> {
    let Some((tags, asked_tags)) = tags(searched, asked, classes) else { return Ok(None) };
    if asked.is_empty() {
        return Ok(None);
    }
    if k == 0 || k > tags.len() {
        return Err(Error::config("retrieval", format!("found {k}, expected 1 to {} rows", tags.len())));
    }
    let x = stack(searched);
    let precision = |a: &Matrix, b: &Matrix| retrieval_precision((a, &tags), (b, &asked_tags), k);
    let (codes, asked_codes) = (encoder.encode(&x)?, encoder.encode(&asked.x)?);
    let bits = are_bits(&codes) && are_bits(&asked_codes);
    let in_pca = match pca {
        Some(pca) => {
            let (mut a, mut b) = (pca.encode(&x)?, pca.encode(&asked.x)?);
            if bits {
                let limits = medians(&a);
                (a, b) = (binarize(&a, &limits), binarize(&b, &limits));
            }
            Some(precision(&a, &b)?)
        }
        None => None,
    };
    Ok(Some(RetrievalFigures {
        k,
        searched: x.rows(),
        queries: asked.len(),
        bits,
        in_code: precision(&codes, &asked_codes)?,
        in_pca,
        in_input: precision(&directions(x), &directions(asked.x.clone()))?,
    }))
}

/// The parts of the data that a search goes through, and the one whose rows are searched for: the one least used in fitting.
pub fn retrieval_parts(data: &Dataset) -> Option<(Vec<&Split>, &Split)> {
    match (data.test.is_empty(), data.validation.is_empty()) {
        (false, true) => Some((vec![&data.train], &data.test)),
        (false, false) => Some((vec![&data.train, &data.validation], &data.test)),
        (true, false) => Some((vec![&data.train], &data.validation)),
        (true, true) => None,
    }
}

/// The labels of the rows searched and of those asked for.
fn tags(searched: &[&Split], asked: &Split, classes: usize) -> Option<(Tags, Tags)> {
    let texts: Option<Vec<String>> =
        searched.iter().map(|s| s.tags.clone()).collect::<Option<Vec<_>>>().map(|tags| tags.concat());
    if let (Some(texts), Some(asked)) = (&texts, &asked.tags) {
        let mut both = Tags::of_texts(&[texts, asked]);
        return Some((both.remove(0), both.remove(0)));
    }
    let labels: Option<Vec<Vec<u32>>> = searched.iter().map(|s| s.labels.clone()).collect();
    let asked = asked.labels.as_ref()?;
    (classes > 1).then_some(())?;
    Some((Tags::of_classes(&labels?.concat(), classes), Tags::of_classes(asked, classes)))
}

/// All rows below each other.
fn stack(parts: &[&Split]) -> Matrix {
    let rows = parts.iter().map(|part| part.len()).sum();
    let cols = parts.first().map_or(0, |part| part.x.cols());
    Matrix::new(rows, cols, parts.iter().flat_map(|part| part.x.as_slice()).copied().collect())
}
