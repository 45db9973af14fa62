//! From the codes of a file, batch by batch, to an index.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    About, BitCodes, Codes, Graph, Index, Metric, Names,
    bits::{are_bits, medians},
    index::Tables,
};
use crate::{
    Error, Result,
    artifact::ModelDirectory,
    data::{Matrix, Rows},
    run::Progress,
};

/// How codes become bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Binarize {
    /// Codes of zeros and ones are bits, others stay as they are.
    #[default]
    Auto,
    /// As they are.
    None,
    /// 1 above 0.5.
    Half,
    /// 1 above the median of the indexed codes, number by number.
    Median,
}

/// What an index is made of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Settings {
    /// How codes become bits.
    pub binarize: Binarize,
    /// How codes of real numbers are compared.
    pub metric: Metric,
    /// Whether codes of real numbers get a graph for approximate search.
    pub graph: bool,
    /// Seed of the graph.
    pub seed: u64,
}

/// Takes codes in batch by batch. Codes of bits take a bit a number in memory, others (and those that wait for their medians)
/// four bytes.
#[derive(Debug)]
pub struct IndexBuilder {
    about: About,
    settings: Settings,
    codes: Gathered,
    names: Names,
}

#[derive(Debug)]
enum Gathered {
    Bits(BitCodes),
    Real(Vec<f32>),
}

impl IndexBuilder {
    /// An empty index of the codes of a model; `data` is what they will be of.
    ///
    /// # Errors
    /// The model gives no codes; settings that contradict each other.
    pub fn new(model: &ModelDirectory, data: &str, settings: Settings) -> Result<Self> {
        let encoder = model.model.require("index", model.model.as_encode())?;
        let preprocess = &model.manifest.preprocess;
        let about = About {
            program: format!("latentia {}", env!("CARGO_PKG_VERSION")),
            model: model.dir.display().to_string(),
            digest: model.code_digest()?,
            data: data.to_owned(),
            width: encoder.code_size(),
            id: preprocess.id.clone(),
            label: preprocess.label.as_ref().map(|label| label.column.clone()),
            classes: preprocess.classes().to_vec(),
            ..About::default()
        };
        Self::with_about(about, settings)
    }

    /// As [`IndexBuilder::new`], of codes of any origin: `about` says the width and the names of columns and classes.
    ///
    /// # Errors
    /// A width of 0; settings that contradict each other.
    pub fn with_about(about: About, settings: Settings) -> Result<Self> {
        if about.width == 0 {
            return Err(Error::config("width", "found 0, expected codes of at least one number"));
        }
        let is_bits = matches!(settings.binarize, Binarize::Half | Binarize::Median);
        if is_bits && settings.graph {
            return Err(Error::config("graph", "codes of bits need none: their search is exact"));
        }
        if is_bits && settings.metric == Metric::Cosine {
            return Err(Error::config("metric", "codes of bits are compared by their Hamming distance"));
        }
        let codes = match settings.binarize {
            Binarize::Auto | Binarize::Half => Gathered::Bits(BitCodes::new(about.width)),
            Binarize::None | Binarize::Median => Gathered::Real(Vec::new()),
        };
        let about = About { metric: settings.metric, thresholds: None, ..about };
        Ok(Self { about, settings, codes, names: Names::default() })
    }

    /// Adds the codes of some rows.
    ///
    /// # Errors
    /// They are of another width, or a number is not finite.
    pub fn push(&mut self, codes: &Matrix, rows: &Rows) -> Result<()> {
        crate::model::check_rows("the numbers of a code", codes, self.about.width)?;
        if rows.rows.len() != codes.rows() {
            let message = format!("found {} codes of {} rows", codes.rows(), rows.rows.len());
            return Err(Error::config("codes", message));
        }
        if let Gathered::Bits(bits) = &self.codes
            && self.settings.binarize == Binarize::Auto
            && !are_bits(codes)
        {
            // They looked like bits so far.
            self.codes = Gathered::Real(bits.unpack(0..bits.len()).into_vec());
        }
        match &mut self.codes {
            Gathered::Bits(bits) => bits.push(codes, &vec![0.5; self.about.width]),
            Gathered::Real(values) => values.extend_from_slice(codes.as_slice()),
        }
        self.names.rows.extend(&rows.rows);
        if let Some(ids) = &rows.ids {
            self.names.ids.get_or_insert_default().extend(ids.iter().cloned());
        }
        if let Some(labels) = &rows.labels {
            let labels = labels.iter().map(|label| label.unwrap_or(u32::MAX));
            self.names.labels.get_or_insert_default().extend(labels);
        }
        Ok(())
    }

    /// The index.
    ///
    /// # Errors
    /// There are no rows; a code without a direction where directions are compared.
    pub fn finish(mut self, progress: &mut dyn Progress) -> Result<Index> {
        let (rows, width) = (self.names.rows.len(), self.about.width);
        if rows == 0 {
            return Err(Error::config("codes", "no rows to index"));
        }
        if u32::try_from(rows).is_err() {
            return Err(Error::config("codes", format!("found {rows} rows, expected less than 2^32")));
        }
        let codes = match self.codes {
            Gathered::Bits(bits) => {
                self.about.thresholds = Some(vec![0.5; width]);
                Codes::Bits(bits)
            }
            Gathered::Real(values) => {
                let x = Matrix::new(rows, width, values);
                if self.settings.binarize == Binarize::Median {
                    let thresholds = medians(&x);
                    let bits = BitCodes::pack(&x, &thresholds);
                    self.about.thresholds = Some(thresholds);
                    Codes::Bits(bits)
                } else {
                    Codes::Real(self.about.metric.prepare(x, "codes")?)
                }
            }
        };
        let graph = match &codes {
            Codes::Real(codes) if self.settings.graph => {
                progress.begin("graph of neighbours", rows as u64);
                let graph = Graph::new(codes, self.settings.seed, |done| progress.advance(done, ""));
                progress.end();
                Some(graph)
            }
            _ => None,
        };
        Ok(Index { about: self.about, codes, names: self.names, graph, tables: Tables::default() })
    }
}
