//! What tells that data is the same.

use sha2::{Digest, Sha256};

use super::{Chunk, Matrix, Source, preprocess::by_kind};

/// SHA-256 over columns and cells: of the names of the columns and the numbers row by row, then of the digests of the columns of
/// text. Where one chunk ends and the next begins makes no difference.
pub(super) struct Fingerprint {
    numbers: Sha256,
    texts: Vec<Sha256>,
}

impl Fingerprint {
    pub(super) fn new(source: &dyn Source) -> Self {
        let mut numbers = Sha256::new();
        for column in source.columns() {
            numbers.update(column.name.as_bytes());
            numbers.update([0, column.kind as u8]);
        }
        let (_, texts) = by_kind(source.columns());
        Self { numbers, texts: vec![Sha256::new(); texts.len()] }
    }

    pub(super) fn add_matrix(&mut self, x: &Matrix) {
        let mut bytes = [0; 4096];
        for values in x.as_slice().chunks(bytes.len() / 4) {
            for (out, value) in bytes.chunks_exact_mut(4).zip(values) {
                out.copy_from_slice(&value.to_le_bytes());
            }
            self.numbers.update(&bytes[..values.len() * 4]);
        }
    }

    pub(super) fn add(&mut self, chunk: &Chunk) {
        self.add_matrix(&chunk.numbers);
        for (hash, cells) in self.texts.iter_mut().zip(&chunk.texts) {
            for cell in cells {
                match cell {
                    Some(text) => {
                        hash.update((text.len() as u64 + 1).to_le_bytes());
                        hash.update(text.as_bytes());
                    }
                    None => hash.update(0u64.to_le_bytes()),
                }
            }
        }
    }

    pub(super) fn finish(mut self) -> String {
        for texts in self.texts {
            self.numbers.update(texts.finalize());
        }
        self.numbers.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{ReadOptions, open};

    #[test]
    fn borders_of_chunks_make_no_difference_and_every_cell_does() {
        let folder = tempfile::tempdir().expect("a folder");
        let fingerprint = |name: &str, rows: &str, at_a_time: usize| {
            let path = folder.path().join(name);
            std::fs::write(&path, format!("x,name,y,kind\n{rows}")).expect("a file");
            let mut source = open(&path, &ReadOptions::default()).expect("a table");
            let mut hash = Fingerprint::new(source.as_ref());
            while let Some(chunk) = source.next(at_a_time).expect("rows") {
                hash.add(&chunk);
            }
            hash.finish()
        };
        let rows = "1,a,2,u\n3,,4,v\n5,c,,w\n7,d,8,x\n9,e,10,y\n";
        let whole = fingerprint("whole.csv", rows, 100);
        for at_a_time in [1, 2, 3, 5] {
            assert_eq!(fingerprint("parts.csv", rows, at_a_time), whole, "{at_a_time} rows at a time");
        }
        for (cell, other) in
            [("1,a", "2,a"), ("3,,", "3,b,"), ("c,,", "c,6,"), ("y\n", "z\n"), ("a,2", "b,2")]
        {
            let changed = rows.replacen(cell, other, 1);
            assert_ne!(fingerprint("other.csv", &changed, 2), whole, "{cell} is {other}");
        }
    }
}
