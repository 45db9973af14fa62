//! The settings of a graph embedding: the `[model]` table of a recipe.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Error, Result,
    recipe::{self, Key},
};

/// How the graph of neighbours becomes codes; each is a kind of model of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Method {
    /// Distances along the graph, kept as well as they can be (Tenenbaum, de Silva & Langford 2000).
    #[default]
    Isomap,
    /// Neighbours near each other (Belkin & Niyogi 2003).
    LaplacianEigenmaps,
    /// Rows rebuilt from their neighbours (Roweis & Saul 2000).
    Lle,
}

impl Method {
    /// The kind's name in recipes.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Isomap => "isomap",
            Self::LaplacianEigenmaps => "laplacian-eigenmaps",
            Self::Lle => "lle",
        }
    }

    /// Whether a key of the settings has a meaning for this method.
    fn has(self, key: &str) -> bool {
        match key {
            "heat" => self == Self::LaplacianEigenmaps,
            "regularization" => self != Self::Isomap,
            _ => true,
        }
    }
}

/// A code from the graph of nearest neighbours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct GraphEmbeddingConfig {
    /// Which of the three.
    #[serde(skip)]
    pub method: Method,
    /// Numbers in a code.
    pub code: usize,
    /// Nearest rows that each row is joined to: few follow a manifold closely, many bridge its gaps.
    pub neighbours: usize,
    /// How many rows are mapped first, drawn at random; the others are placed among them. 0 takes all, as far as they are
    /// solved within a minute: up to 3000 rows for isomap (1000 of more), 10000 for the others.
    pub landmarks: usize,
    /// Share of the trace added to the matrix that weights are solved from, for more neighbours than dimensions.
    pub regularization: f64,
    /// Width t of the heat kernel exp(-d²/t) that weighs the edges of the graph; 0 weighs all by 1.
    pub heat: f64,
}

impl Default for GraphEmbeddingConfig {
    fn default() -> Self {
        Self {
            method: Method::Isomap,
            code: 2,
            neighbours: 10,
            landmarks: 0,
            regularization: 1e-3,
            heat: 0.0,
        }
    }
}

/// Most landmarks: the square matrix of their eigenproblem has to fit into memory.
const MAX_LANDMARKS: usize = 30_000;

impl GraphEmbeddingConfig {
    /// The settings in a recipe's `[model]` table, for a method.
    pub(crate) fn parse(method: Method, model: Value) -> Result<Self> {
        match model {
            Value::Object(keys) => Ok(Self { method, ..recipe::read("model", &keys)? }),
            other => Err(Error::config("model", format!("found {other}, expected a table"))),
        }
    }

    /// The keys that have a meaning for a method.
    pub(crate) fn keys(method: Method) -> Vec<Key> {
        recipe::model_keys::<Self>().into_iter().filter(|key| method.has(&key.name)).collect()
    }

    /// The settings as a recipe holds them.
    pub(crate) fn to_json(&self) -> Value {
        match serde_json::to_value(self) {
            Ok(Value::Object(keys)) => keys.into_iter().filter(|(name, _)| self.method.has(name)).collect(),
            _ => Value::Null,
        }
    }

    /// Checks every field; the error names the recipe key.
    pub fn validate(&self) -> Result<()> {
        for (key, value) in [("model.code", self.code), ("model.neighbours", self.neighbours)] {
            if value == 0 {
                return Err(Error::config(key, "found 0, expected at least 1"));
            }
        }
        if self.landmarks > MAX_LANDMARKS {
            return Err(Error::config(
                "model.landmarks",
                format!(
                    "found {}, expected at most {MAX_LANDMARKS}: their square has to fit into memory",
                    self.landmarks
                ),
            ));
        }
        for (key, value) in [("model.regularization", self.regularization), ("model.heat", self.heat)] {
            if !(value.is_finite() && value >= 0.0) {
                return Err(Error::config(key, format!("found {value}, expected 0 or more")));
            }
        }
        Ok(())
    }

    /// The number of landmarks among `rows` rows, `0` replaced by what it means; an error for settings that do not fit
    /// that many rows.
    pub(super) fn landmarks_of(&self, rows: usize) -> Result<usize> {
        let landmarks = match (self.landmarks, self.method) {
            (0, Method::Isomap) if rows > 3000 => 1000,
            (0, Method::Isomap) => rows,
            (0, _) => rows.min(10_000),
            (some, _) => some.min(rows),
        };
        let joined = if self.method == Method::Isomap { rows } else { landmarks };
        if self.neighbours >= joined {
            return Err(Error::config(
                "model.neighbours",
                format!("found {}, expected less than the {joined} rows of the graph", self.neighbours),
            ));
        }
        // One eigenvector is the constant one, and one more has to lie outside the code.
        if self.code + 2 > landmarks {
            return Err(Error::config(
                "model.code",
                format!(
                    "found {}, expected at most {} for {landmarks} rows",
                    self.code,
                    landmarks.saturating_sub(2)
                ),
            ));
        }
        Ok(landmarks)
    }
}
