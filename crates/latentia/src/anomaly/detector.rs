//! A model whose scores are not its own: those of an ensemble, or distances.

use super::{AnomalyConfig, robust::RobustDistance};
use crate::{
    Result,
    data::{Dataset, Matrix, Split},
    evaluate,
    model::{
        Assign, Decode, Denoise, Encode, LogLikelihood, Model, Predict, Reconstruct, Regress, Sample, Score,
        Size,
    },
    report::Section,
    train::params::{HostTensor, Tensors},
};

/// One or more models of a kind that score rows together; in everything else it is the first of them.
///
/// A member's score is that of its own or the [`RobustDistance`] of its reconstructions. Members of an ensemble are
/// divided by their median over the training rows before they are averaged, so that none outweighs the others: the
/// score of a typical row is 1.
pub(super) struct Detector {
    pub(super) members: Vec<Member>,
}

/// A model, how its rows are measured and what a typical row has.
pub(super) struct Member {
    pub(super) model: Box<dyn Model>,
    distance: Option<RobustDistance>,
    /// What scores are divided by.
    typical: f64,
}

impl Member {
    /// Measures the training rows by a model that was fitted to them.
    pub(super) fn fit(model: Box<dyn Model>, x: &Matrix, config: &AnomalyConfig, seed: u64) -> Result<Self> {
        let distance = match config.score {
            super::ScoreKind::Model => None,
            super::ScoreKind::Mahalanobis => {
                let rebuilt = model.require("reconstruct", model.as_reconstruct())?.reconstruct(x)?;
                Some(RobustDistance::fit(x, &rebuilt, config.trim, config.ridge, seed)?)
            }
        };
        let mut member = Self { model, distance, typical: 1.0 };
        if config.ensemble > 1 {
            let median = evaluate::quantile(&member.score(x)?, 0.5);
            // A model that rebuilds most rows without any error has no scale of its own.
            member.typical = if median > 0.0 { f64::from(median as f32) } else { 1.0 };
        }
        Ok(member)
    }

    fn score(&self, x: &Matrix) -> Result<Vec<f64>> {
        let scores = match &self.distance {
            Some(distance) => distance.distances(x, &self.rebuilt(x)?)?,
            None => self.model.require("score", self.model.as_score())?.score(x)?,
        };
        Ok(scores.into_iter().map(|s| s / self.typical).collect())
    }

    fn contributions(&self, x: &Matrix) -> Result<Option<Matrix>> {
        let parts = match &self.distance {
            Some(distance) => Some(distance.contributions(x, &self.rebuilt(x)?)?),
            None => super::contributions(self.model.as_ref(), x)?,
        };
        Ok(parts.map(|mut parts| {
            parts.as_mut_slice().iter_mut().for_each(|v| *v /= self.typical as f32);
            parts
        }))
    }

    fn rebuilt(&self, x: &Matrix) -> Result<Matrix> {
        self.model.require("reconstruct", self.model.as_reconstruct())?.reconstruct(x)
    }

    /// The weights of the model and of the measure; `number` is counted from 1, and the first model's weights have the
    /// names they have alone.
    fn tensors(&self, number: usize) -> Tensors {
        let own = match number {
            1 => String::new(),
            _ => member_prefix(number),
        };
        let mut tensors: Tensors =
            self.model.tensors().into_iter().map(|(name, t)| (format!("{own}{name}"), t)).collect();
        let prefix = measure_prefix(number);
        if let Some(distance) = &self.distance {
            tensors.extend(distance.to_tensors(&prefix));
        }
        let typical = HostTensor { shape: vec![1], values: vec![self.typical as f32] };
        tensors.insert(format!("{prefix}typical"), typical);
        tensors
    }

    /// The inverse of [`Member::tensors`]; `model` is made from the weights of this member alone.
    pub(super) fn load(
        number: usize,
        tensors: &Tensors,
        model: impl FnOnce(&Tensors) -> std::result::Result<Box<dyn Model>, String>,
    ) -> std::result::Result<Self, String> {
        let weights = match number {
            1 => first_weights(tensors),
            _ => super::under(tensors, &member_prefix(number)),
        };
        let prefix = measure_prefix(number);
        let typical = match tensors.get(&format!("{prefix}typical")).and_then(|t| t.values.first()) {
            Some(&v) if v > 0.0 && v.is_finite() => f64::from(v),
            _ => return Err(format!("the tensor '{prefix}typical' is missing or not above zero")),
        };
        let measured = tensors.keys().any(|name| name.starts_with(&format!("{prefix}residual.")));
        let distance = if measured { Some(RobustDistance::from_tensors(tensors, &prefix)?) } else { None };
        Ok(Self { model: model(&weights)?, distance, typical })
    }
}

