//! The model directory: what every fit writes and every other verb reads.
//!
//! ```text
//! model/
//!   model.json              manifest: kind, recipe, schema, sizes, figures, SHA-256 of the other files
//!   weights.safetensors     the weights the model uses
//!   vocabulary.json         the words that are features, where rows are documents
//!   weights-last.safetensors   those of the last step, where training has steps
//!   history.jsonl           one line an epoch
//!   report.html             what it learned, to look at
//!   checkpoint/             what resuming needs, until the run is complete
//! ```
//!
//! Model files are data only; nothing in them is executed. Each is checked by length and SHA-256 when it is read, and
//! `model.json` carries its own digest.

pub mod files;
mod lock;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use lock::DirectoryLock;

use crate::{
    Error, Result, anomaly,
    data::Preprocess,
    figures::Figures,
    kinds,
    model::{Model, Size},
    recipe::Recipe,
    train::{Ended, EpochRecord},
};

/// Version of the layout of a model directory.
pub const FORMAT: u32 = 1;
/// The manifest's file name.
pub const MANIFEST: &str = "model.json";
/// The weights' file name.
pub const WEIGHTS: &str = "weights.safetensors";
/// The vocabularies' file name, where there is text.
pub const VOCABULARY: &str = "vocabulary.json";
/// File name of the weights of the last step.
pub const LAST_WEIGHTS: &str = "weights-last.safetensors";
/// The history's file name.
pub const HISTORY: &str = "history.jsonl";
/// The report's file name.
pub const REPORT: &str = "report.html";
/// Name of the folder with what resuming needs.
pub const CHECKPOINT: &str = "checkpoint";
const DIGEST: &str = "sha256";

/// What `model.json` says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of the layout.
    pub format: u32,
    /// Version of the program that wrote it.
    pub program: String,
    /// Kind of model.
    pub kind: String,
    /// The recipe as it was run, every default filled in.
    pub recipe: Value,
    /// The settings of the model, every `auto` replaced by what it meant.
    pub config: Value,
    /// Schema of the input and how it becomes numbers.
    pub preprocess: Preprocess,
    /// Sizes of the model.
    pub sizes: Vec<Size>,
    /// How good it is, beside its baselines.
    pub figures: Figures,
    /// How training went.
    pub training: Option<TrainingRecord>,
    /// Seed of everything random.
    pub seed: u64,
    /// SHA-256 of the data it was fitted to.
    pub data_fingerprint: String,
    /// The other files of the directory.
    pub files: BTreeMap<String, FileEntry>,
}

/// How training went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingRecord {
    /// How it ended.
    pub ended: Ended,
    /// Epochs completed.
    pub epochs: usize,
    /// The epoch of the best validation loss, from 1.
    pub best_epoch: Option<usize>,
    /// Seconds of all epochs together.
    pub seconds: f64,
}

/// Length and digest of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Length in bytes.
    pub bytes: u64,
    /// SHA-256 of its content, in hexadecimal.
    pub sha256: String,
}

impl FileEntry {
    fn of(bytes: &[u8]) -> Self {
        Self { bytes: bytes.len() as u64, sha256: files::sha256(bytes) }
    }
}

/// Writes a directory: the files first, then the manifest that names them.
pub fn write(dir: &Path, mut manifest: Manifest, contents: &[(&str, Vec<u8>)]) -> Result<()> {
    let path = dir.join(MANIFEST);
    let fail = |e: serde_json::Error| Error::model(&path, format!("cannot be written as JSON: {e}"));
    let vocabularies = manifest.preprocess.take_vocabularies();
    let vocabularies = match vocabularies.is_empty() {
        true => None,
        false => Some((VOCABULARY, serde_json::to_vec(&vocabularies).map_err(fail)?)),
    };
    for (name, bytes) in contents.iter().chain(&vocabularies) {
        files::write_bytes(&dir.join(name), bytes)?;
        manifest.files.insert((*name).to_owned(), FileEntry::of(bytes));
    }
    let mut value = serde_json::to_value(&manifest).map_err(fail)?;
    let digest = digest(&value).map_err(fail)?;
    if let Value::Object(fields) = &mut value {
        fields.insert(DIGEST.to_owned(), Value::from(digest));
    }
    files::write_json(&path, &value)?;
    files::sync_dir(dir)
}

/// SHA-256 of the canonical form of a manifest: compact JSON, keys in order, without the digest itself.
fn digest(value: &Value) -> serde_json::Result<String> {
    Ok(files::sha256(&serde_json::to_vec(value)?))
}

/// A model directory that was read and checked.
pub struct ModelDirectory {
    /// Where it is.
    pub dir: PathBuf,
    /// What it says of itself.
    pub manifest: Manifest,
    /// The model.
    pub model: Box<dyn Model>,
}

