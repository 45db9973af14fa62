//! Fitting a graph embedding, and using a fitted one.

use faer::Mat;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

use super::{
    config::{GraphEmbeddingConfig, Method},
    geodesic::Geodesics,
    spectral,
    weights::rebuilding_weights,
};
use crate::{
    Result,
    data::{Dataset, Matrix},
    evaluate::{self, Neighbour},
    kinds::{Config, Fitted},
    model::{Encode, Model, Size, check_rows},
    random::{Purpose, stream, subset},
    run::Run,
    train::{
        TrainConfig,
        params::{HostTensor, Tensors},
    },
};

/// Columns of the start of an eigenvalue search beyond those that are wanted: they make it faster.
const OVERSAMPLING: usize = 6;

/// A fitted Isomap, Laplacian eigenmap or locally linear embedding: the rows it knows, and their codes.
#[derive(Debug, Clone, PartialEq)]
pub struct GraphEmbedding {
    config: GraphEmbeddingConfig,
    /// The rows new ones are placed among, `[rows, features]`.
    rows: Matrix,
    /// Their codes, `[rows, code]`.
    codes: Matrix,
    /// What places rows, for Isomap.
    geodesics: Option<Geodesics>,
    /// Parts of the graph that were joined; 1 when it hung together.
    parts: usize,
}

impl GraphEmbeddingConfig {
    /// Fits the codes to the rows of `x`.
    ///
    /// # Errors
    /// More neighbours or numbers in a code than the rows allow; for Laplacian eigenmaps and locally linear embedding,
    /// a graph that falls into parts.
    pub fn fit(&self, x: &Matrix, seed: u64) -> Result<GraphEmbedding> {
        self.validate()?;
        let landmarks = self.landmarks_of(x.rows())?;
        let config = self.clone();
        if self.method == Method::Isomap {
            let (geodesics, parts) = Geodesics::fit(self, x, landmarks, seed)?;
            let codes = geodesics.codes();
            return Ok(GraphEmbedding { config, rows: x.clone(), codes, geodesics: Some(geodesics), parts });
        }
        let rows = x.select_rows(&chosen(x.rows(), landmarks, seed));
        let codes = spectral::codes(self, &rows, seed)?;
        Ok(GraphEmbedding { config, rows, codes, geodesics: None, parts: 1 })
    }
}

impl GraphEmbedding {
    /// The codes of the rows it was fitted to (of those in the graph, where these are fewer).
    pub fn codes(&self) -> &Matrix {
        &self.codes
    }

    /// The model that a model directory holds; the error is a sentence about the first tensor that does not fit.
    pub(crate) fn from_tensors(
        config: GraphEmbeddingConfig,
        width: usize,
        tensors: &Tensors,
    ) -> std::result::Result<Self, String> {
        let matrix = |name: &str, rows: Option<usize>, cols: Option<usize>| {
            let t = tensors.get(name).ok_or_else(|| format!("the weights lack the tensor '{name}'"))?;
            match t.shape[..] {
                [r, c] if rows.is_none_or(|n| n == r) && cols.is_none_or(|n| n == c) => {
                    Ok(Matrix::new(r, c, t.values.clone()))
                }
                _ => {
                    Err(format!("the tensor '{name}' has shape {:?}, which does not fit the model", t.shape))
                }
            }
        };
        let rows = matrix("rows", None, Some(width))?;
        let codes = matrix("codes", Some(rows.rows()), Some(config.code))?;
        let parts = matrix("parts", Some(1), Some(1))?.row(0)[0] as usize;
        if config.neighbours >= rows.rows() {
            return Err(format!("the weights hold {} rows, fewer than the neighbours", rows.rows()));
        }
        let geodesics = match config.method {
            Method::Isomap => {
                let distances = matrix("distances", Some(rows.rows()), None)?;
                let landmarks = distances.cols();
                Some(Geodesics {
                    projection: matrix("projection", Some(config.code), Some(landmarks))?,
                    mean_squares: matrix("mean_squares", Some(1), Some(landmarks))?,
                    distances,
                })
            }
            _ => None,
        };
        Ok(Self { config, rows, codes, geodesics, parts })
    }