const MEMBER: &str = "member-";
const MEASURE: &str = "anomaly-";

fn member_prefix(number: usize) -> String {
    format!("{MEMBER}{number}.")
}

fn measure_prefix(number: usize) -> String {
    format!("{MEASURE}{number}.")
}

/// The weights that are neither another member's nor of a measure.
fn first_weights(tensors: &Tensors) -> Tensors {
    let own = |name: &str| !name.starts_with(MEMBER) && !name.starts_with(MEASURE);
    tensors.iter().filter(|(name, _)| own(name)).map(|(name, t)| (name.clone(), t.clone())).collect()
}

/// How many members these weights are of; 0 for a model that scores by itself.
pub(super) fn count(tensors: &Tensors) -> usize {
    (1..).take_while(|n| tensors.contains_key(&format!("{}typical", measure_prefix(*n)))).count()
}

impl Detector {
    fn first(&self) -> &dyn Model {
        self.members[0].model.as_ref()
    }

    fn mean(&self, mut of: impl FnMut(&Member) -> Result<Vec<f64>>) -> Result<Vec<f64>> {
        let mut sum: Vec<f64> = Vec::new();
        for member in &self.members {
            let values = of(member)?;
            sum.resize(values.len(), 0.0);
            sum.iter_mut().zip(values).for_each(|(s, v)| *s += v / self.members.len() as f64);
        }
        Ok(sum)
    }
}

impl Score for Detector {
    fn score(&self, x: &Matrix) -> Result<Vec<f64>> {
        self.mean(|member| member.score(x))
    }

    fn score_name(&self) -> &'static str {
        match (self.members.len(), &self.members[0].distance) {
            (1, Some(_)) => "squared Mahalanobis distance of residual and reconstruction",
            (1, None) => self.first().as_score().map_or("score", Score::score_name),
            (_, Some(_)) => {
                "squared Mahalanobis distance in multiples of a typical row's, averaged over the ensemble"
            }
            (_, None) => "score in multiples of a typical row's, averaged over the ensemble",
        }
    }

    fn contributions(&self, x: &Matrix) -> Result<Option<Matrix>> {
        let mut known = true;
        let sum = self.mean(|member| {
            let parts = member.contributions(x)?;
            known &= parts.is_some();
            Ok(parts.map(|p| p.into_vec().into_iter().map(f64::from).collect()).unwrap_or_default())
        })?;
        Ok(known.then(|| Matrix::new(x.rows(), x.cols(), sum.into_iter().map(|v| v as f32).collect())))
    }
}

impl Model for Detector {
    fn kind(&self) -> &'static str {
        self.first().kind()
    }

    fn input_width(&self) -> usize {
        self.first().input_width()
    }

    fn sizes(&self) -> Vec<Size> {
        let mut sizes = self.first().sizes();
        if self.members.len() > 1 {
            sizes.push(Size::new("ensemble", self.members.len()));
        }
        sizes
    }

    fn tensors(&self) -> Tensors {
        self.members.iter().enumerate().flat_map(|(i, member)| member.tensors(i + 1)).collect()
    }

    fn as_encode(&self) -> Option<&dyn Encode> {
        self.first().as_encode()
    }

    fn as_decode(&self) -> Option<&dyn Decode> {
        self.first().as_decode()
    }

    fn as_reconstruct(&self) -> Option<&dyn Reconstruct> {
        self.first().as_reconstruct()
    }

    fn as_score(&self) -> Option<&dyn Score> {
        Some(self)
    }

    fn as_regress(&self) -> Option<&dyn Regress> {
        self.first().as_regress()
    }

    fn as_predict(&self) -> Option<&dyn Predict> {
        self.first().as_predict()
    }

    fn as_sample(&self) -> Option<&dyn Sample> {
        self.first().as_sample()
    }

    fn as_denoise(&self) -> Option<&dyn Denoise> {
        self.first().as_denoise()
    }

    fn as_log_likelihood(&self) -> Option<&dyn LogLikelihood> {
        self.first().as_log_likelihood()
    }

    fn as_assign(&self) -> Option<&dyn Assign> {
        self.first().as_assign()
    }

    fn sections(&self, rows: &Split, data: &Dataset) -> Result<Vec<Section>> {
        self.first().sections(rows, data)
    }
}
