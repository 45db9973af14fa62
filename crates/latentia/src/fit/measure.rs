//! Figures of a fitted model, with PCA and nearest neighbours on the input beside them.

use std::borrow::Cow;

use super::{
    detection::{self, Detection},
    map::{Map, maps},
    predict::{self, Predictions},
    regress,
    retrieval::{RETRIEVED, retrieval, retrieval_parts},
    views,
};
use crate::{
    Result,
    anomaly::AnomalyConfig,
    codes::{
        pca::{Pca, PcaConfig},
        reconstruction_errors,
    },
    data::{Dataset, Matrix, Split},
    evaluate,
    figures::{
        Agreement, ClusterFigures, Figures, LikelihoodFigures, NeighbourFigures, PartFigures, PcaPoint,
        RegressionPart, RetrievalFigures, Threshold,
    },
    model::{Assign, Assignment, Encode, Model},
    random::{Purpose, stream, subset},
    search::are_bits,
};

/// Most rows that are searched for neighbours, and most that are classified by them.
const NEIGHBOUR_ROWS: (usize, usize) = (60_000, 10_000);
/// Neighbours that vote.
const NEIGHBOURS: usize = 5;
/// Most components of the PCA curve.
const CURVE: usize = 256;

/// The figures, and what the report draws besides.
#[derive(Debug)]
pub(super) struct Measured {
    pub figures: Figures,
    /// Scores of the rows of every part.
    pub scores: Vec<(String, Vec<f64>)>,
    /// The model's map of the codes, and that of PCA.
    pub maps: Vec<Map>,
    /// What a classifier says of the rows that baselines are compared on.
    pub predictions: Predictions,
    /// The scaled numbers that a regressor tells those rows.
    pub told: Matrix,
    /// What is drawn where labels say which rows are unusual.
    pub detection: Option<Detection>,
    pub warnings: Vec<String>,
}

/// The parts of the data that have rows, by name.
pub(super) fn parts(data: &Dataset) -> Vec<(&'static str, &Split)> {
    let all = [("train", &data.train), ("validation", &data.validation), ("test", &data.test)];
    all.into_iter().filter(|(_, split)| !split.is_empty()).collect()
}

/// The part that was least used in fitting: baselines are compared on it.
pub(super) fn comparison(data: &Dataset) -> (&'static str, &Split) {
    parts(data).pop().unwrap_or(("train", &data.train))
}