impl ModelDirectory {
    /// Reads a model directory and checks every file of it.
    ///
    /// # Errors
    /// A missing, damaged or foreign file, named, with what to do.
    pub fn open(dir: &Path, device: &Device) -> Result<Self> {
        let mut manifest = read_manifest(dir)?;
        let mut contents = BTreeMap::new();
        for (name, entry) in &manifest.files {
            contents.insert(name.as_str(), read_checked(dir, name, entry)?);
        }
        let vocabularies = match contents.get(VOCABULARY) {
            Some(bytes) => serde_json::from_slice(bytes).map_err(|e| e.to_string()),
            None => Ok(BTreeMap::new()),
        };
        vocabularies.and_then(|vocabularies| manifest.preprocess.put_vocabularies(vocabularies)).map_err(
            |e| Error::model(dir.join(VOCABULARY), format!("is damaged: {e}. Fit the model again")),
        )?;
        let path = dir.join(WEIGHTS);
        let bytes = contents
            .get(WEIGHTS)
            .ok_or_else(|| Error::model(dir, format!("{MANIFEST} does not name {WEIGHTS}")))?;
        let tensors = files::parse_tensors(&path, bytes)?;
        let kind = kinds::find(&manifest.kind)?;
        let model = anomaly::load(kind, &manifest.config, &manifest.preprocess, &tensors, device)
            .map_err(|e| Error::model(&path, e))?;
        Ok(Self { dir: dir.to_owned(), manifest, model })
    }

    /// SHA-256 of all that codes depend on: kind, settings, schema with its vocabularies, weights. Models of one digest
    /// give the same codes.
    ///
    /// # Errors
    /// The manifest cannot be written as JSON.
    pub fn code_digest(&self) -> Result<String> {
        let m = &self.manifest;
        let weights = m.files.get(WEIGHTS).map_or("", |entry| entry.sha256.as_str());
        let text = serde_json::to_vec(&(&m.kind, &m.config, &m.preprocess, weights))
            .map_err(|e| Error::model(&self.dir, e.to_string()))?;
        Ok(files::sha256(&text))
    }

    /// The recipe it was fitted with.
    pub fn recipe(&self) -> Result<Recipe> {
        Recipe::from_json(&self.manifest.recipe)
    }

    /// The epochs of its training, those of pretraining first; none for a kind that is computed at once.
    pub fn history(&self) -> Result<Vec<EpochRecord>> {
        let Some(entry) = self.manifest.files.get(HISTORY) else { return Ok(Vec::new()) };
        let path = self.dir.join(HISTORY);
        let bytes = read_checked(&self.dir, HISTORY, entry)?;
        let lines = bytes.split(|&b| b == b'\n').filter(|line| !line.is_empty());
        lines
            .map(serde_json::from_slice)
            .collect::<serde_json::Result<_>>()
            .map_err(|e| Error::model(path, format!("is damaged: {e}")))
    }
}

/// Reads `model.json` and checks its digest and version.
pub fn read_manifest(dir: &Path) -> Result<Manifest> {
    let path = dir.join(MANIFEST);
    if !dir.is_dir() {
        return Err(Error::model(dir, "is not a model directory; `latentia fit -o DIR` writes one"));
    }
    if !path.exists() {
        let hint = match dir.join(CHECKPOINT).is_dir() {
            true => "its fit was not finished: go on with `latentia fit --resume DIR`",
            false => "it is not a model directory; `latentia fit -o DIR` writes one",
        };
        return Err(Error::model(dir, format!("has no {MANIFEST}; {hint}")));
    }
    let mut value: Value = files::read_json(&path)?;
    let damaged = |what: String| Error::model(&path, format!("is damaged: {what}. Fit the model again"));
    let stored = match &mut value {
        Value::Object(fields) => fields.remove(DIGEST),
        _ => None,
    };
    // A newer layout is told apart from damage before anything else is believed.
    if let Some(format) = value.get("format").and_then(Value::as_u64)
        && format > u64::from(FORMAT)
    {
        return Err(Error::model(
            &path,
            format!("has format {format}, this program reads up to {FORMAT}: use a newer latentia"),
        ));
    }
    let found = digest(&value).map_err(|e| damaged(e.to_string()))?;
    if stored.as_ref().and_then(Value::as_str) != Some(found.as_str()) {
        return Err(damaged("its content does not match its SHA-256".into()));
    }
    serde_json::from_value(value).map_err(|e| damaged(e.to_string()))
}

/// Reads a file and compares it with its entry.
fn read_checked(dir: &Path, name: &str, entry: &FileEntry) -> Result<Vec<u8>> {
    let path = dir.join(name);
    let bytes = fs::read(&path).map_err(|e| Error::io(&path, "read", e))?;
    let found = FileEntry::of(&bytes);
    if found.bytes != entry.bytes {
        return Err(Error::model(
            path,
            format!(
                "is damaged: found {} bytes, expected {}. Fit the model again or restore the file",
                found.bytes, entry.bytes
            ),
        ));
    }
    if found.sha256 != entry.sha256 {
        return Err(Error::model(
            path,
            format!(
                "is damaged: its content does not match the SHA-256 in {MANIFEST}. Fit the model again or restore the file"
            ),
        ));
    }
    Ok(bytes)
}

/// The history as JSON lines.
pub fn history_lines<'a>(history: impl IntoIterator<Item = &'a EpochRecord>) -> serde_json::Result<Vec<u8>> {
    let mut text = Vec::new();
    for record in history {
        serde_json::to_writer(&mut text, record)?;
        text.push(b'\n');
    }
    Ok(text)
}
