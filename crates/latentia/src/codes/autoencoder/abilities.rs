//! What a fitted autoencoder can do.

use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};

use super::{
    bound::{Estimates, Evidence},
    code::CodeDistribution,
    corruption::{Binarize, Corruption, binarize_rows},
    fitted::Autoencoder,
    sections,
};
use crate::{
    Result,
    codes::reconstruction_errors,
    data::{Dataset, Matrix, Split},
    model::{
        Decode, Denoise, Encode, LogLikelihood, Model, Reconstruct, Sample, Score, Size, capabilities,
        check_rows,
    },
    random::{Purpose, stream},
    report::Section,
    train::params::{Tensors, collect, count},
};

/// Samples of a code that a score takes the mean over: enough that rows of equal likelihood get scores alike.
const SCORE_SAMPLES: usize = 8;

impl Autoencoder {
    fn is_variational(&self) -> bool {
        self.config.code_distribution == CodeDistribution::Gaussian
    }

    /// Estimates of the likelihood of rows, binarised where the model learned from binarised rows.
    fn evidence(&self, x: &Matrix, samples: usize) -> Estimates {
        let evidence = Evidence {
            module: &self.module,
            likelihood: &self.likelihood,
            code: self.config.code,
            device: &self.device,
        };
        match self.config.binarize {
            Binarize::None => evidence.estimate(x, samples),
            Binarize::Static | Binarize::Dynamic => evidence.estimate(&binarize_rows(x), samples),
        }
    }
}

impl Encode for Autoencoder {
    fn code_size(&self) -> usize {
        self.config.code
    }

    fn encode(&self, x: &Matrix) -> Result<Matrix> {
        check_rows("the features of the model", x, self.input)?;
        Ok(self.by_batches(x, self.config.code, |x| self.module.encode(x)))
    }
}

impl Decode for Autoencoder {
    fn decode(&self, codes: &Matrix) -> Result<Matrix> {
        check_rows("the numbers of a code", codes, self.config.code)?;
        Ok(self.by_batches(codes, self.input, |h| self.likelihood.mean(self.module.decode(h))))
    }
}

impl Reconstruct for Autoencoder {
    fn reconstruct(&self, x: &Matrix) -> Result<Matrix> {
        check_rows("the features of the model", x, self.input)?;
        let round_trip = |x| self.likelihood.mean(self.module.decode(self.module.encode(x)));
        Ok(self.by_batches(x, self.input, round_trip))
    }
}

impl Score for Autoencoder {
    fn score(&self, x: &Matrix) -> Result<Vec<f64>> {
        check_rows("the features of the model", x, self.input)?;
        if self.is_variational() {
            return Ok(self.evidence(x, SCORE_SAMPLES).bound.into_iter().map(|bound| -bound).collect());
        }
        reconstruction_errors(x, |x| self.reconstruct(x))
    }

    fn is_reconstruction_error(&self) -> bool {
        !self.is_variational()
    }

    fn score_name(&self) -> &'static str {
        match self.is_variational() {
            true => "negative evidence lower bound in nats",
            false => "squared error summed over the features",
        }
    }
}

impl Denoise for Autoencoder {
    fn denoise(&self, x: &Matrix) -> Result<Matrix> {
        self.reconstruct(x)
    }

    fn corrupt(&self, x: &Matrix, seed: u64) -> Result<Option<Matrix>> {
        check_rows("the features of the model", x, self.input)?;
        let (kind, level) = (self.config.corruption, self.config.corruption_level);
        let corruption = Corruption::new(kind, level, self.columns.clone(), x);
        Ok(corruption.map(|corruption| {
            let mut corrupted = x.clone();
            corruption.apply(&mut corrupted, x, &mut stream(seed, Purpose::Corruption, u64::MAX, 0));
            corrupted
        }))
    }
}

impl Sample for Autoencoder {
    fn sample(&self, n: usize, seed: u64) -> Result<Matrix> {
        (self as &dyn Model).require("sample", self.as_sample())?;
        let mut rng = stream(seed, Purpose::Sampling, u64::MAX, 0);
        let code = self.config.code;
        let mut codes = Matrix::zeros(n, code);
        for i in 0..n {
            let row = codes.row_mut(i);
            match self.config.code_distribution {
                CodeDistribution::Categorical => {
                    let categories = self.config.categories;
                    for variable in row.chunks_exact_mut(categories) {
                        variable[rng.random_range(0..categories as u64) as usize] = 1.0;
                    }
                }
                _ => row.iter_mut().for_each(|v| *v = StandardNormal.sample(&mut rng)),
            }
        }
        self.decode(&codes)
    }
}

impl LogLikelihood for Autoencoder {
    fn log_likelihood(&self, x: &Matrix, samples: usize) -> Result<Vec<f64>> {
        (self as &dyn Model).require("evaluate --importance-samples", self.as_log_likelihood())?;
        check_rows("the features of the model", x, self.input)?;
        Ok(self.evidence(x, samples.max(1)).log_likelihood)
    }

    fn figure_samples(&self) -> usize {
        self.config.importance_samples
    }
}

impl Model for Autoencoder {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    fn input_width(&self) -> usize {
        self.input
    }

    fn sizes(&self) -> Vec<Size> {
        vec![
            Size::new("features", self.input),
            Size::new("code", self.config.code),
            Size::new("parameters", count(&self.module)),
        ]
    }

    fn tensors(&self) -> Tensors {
        collect(&self.module)
    }

    fn sections(&self, rows: &Split, data: &Dataset) -> Result<Vec<Section>> {
        sections::sections(self, rows, data)
    }

    capabilities!(as_encode: Encode, as_decode: Decode, as_reconstruct: Reconstruct, as_score: Score, as_denoise: Denoise);

    fn as_sample(&self) -> Option<&dyn Sample> {
        // The other codes have no prior to draw from.
        let drawn = [CodeDistribution::Gaussian, CodeDistribution::Categorical];
        drawn.contains(&self.config.code_distribution).then_some(self as &dyn Sample)
    }

    fn as_log_likelihood(&self) -> Option<&dyn LogLikelihood> {
        self.is_variational().then_some(self as &dyn LogLikelihood)
    }
}
