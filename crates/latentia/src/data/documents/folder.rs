//! A .txt file, or a folder of them; the names of its sub-folders are classes.

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use super::{MAX_FILE, Names};
use crate::{
    DataError, Result,
    data::{
        Chunk, ColumnInfo, ColumnKind, Matrix, Source,
        files::{FILE, FOLDER, check_label, list, within},
        open::{open_bytes, read_error},
        plan::Request,
        text::text_fault,
    },
};

/// One document a file.
pub(crate) struct FolderSource {
    path: PathBuf,
    files: Vec<(PathBuf, Option<String>)>,
    names: Names,
    columns: Vec<ColumnInfo>,
    labelled: bool,
    next: usize,
}

impl FolderSource {
    pub(crate) fn open(request: Request<'_>) -> Result<Self> {
        let path = request.path;
        let files = if path.is_dir() { list(path, is_document)? } else { vec![(path.to_owned(), None)] };
        if files.is_empty() {
            return Err(DataError::new(path, "no .txt file", "a folder of documents").into());
        }
        let names = Names::new(request, FILE, FOLDER)?;
        check_label(request, "documents")?;
        let labelled = files.iter().any(|(_, class)| class.is_some());
        let text = |name: &str| ColumnInfo { name: name.to_owned(), kind: ColumnKind::Text };
        let mut columns = vec![text(&names.text), text(&names.id)];
        if labelled {
            columns.push(text(&names.label));
        }
        Ok(Self { path: path.to_owned(), files, names, columns, labelled, next: 0 })
    }
}

impl Source for FolderSource {
    fn path(&self) -> &Path {
        &self.path
    }

    fn columns(&self) -> &[ColumnInfo] {
        &self.columns
    }

    fn is_named(&self) -> bool {
        true
    }

    fn rows_hint(&self) -> Option<u64> {
        Some(self.files.len() as u64)
    }

    fn text(&self) -> Option<&str> {
        Some(&self.names.text)
    }

    fn id(&self) -> Option<&str> {
        Some(&self.names.id)
    }

    fn label(&self) -> Option<&str> {
        self.labelled.then_some(&self.names.label)
    }

    fn next(&mut self, max_rows: usize) -> Result<Option<Chunk>> {
        let rows = max_rows.min(self.files.len() - self.next);
        if rows == 0 {
            return Ok(None);
        }
        let files = &self.files[self.next..self.next + rows];
        let mut texts = vec![Vec::with_capacity(rows), Vec::with_capacity(rows)];
        if self.labelled {
            texts.push(files.iter().map(|(_, class)| class.clone()).collect());
        }
        for (file, _) in files {
            texts[0].push(Some(read(file)?));
            texts[1].push(Some(within(&self.path, file)));
        }
        let first_row = self.next as u64;
        self.next += rows;
        Ok(Some(Chunk { first_row, rows, numbers: Matrix::zeros(rows, 0), texts }))
    }
}

/// A file as one document.
fn read(file: &Path) -> Result<String> {
    let mut bytes = Vec::new();
    open_bytes(file)?.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(|e| read_error(file, &e))?;
    if bytes.len() as u64 > MAX_FILE {
        let found = format!("more than {} MB", MAX_FILE >> 20);
        return Err(DataError::new(file, found, "one document").into());
    }
    String::from_utf8(bytes).map_err(|e| {
        let bad = e.utf8_error().valid_up_to();
        let line = e.as_bytes()[..bad].iter().filter(|&&byte| byte == b'\n').count() as u64 + 1;
        let around = &e.as_bytes()[bad.saturating_sub(20)..];
        text_fault(file, &around[..around.len().min(40)]).line(line).into()
    })
}

/// Whether a file's name says that it holds a document.
pub(crate) fn is_text(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    name.strip_suffix(".gz").unwrap_or(&name).ends_with(".txt")
}

fn is_document(path: &Path) -> bool {
    is_text(path) && path.is_file()
}

/// Whether a folder holds documents.
pub(crate) fn is_folder(path: &Path) -> bool {
    list(path, is_document).is_ok_and(|files| !files.is_empty())
}