/// `complete`: training came to its end. Who stops it does not wait for importance samples, which may take as long.
pub(super) fn measure(
    model: &dyn Model,
    data: &Dataset,
    anomaly: &AnomalyConfig,
    seed: u64,
    complete: bool,
) -> Result<Measured> {
    let (name, held_out) = comparison(data);
    let mut figures = Figures { comparison: name.to_owned(), ..Figures::default() };
    let mut warnings = Vec::new();
    if name == "train" {
        warnings.push(
            "No rows were held out: the figures are of rows the model has learned from. \
             Set data.validation or data.test-fraction"
                .to_owned(),
        );
    }
    // The code of a model of clusters is its distances to them: it has no rival of the same size.
    let code = model.as_encode().filter(|_| model.as_assign().is_none()).map(|m| m.code_size());
    let (baseline, curve) = match (code, model.kind()) {
        (Some(code), kind) => pca_beside(data, code, kind, seed)?,
        (None, _) => (None, None),
    };
    if let Some((pca, sizes)) = &curve {
        let errors = pca.errors_by_size(&held_out.x, sizes)?;
        figures.pca_curve =
            sizes.iter().zip(errors).map(|(&code, squared_error)| PcaPoint { code, squared_error }).collect();
    }
    let mut errors = Vec::new();
    if let Some(model) = model.as_reconstruct() {
        for (part, split) in parts(data) {
            let own = reconstruction_errors(&split.x, |x| model.reconstruct(x))?;
            let pca_squared_error = match &baseline {
                Some(pca) => Some(mean(&pca.squared_errors(&split.x)?)),
                None => None,
            };
            figures.parts.push(PartFigures {
                part: part.to_owned(),
                rows: split.len(),
                squared_error: mean(&own),
                pca_squared_error,
            });
            errors.push((part.to_owned(), own));
        }
    }
    if let Some(model) = model.as_assign() {
        for (part, split) in parts(data) {
            figures.clusters.push(clusters(model, part, split)?);
        }
    }
    if let Some(model) = model.as_log_likelihood()
        && model.figure_samples() > 0
    {
        let samples = model.figure_samples();
        if complete {
            let negative_log = -mean(&model.log_likelihood(&held_out.x, samples)?);
            figures.likelihood = Some(LikelihoodFigures {
                part: name.to_owned(),
                rows: held_out.len(),
                samples,
                negative_log,
            });
        } else {
            warnings.push(format!(
                "Training was stopped, so that the log-likelihood was not estimated: \
                 `latentia evaluate MODEL DATA --importance-samples {samples}` does"
            ));
        }
    }
    figures.views = views::measure(model, baseline.as_ref(), data, (name, held_out), seed)?;
    let mut scores = Vec::new();
    if let Some(model) = model.as_score() {
        if model.is_reconstruction_error() && !errors.is_empty() {
            scores = errors;
        } else {
            for (part, split) in parts(data) {
                scores.push((part.to_owned(), model.score(&split.x)?));
            }
        }
        // Rows the model has seen fit it too well: the threshold is that of unseen ones, where there are enough.
        let basis = scores.iter().filter(|(part, s)| part == "validation" && s.len() >= 100).chain(&scores);
        if let Some((part, scores)) = basis.into_iter().next() {
            figures.threshold = Some(threshold(scores, 1.0 - anomaly.contamination, part));
        }
    }
    let detection = detection::detect(model, data, &scores, anomaly, figures.threshold.as_ref())?;
    figures.detection = detection.as_ref().map(|d| d.figures.clone());
    if code.is_some() {
        let voters = Voters::new(model, data, held_out, seed);
        figures.neighbours = voters.map(|voters| neighbours(&voters, baseline.as_ref())).transpose()?;
        figures.retrieval = search(model, baseline.as_ref(), data)?;
    }
    // The curve's PCA, since that of the code size may have one component.
    let beside = curve.as_ref().map(|(pca, _)| pca).filter(|_| model.kind() != Pca::KIND);
    let maps = match model.as_assign() {
        Some(_) => Vec::new(),
        None => maps(model, beside, held_out, seed)?,
    };
    for map in &maps {
        figures.maps.extend(map.figures(held_out)?);
    }
    let mut predictions = Predictions::default();
    if let Some(model) = model.as_predict() {
        let (prediction, said) = predict::measure(model, data, held_out, seed)?;
        (figures.prediction, predictions) = (Some(prediction), said);
    }
    let mut told = Matrix::default();
    if let Some(model) = model.as_regress() {
        let (regression, numbers) = regress::measure(model, data, held_out)?;
        (figures.regression, told) = (Some(regression), numbers);
    }
    let copies = code.is_some_and(|code| code >= held_out.x.cols());
    warnings.extend(verdict(&figures, copies));
    Ok(Measured { figures, scores, maps, predictions, told, detection, warnings })
}

/// The threshold at a quantile of `scores`.
pub fn threshold(scores: &[f64], quantile: f64, part: &str) -> Threshold {
    let value = evaluate::quantile(scores, quantile);
    Threshold { value, quantile, part: part.to_owned(), rows: scores.len() }
}

type Curve = Option<(Pca, Vec<usize>)>;

/// PCA of the model's code size, and one of more components for the curve. A PCA is not its own baseline.
fn pca_beside(data: &Dataset, code: usize, kind: &str, seed: u64) -> Result<(Option<Pca>, Curve)> {
    let x = &data.train.x;
    let most = (x.rows() - 1).min(x.cols());
    let code = code.min(most);
    // With all components nothing is lost but rounding: that point would only stretch the axis.
    let longest = CURVE.min(most.saturating_sub(1)).max(code);
    let mut sizes: Vec<usize> = (0..).map(|i| 1 << i).take_while(|&k| k <= longest).collect();
    sizes.push(code);
    sizes.sort_unstable();
    sizes.dedup();
    let fit = |code| PcaConfig { code, ..PcaConfig::default() }.fit(x, seed);
    let curve = fit(longest)?;
    let baseline = match kind == Pca::KIND {
        true => None,
        false => Some(curve.truncated(code)),
    };
    Ok((baseline, Some((curve, sizes))))
}

/// How the rows of a part fall into clusters.
fn clusters(model: &dyn Assign, part: &str, split: &Split) -> Result<ClusterFigures> {
    let Assignment { clusters, distances } = model.assign(&split.x)?;
    let mut sizes = vec![0; model.clusters()];
    clusters.iter().for_each(|&c| sizes[c as usize] += 1);
    let agreement = match &split.labels {
        Some(labels) => Some(Agreement::of(labels, &clusters)?),
        None => None,
    };
    let inertia = distances.iter().map(|&d| f64::from(d).powi(2)).sum();
    Ok(ClusterFigures { part: part.to_owned(), sizes, inertia, agreement })
}

