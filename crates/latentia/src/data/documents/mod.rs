//! Documents as rows of numbers: one feature for every word of a vocabulary.
//!
//! Rows are dense: a document takes four bytes for each word of the vocabulary, whatever its length, in memory only for the
//! rows that are trained on and for one batch where files are streamed.

mod folder;
mod lines;
mod reuters;
mod sgml;
mod stop_words;
mod tokens;
mod vocabulary;

pub use tokens::words;
pub use vocabulary::{Vocabulary, Weighting};

pub(crate) use folder::{FolderSource, is_folder, is_text};
pub(crate) use lines::{LinesSource, is_language};
pub(crate) use reuters::{ReutersSource, TEST as REUTERS_TEST, TRAIN as REUTERS_TRAIN, is_part, is_reuters};
pub(crate) use vocabulary::{Counts, weigh};

use super::{FeatureKind, plan::Request};
use crate::{DataError, Result};

/// Names of the columns of a source of documents.
#[derive(Debug, Clone)]
struct Names {
    text: String,
    id: String,
    label: String,
}

impl Names {
    /// The source's own names; for a further file those of the training file, which may have been of another format.
    fn new(request: Request<'_>, id: &str, label: &str) -> Result<Self> {
        let own = Self { text: TEXT.to_owned(), id: id.to_owned(), label: label.to_owned() };
        let Some(schema) = request.schema else { return Ok(own) };
        let is_text = |kind: &FeatureKind| matches!(kind, FeatureKind::Text { .. });
        match schema.features.as_slice() {
            [feature] if is_text(&feature.kind) => Ok(Self {
                text: feature.name.clone(),
                id: schema.id.clone().unwrap_or(own.id),
                label: schema.label.as_ref().map_or(own.label, |label| label.column.clone()),
            }),
            features => {
                let names: Vec<&str> = features.iter().take(5).map(|f| f.name.as_str()).collect();
                let more = if features.len() > names.len() { ", ..." } else { "" };
                let expected = format!("the columns of the training file ({}{more})", names.join(", "));
                Err(DataError::new(request.path, "documents", expected).into())
            }
        }
    }
}

/// Name of the column of documents.
const TEXT: &str = "text";

/// At most this many bytes in a file of one document, or in one of Reuters: more is something else.
const MAX_FILE: u64 = 1 << 28;
