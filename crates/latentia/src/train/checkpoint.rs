//! What resuming needs, on disk.
//!
//! A checkpoint is a directory `step-N` that is written under another name, synced, and renamed when it is complete;
//! older ones are removed only then. A run killed at any moment leaves at least the previous checkpoint.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{history::EpochRecord, params::Tensors};
use crate::{
    Error, Result,
    artifact::files::{read_json, read_tensors, sync_dir, write_bytes, write_json, write_tensors},
};

/// Where a run stood.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// What run this is part of: a digest of recipe and data.
    pub run: String,
    /// Epoch the next step is in, from 0.
    pub epoch: usize,
    /// Step within that epoch, from 0.
    pub step: usize,
    /// Steps since the start.
    pub global_step: u64,
    /// Updates the optimiser has made.
    pub optimizer_steps: u64,
    /// Running sums of the epoch so far, as the bits of `f64`, so that they come back exactly.
    pub sums: Vec<(String, u64)>,
    /// Bits of the best validation loss.
    pub best_loss: Option<u64>,
    /// The epoch it was reached in, from 1.
    pub best_epoch: Option<usize>,
    /// Completed epochs.
    pub history: Vec<EpochRecord>,
}

/// A checkpoint in memory.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// Where the run stood.
    pub progress: Progress,
    /// The weights.
    pub weights: Tensors,
    /// The weights of the best validation loss.
    pub best: Option<Tensors>,
    /// The state of a first-order optimiser.
    pub optimizer: Tensors,
    /// The state of L-BFGS.
    pub lbfgs: Option<Vec<u8>>,
    /// What the objective carries from step to step.
    pub objective: Tensors,
}

const PREFIX: &str = "step-";
const LBFGS: &str = "lbfgs.bin";
const OBJECTIVE: &str = "objective.safetensors";

impl Checkpoint {
    /// Writes the checkpoint into `dir` and removes older ones.
    pub fn write(&self, dir: &Path) -> Result<()> {
        fs::create_dir_all(dir).map_err(|e| Error::io(dir, "create", e))?;
        let unfinished = dir.join("unfinished");
        remove_dir(&unfinished)?;
        fs::create_dir(&unfinished).map_err(|e| Error::io(&unfinished, "create", e))?;
        write_tensors(&unfinished.join("weights.safetensors"), &self.weights)?;
        write_tensors(&unfinished.join("optimizer.safetensors"), &self.optimizer)?;
        if let Some(lbfgs) = &self.lbfgs {
            write_bytes(&unfinished.join(LBFGS), lbfgs)?;
        }
        if !self.objective.is_empty() {
            write_tensors(&unfinished.join(OBJECTIVE), &self.objective)?;
        }
        if let Some(best) = &self.best {
            write_tensors(&unfinished.join("best.safetensors"), best)?;
        }
        write_json(&unfinished.join("progress.json"), &self.progress)?;
        sync_dir(&unfinished)?;
        let finished = dir.join(format!("{PREFIX}{:012}", self.progress.global_step));
        remove_dir(&finished)?;
        fs::rename(&unfinished, &finished).map_err(|e| Error::io(&finished, "write", e))?;
        sync_dir(dir)?;
        for old in complete(dir)?.into_iter().filter(|d| *d != finished) {
            remove_dir(&old)?;
        }
        Ok(())
    }

    /// Reads the newest complete checkpoint in `dir`; `None` when there is none.
    pub fn read_newest(dir: &Path) -> Result<Option<Self>> {
        let Some(newest) = complete(dir)?.pop() else { return Ok(None) };
        let progress: Progress = read_json(&newest.join("progress.json"))?;
        let best = match progress.best_loss {
            Some(_) => Some(read_tensors(&newest.join("best.safetensors"))?),
            None => None,
        };
        Ok(Some(Self {
            weights: read_tensors(&newest.join("weights.safetensors"))?,
            optimizer: read_tensors(&newest.join("optimizer.safetensors"))?,
            lbfgs: match fs::read(newest.join(LBFGS)) {
                Ok(bytes) => Some(bytes),
                Err(e) if e.kind() == io::ErrorKind::NotFound => None,
                Err(e) => return Err(Error::io(newest.join(LBFGS), "read", e)),
            },
            objective: match newest.join(OBJECTIVE) {
                path if path.exists() => read_tensors(&path)?,
                _ => Tensors::new(),
            },
            progress,
            best,
        }))
    }
}

/// The complete checkpoints in `dir`, oldest first.
fn complete(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(Error::io(dir, "read", e)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(|e| Error::io(dir, "read", e))?.path();
        if path.file_name().is_some_and(|n| n.to_string_lossy().starts_with(PREFIX)) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Removes a directory that may not exist.
fn remove_dir(dir: &Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(Error::io(dir, "remove", e)),
        _ => Ok(()),
    }
}
