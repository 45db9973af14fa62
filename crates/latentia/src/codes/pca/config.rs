//! Settings of a principal component analysis.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Pca, blocks, solve};
use crate::data::Matrix;
use crate::{DataError, Error, Result};

/// How the components are found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Solver {
    /// Exact, unless both rows and columns are many and the code is small beside them.
    #[default]
    Auto,
    /// All eigenvectors of the covariance matrix, or of the matrix of inner products of rows when there are fewer rows
    /// than columns.
    Exact,
    /// Only the leading components, by randomised subspace iteration (Halko, Martinsson and Tropp 2011).
    Randomized,
}

/// Settings of a principal component analysis; [`PcaConfig::fit`] gives a [`Pca`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct PcaConfig {
    /// Number of components: the size of the code. At most the smaller of rows and columns.
    pub code: usize,
    /// Divide every code by its standard deviation, so that each has unit variance on the fitted rows.
    pub whiten: bool,
    /// Subtract the mean of every column first. Without it this is a truncated singular value decomposition (latent
    /// semantic analysis), and `whiten` divides by the root mean square.
    pub centre: bool,
    /// How the components are found.
    pub solver: Solver,
    /// Randomized solver: directions followed beside the components asked for; more is more accurate.
    pub oversample: usize,
    /// Randomized solver: passes over the data that sharpen the directions; more is more accurate, 0 to 100.
    pub power_iterations: usize,
}

impl Default for PcaConfig {
    fn default() -> Self {
        Self {
            code: 2,
            whiten: false,
            centre: true,
            solver: Solver::Auto,
            oversample: 10,
            power_iterations: 4,
        }
    }
}

impl PcaConfig {
    /// Checks what can be checked without data.
    ///
    /// # Errors
    /// An [`Error::Config`] that names the field.
    pub fn validate(&self) -> Result<()> {
        if self.code == 0 {
            return Err(Error::config("code", "0 components cannot hold anything; use 1 or more"));
        }
        if self.power_iterations > 100 {
            return Err(Error::config(
                "power-iterations",
                format!("{} is more than 100", self.power_iterations),
            ));
        }
        Ok(())
    }

    /// Finds the components of the rows of `x`, `[n, d]`. Only the randomized solver draws from `seed`.
    ///
    /// Sums of products are kept in `f64` throughout while `n d min(n, d)` is below 2³²; above that products are formed
    /// in `f32` over at most 400 terms and these partial sums are added in `f64` (relative error of the leading
    /// variances about `1e-6`).
    ///
    /// # Errors
    /// When `x` has fewer than two rows (one without centring), fewer rows or columns than components, or a value that
    /// is not finite.
    pub fn fit(&self, x: &Matrix, seed: u64) -> Result<Pca> {
        self.validate()?;
        self.check_shape(x.rows(), x.cols())?;
        solve::fit(self, x, seed)
    }

    /// The same for rows that come block by block, such as those of a file that is larger than memory. Each is seen once; what
    /// is kept is `d²` numbers. The blocks' sizes make no difference to the bits.
    ///
    /// Products are of rows about the mean of the first 2,000, and move to the mean of all in the end:
    /// `Σ (x − μ)(x − μ)ᵀ = Σ (x − s)(x − s)ᵀ − n (μ − s)(μ − s)ᵀ` (Chan, Golub and LeVeque 1983). Below 400 columns they are
    /// formed in `f64`, from there on in `f32` as in [`PcaConfig::fit`].
    ///
    /// ```
    /// use latentia::codes::pca::PcaConfig;
    /// use latentia::data::{ReadOptions, open};
    ///
    /// let mut file = open("digits", &ReadOptions::default())?; // or "measured.parquet"
    /// let blocks = std::iter::from_fn(|| file.next(1000).transpose()).map(|chunk| Ok(chunk?.numbers));
    /// let pca = PcaConfig { code: 8, ..PcaConfig::default() }.fit_blocks(blocks)?;
    /// assert_eq!(pca.components().rows(), 8);
    /// # Ok::<(), latentia::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of the blocks and of [`PcaConfig::fit`]; with [`Solver::Randomized`], which needs several passes; when blocks differ
    /// in their number of columns.
    pub fn fit_blocks(&self, blocks: impl IntoIterator<Item = Result<Matrix>>) -> Result<Pca> {
        self.validate()?;
        if self.solver == Solver::Randomized {
            let message = "randomized needs several passes, and rows that come block by block are seen once";
            return Err(Error::config("solver", format!("{message}; use exact")));
        }
        blocks::fit(self, blocks)
    }

    /// Refuses fewer rows or columns than there is to be found.
    pub(super) fn check_shape(&self, n: usize, d: usize) -> Result<()> {
        let least = if self.centre { 2 } else { 1 };
        if n < least || d == 0 {
            let expected = format!("at least {least} rows and 1 column");
            return Err(DataError::new("input", format!("{n} rows and {d} columns"), expected).into());
        }
        if self.code > n.min(d) {
            let (most, message) = (n.min(d), format!("{n} rows of {d} columns"));
            return Err(Error::config(
                "code",
                format!("{} is more than {message} allow; use at most {most}", self.code),
            ));
        }
        Ok(())
    }
}