    /// The code of a row with these neighbours among the fitted rows.
    fn place(&self, x: &[f32], neighbours: &[Neighbour]) -> Vec<f32> {
        if let Some(geodesics) = &self.geodesics {
            return geodesics.code(neighbours);
        }
        // A fitted row has the code it was given; regularised weights would pull it towards its neighbours.
        if let Some(same) = neighbours.iter().find(|n| n.squared_distance == 0.0) {
            return self.codes.row(same.index).to_vec();
        }
        let rows: Vec<&[f32]> = neighbours.iter().map(|n| self.rows.row(n.index)).collect();
        let weights = rebuilding_weights(x, &rows, self.config.regularization);
        let number = |a: usize| -> f64 {
            let terms = neighbours.iter().zip(&weights);
            terms.map(|(n, w)| w * f64::from(self.codes.row(n.index)[a])).sum()
        };
        (0..self.config.code).map(|a| number(a) as f32).collect()
    }
}

/// The `landmarks` among `n` rows, by the seed.
pub(super) fn chosen(n: usize, landmarks: usize, seed: u64) -> Vec<usize> {
    subset(n, landmarks, &mut stream(seed, Purpose::Sketch, 0, 0))
}

/// Normal columns to begin the search of `count` eigenvectors of length `n` with.
pub(super) fn start(n: usize, count: usize, seed: u64) -> Mat<f64> {
    let mut rng = stream(seed, Purpose::Sketch, 1, 0);
    Mat::from_fn(n, (count + OVERSAMPLING).min(n), |_, _| StandardNormal.sample(&mut rng))
}

impl Config for GraphEmbeddingConfig {
    fn validate(&self) -> Result<()> {
        self.validate()
    }

    fn to_json(&self) -> serde_json::Value {
        self.to_json()
    }

    fn fit(&self, data: &Dataset, train: &TrainConfig, _: &mut Run) -> Result<Fitted> {
        let model = self.fit(&data.train.x, train.seed)?;
        Ok(Fitted { model: Box::new(model), config: self.to_json(), training: None })
    }
}

impl Encode for GraphEmbedding {
    fn code_size(&self) -> usize {
        self.config.code
    }

    fn encode(&self, x: &Matrix) -> Result<Matrix> {
        check_rows("the features of the model", x, self.rows.cols())?;
        let found = evaluate::nearest(&self.rows, x, self.config.neighbours)?;
        let codes: Vec<Vec<f32>> =
            found.par_iter().enumerate().map(|(i, neighbours)| self.place(x.row(i), neighbours)).collect();
        Ok(Matrix::new(x.rows(), self.config.code, codes.concat()))
    }
}

impl Model for GraphEmbedding {
    fn kind(&self) -> &'static str {
        self.config.method.kind()
    }

    fn input_width(&self) -> usize {
        self.rows.cols()
    }

    fn sizes(&self) -> Vec<Size> {
        let mut sizes = vec![
            Size::new("features", self.rows.cols()),
            Size::new("code", self.config.code),
            Size::new("rows kept", self.rows.rows()),
        ];
        if let Some(geodesics) = &self.geodesics {
            sizes.push(Size::new("landmarks", geodesics.distances.cols()));
        }
        if self.parts > 1 {
            sizes.push(Size::new("parts joined", self.parts));
        }
        sizes
    }

    fn tensors(&self) -> Tensors {
        let tensor =
            |m: &Matrix| HostTensor { shape: vec![m.rows(), m.cols()], values: m.as_slice().to_vec() };
        let mut tensors = Tensors::from([
            ("rows".to_owned(), tensor(&self.rows)),
            ("codes".to_owned(), tensor(&self.codes)),
            ("parts".to_owned(), HostTensor { shape: vec![1, 1], values: vec![self.parts as f32] }),
        ]);
        if let Some(geodesics) = &self.geodesics {
            tensors.insert("distances".to_owned(), tensor(&geodesics.distances));
            tensors.insert("projection".to_owned(), tensor(&geodesics.projection));
            tensors.insert("mean_squares".to_owned(), tensor(&geodesics.mean_squares));
        }
        tensors
    }

    fn as_encode(&self) -> Option<&dyn Encode> {
        Some(self)
    }
}
