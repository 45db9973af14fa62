//! Data in: tables, images and documents, their schema, preprocessing and splits.
//!
//! A file is opened as a [`Source`] of [`Chunk`]s in flat memory. [`Dataset::load`] reads one whole, splits its rows and
//! fits a [`Preprocess`]; [`Preprocess::open`] reads further files of the same schema, a chunk at a time.

mod array;
pub mod catalogue;
mod csv;
mod dataset;
mod documents;
mod element;
mod files;
mod fingerprint;
mod fit;
mod guard;
mod held;
mod idx;
mod image_grid;
mod images;
mod jsonl;
mod matrix;
mod matrix_source;
mod npy;
mod open;
mod options;
mod parquet;
mod pictures;
mod plan;
mod preprocess;
mod rows;
mod source;
mod split;
mod table;
mod text;
mod views;
mod writer;

pub use dataset::{Dataset, Split};
pub use documents::{Vocabulary, Weighting, words};
pub use matrix::Matrix;
pub use open::open;
pub use options::{Channels, Format, Missing, ReadOptions, Scale, Unknown};
pub use preprocess::{Feature, FeatureKind, LabelSpec, Preprocess, Rows};
pub use rows::RowReader;
pub use source::{Chunk, ColumnInfo, ColumnKind, ImageShape, Source};
pub use table::{Table, Values};
pub use views::{SourceView, View};
pub use writer::Writer;

/// Rows read at a time. With many more, a chunk of images is fresh memory from the system each time: 16,384 rows of MNIST cost
/// 0.2 s more than 1,024.
pub(crate) const CHUNK_ROWS: usize = 1_024;
