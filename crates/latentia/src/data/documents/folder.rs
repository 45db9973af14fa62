//! A .txt file, or a folder of them; the names of its sub-folders are classes.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use super::{MAX_FILE, Names};
use crate::{
    DataError, Error, Result,
    data::{
        Chunk, ColumnInfo, ColumnKind, Matrix, Source,
        open::{open_bytes, read_error},
        plan::Request,
        text::text_fault,
    },
};

/// Name of the column of classes, which are the names of folders.
const FOLDER: &str = "folder";
/// Name of the column that names rows.
const FILE: &str = "file";

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
        let files = if path.is_dir() { list(path)? } else { vec![(path.to_owned(), None)] };
        if files.is_empty() {
            return Err(DataError::new(path, "no .txt file", "a folder of documents").into());
        }
        let names = Names::new(request, FILE, FOLDER)?;
        let options = request.options;
        if let Some(label) =
            options.label.as_ref().filter(|label| request.schema.is_none() && *label != FOLDER)
        {
            let expected = format!("\"{FOLDER}\": the classes of documents are the names of their folders");
            return Err(DataError::new(path, format!("the label \"{label}\""), expected).into());
        }
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
            let within = file.strip_prefix(&self.path).ok().filter(|within| *within != Path::new(""));
            texts[1].push(Some(within.unwrap_or(file).display().to_string()));
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

/// The documents of a folder and of its sub-folders with their classes, in order of name.
fn list(folder: &Path) -> Result<Vec<(PathBuf, Option<String>)>> {
    let entries = |folder: &Path| -> Result<Vec<PathBuf>> {
        let read = fs::read_dir(folder).map_err(|e| Error::io(folder, "read", e))?;
        let mut paths = Vec::new();
        for entry in read {
            paths.push(entry.map_err(|e| Error::io(folder, "read", e))?.path());
        }
        paths.sort();
        Ok(paths)
    };
    let mut files = Vec::new();
    for path in entries(folder)? {
        if path.is_dir() {
            let class = path.file_name().map(|name| name.to_string_lossy().into_owned());
            let texts = entries(&path)?.into_iter().filter(|path| is_text(path) && path.is_file());
            files.extend(texts.map(|text| (text, class.clone())));
        } else if is_text(&path) {
            files.push((path, None));
        }
    }
    Ok(files)
}

/// Whether a file's name says that it holds a document.
pub(crate) fn is_text(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    name.strip_suffix(".gz").unwrap_or(&name).ends_with(".txt")
}

/// Whether a folder holds documents.
pub(crate) fn is_folder(path: &Path) -> bool {
    list(path).is_ok_and(|files| !files.is_empty())
}