/// k-nearest-neighbour accuracy in code space, in PCA's, and on the input, over the same rows.
fn neighbours(voters: &Voters<'_>, pca: Option<&Pca>) -> Result<NeighbourFigures> {
    let Voters { encoder, train, test, .. } = voters;
    let pca = pca.map(|pca| voters.accuracy(&pca.encode(train)?, &pca.encode(test)?));
    Ok(NeighbourFigures {
        k: voters.k,
        searched: train.rows(),
        queries: test.rows(),
        in_code: voters.accuracy(&encoder.encode(train)?, &encoder.encode(test)?)?,
        in_pca: pca.transpose()?,
        in_input: voters.accuracy(train, test)?,
    })
}

/// Precision of searches by code, where that is what codes are for: rows are documents, or codes are bits.
fn search(model: &dyn Model, pca: Option<&Pca>, data: &Dataset) -> Result<Option<RetrievalFigures>> {
    let (Some(encoder), Some((searched, asked))) = (model.as_encode(), retrieval_parts(data)) else {
        return Ok(None);
    };
    if !data.preprocess.is_text() && !are_bits(&encoder.encode(&asked.x.head(100))?) {
        return Ok(None);
    }
    let k = RETRIEVED.min(searched.iter().map(|part| part.len()).sum());
    retrieval(encoder, pca, &searched, asked, data.classes().len(), k)
}

/// Labelled rows to search and others to ask for: what the vote of the nearest neighbours is measured on.
pub(super) struct Voters<'a> {
    pub encoder: &'a dyn Encode,
    pub train: Cow<'a, Matrix>,
    train_labels: Vec<u32>,
    pub test: Cow<'a, Matrix>,
    labels: Vec<u32>,
    /// Neighbours that vote.
    pub k: usize,
}

impl<'a> Voters<'a> {
    /// At most [`NEIGHBOUR_ROWS`], chosen by the seed; `None` where the model has no codes, the rows have no classes or
    /// none are held out.
    pub(super) fn new(
        model: &'a dyn Model,
        data: &'a Dataset,
        held_out: &'a Split,
        seed: u64,
    ) -> Option<Self> {
        let (encoder, train_labels, labels) =
            (model.as_encode()?, data.train.labels.as_ref()?, held_out.labels.as_ref()?);
        if data.classes().len() < 2 || std::ptr::eq(held_out, &data.train) {
            return None;
        }
        let some = |x: &'a Matrix, labels: &[u32], most: usize| {
            let rows = subset(x.rows(), most, &mut stream(seed, Purpose::Report, 0, 0));
            (x.rows_at(&rows), rows.iter().map(|&i| labels[i]).collect::<Vec<u32>>())
        };
        let (train, train_labels) = some(&data.train.x, train_labels, NEIGHBOUR_ROWS.0);
        let (test, labels) = some(&held_out.x, labels, NEIGHBOUR_ROWS.1);
        let k = NEIGHBOURS.min(train.rows());
        Some(Self { encoder, train, train_labels, test, labels, k })
    }

    /// How often the nearest of the training rows tell the class, where rows have become these.
    pub(super) fn accuracy(&self, train: &Matrix, test: &Matrix) -> Result<f64> {
        evaluate::knn_accuracy(train, &self.train_labels, test, &self.labels, self.k)
    }
}

/// What the comparison says, where the model does not come out ahead; `copies` when its code has room for the whole row.
fn verdict(figures: &Figures, copies: bool) -> Option<String> {
    if let Some(prediction) = &figures.prediction {
        let found = prediction.parts.last()?;
        let better = prediction.baselines.iter().find(|b| b.accuracy > found.accuracy)?;
        return Some(format!(
            "A simpler classifier is right about more of the {} rows ({}: {:.2} % against {:.2} %): regularise, or \
             use the simpler one",
            found.name,
            better.name,
            100.0 * better.accuracy,
            100.0 * found.accuracy
        ));
    }
    if let Some(regression) = &figures.regression {
        let found = regression.parts.last()?;
        let same = |b: &&RegressionPart| b.target == found.target && b.rmse < found.rmse;
        let better = regression.baselines.iter().find(same)?;
        return Some(format!(
            "A simpler model predicts '{}' of the {} rows better ({}: root mean squared error {:.4} against {:.4}): regularise, or \
             use the simpler one",
            found.target, found.name, better.name, better.rmse, found.rmse
        ));
    }
    let part = figures.parts.last()?;
    let pca = part.pca_squared_error?;
    if copies {
        return Some(
            "A code with as many numbers as a row can hold the row itself, as that of PCA does: judge this one by what it is \
             for (neighbours, a classifier on it, denoising), not by how it rebuilds rows"
                .to_owned(),
        );
    }
    (part.squared_error > pca).then(|| {
        format!(
            "PCA with the same code size rebuilds the {} rows better ({pca:.4} against {:.4}): train longer, make \
             the network larger, or use PCA",
            part.part, part.squared_error
        )
    })
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}
