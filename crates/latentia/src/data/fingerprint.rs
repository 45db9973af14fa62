//! What tells that data is the same.

use sha2::{Digest, Sha256};

use super::{Chunk, Matrix, Source};

/// SHA-256 over columns and cells.
pub(super) struct Fingerprint(Sha256);

impl Fingerprint {
    pub(super) fn new(source: &dyn Source) -> Self {
        let mut hash = Sha256::new();
        for column in source.columns() {
            hash.update(column.name.as_bytes());
            hash.update([0, column.kind as u8]);
        }
        Self(hash)
    }

    pub(super) fn add_matrix(&mut self, x: &Matrix) {
        let mut bytes = [0; 4096];
        for values in x.as_slice().chunks(bytes.len() / 4) {
            for (out, value) in bytes.chunks_exact_mut(4).zip(values) {
                out.copy_from_slice(&value.to_le_bytes());
            }
            self.0.update(&bytes[..values.len() * 4]);
        }
    }

    pub(super) fn add(&mut self, chunk: &Chunk) {
        self.add_matrix(&chunk.numbers);
        for cell in chunk.texts.iter().flatten() {
            match cell {
                Some(text) => {
                    self.0.update((text.len() as u64 + 1).to_le_bytes());
                    self.0.update(text.as_bytes());
                }
                None => self.0.update(0u64.to_le_bytes()),
            }
        }
    }

    pub(super) fn finish(self) -> String {
        self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
