//! The Reuters-21578 collection: a folder of `reut2-000.sgm` … `reut2-021.sgm`, each perhaps gzipped, or one of its files.

use std::{
    collections::VecDeque,
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use super::{
    MAX_FILE, Names,
    sgml::{Article, CLOSE, LewisSplit, OPEN, article},
};
use crate::{
    DataError, Error, Result,
    data::{
        Chunk, ColumnInfo, ColumnKind, Matrix, Source,
        open::{open_bytes, read_error},
        plan::Request,
    },
};

/// The name within the folder that stands for the training articles of the ModApte split.
pub(crate) const TRAIN: &str = "modapte-train";
/// The name within the folder that stands for its test articles.
pub(crate) const TEST: &str = "modapte-test";
/// The ten topics with most training articles of the ModApte split, the most frequent first.
const TOPICS: [&str; 10] =
    ["earn", "acq", "money-fx", "grain", "crude", "trade", "interest", "wheat", "ship", "corn"];

/// Articles with one of the ten most frequent topics; the others are left out.
///
/// The label of an article is the first of its topics in the order of [`TOPICS`], the column `topics` has all that are among
/// the ten.
pub(crate) struct ReutersSource {
    path: PathBuf,
    files: VecDeque<PathBuf>,
    wanted: Option<LewisSplit>,
    names: Names,
    columns: Vec<ColumnInfo>,
    articles: VecDeque<Article>,
    row: u64,
}

/// Name of the column with all topics.
const ALL: &str = "topics";

impl ReutersSource {
    pub(crate) fn open(request: Request<'_>) -> Result<Self> {
        let path = request.path;
        let (folder, wanted) = match part(path) {
            Some((folder, split)) => (folder, Some(split)),
            None => (path.to_owned(), None),
        };
        let files = if folder.is_dir() { list(&folder)? } else { vec![folder] };
        if files.is_empty() {
            return Err(DataError::new(path, "no file reut2-*.sgm", "the files of Reuters-21578").into());
        }
        let names = Names::new(request, "id", "topic")?;
        let options = request.options;
        if let Some(label) = options.label.as_ref().filter(|l| request.schema.is_none() && **l != names.label)
        {
            let expected = format!("\"{}\": the most frequent topic of an article", names.label);
            return Err(DataError::new(path, format!("the label \"{label}\""), expected).into());
        }
        let columns = [&names.text, &names.id, &names.label, ALL];
        let columns =
            columns.map(|name: &str| ColumnInfo { name: name.to_owned(), kind: ColumnKind::Text }).to_vec();
        let articles = VecDeque::new();
        Ok(Self { path: path.to_owned(), files: files.into(), wanted, names, columns, articles, row: 0 })
    }

    /// Whether an article is of the part that is read, and has one of the ten topics.
    fn wants(&self, article: &Article) -> bool {
        let of_part = match self.wanted {
            Some(split) => article.had_topics && article.split == split,
            None => true,
        };
        of_part && label(article).is_some()
    }

    /// Reads the next file that has articles to give.
    fn refill(&mut self) -> Result<()> {
        while self.articles.is_empty()
            && let Some(file) = self.files.pop_front()
        {
            let found = articles(&file)?;
            self.articles = found.into_iter().filter(|article| self.wants(article)).collect();
        }
        Ok(())
    }
}

impl Source for ReutersSource {
    fn path(&self) -> &Path {
        &self.path
    }

    fn columns(&self) -> &[ColumnInfo] {
        &self.columns
    }

    fn is_named(&self) -> bool {
        true
    }

    fn text(&self) -> Option<&str> {
        Some(&self.names.text)
    }

    fn id(&self) -> Option<&str> {
        Some(&self.names.id)
    }

    fn label(&self) -> Option<&str> {
        Some(&self.names.label)
    }

    fn tags(&self) -> Option<&str> {
        Some(ALL)
    }

    fn next(&mut self, max_rows: usize) -> Result<Option<Chunk>> {
        let mut texts = vec![Vec::new(); self.columns.len()];
        let (first_row, mut rows) = (self.row, 0);
        while rows < max_rows {
            self.refill()?;
            let Some(article) = self.articles.pop_front() else { break };
            let topics: Vec<&str> = topics(&article).collect();
            let cells = [
                article.text.as_str(),
                &article.id,
                topics.first().copied().unwrap_or_default(),
                &topics.join(" "),
            ];
            for (column, cell) in texts.iter_mut().zip(cells) {
                column.push(Some(cell.to_owned()));
            }
            rows += 1;
        }
        self.row += rows as u64;
        let chunk = Chunk { first_row, rows, numbers: Matrix::zeros(rows, 0), texts };
        Ok((rows > 0).then_some(chunk))
    }
}

/// The topics of an article that are among the ten, the most frequent first.
fn topics(article: &Article) -> impl Iterator<Item = &'static str> + '_ {
    TOPICS.into_iter().filter(|topic| article.topics.iter().any(|other| other == topic))
}

fn label(article: &Article) -> Option<&'static str> {
    topics(article).next()
}

/// The articles of a file.
fn articles(file: &Path) -> Result<Vec<Article>> {
    let mut bytes = Vec::new();
    open_bytes(file)?.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(|e| read_error(file, &e))?;
    if bytes.len() as u64 > MAX_FILE {
        let found = format!("more than {} MB", MAX_FILE >> 20);
        return Err(DataError::new(file, found, "a file of Reuters-21578").into());
    }
    // Articles are ASCII but for a few bytes of noise, which Latin-1 makes characters of.
    let text: String = bytes.iter().map(|&byte| char::from(byte)).collect();
    let line = |at: usize| text[..at].bytes().filter(|&b| b == b'\n').count() as u64 + 1;
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text[from..].find(OPEN).map(|at| from + at) {
        let content = &text[at + OPEN.len()..];
        // An article that is cut off must not swallow the next.
        let next = content.find(OPEN).unwrap_or(content.len());
        let Some(end) = content[..next].find(CLOSE) else {
            let fault = DataError::new(file, "an article without an end", CLOSE);
            return Err(fault.line(line(at)).hint("The file may be cut short: fetch it again").into());
        };
        let parsed = article(&content[..end])
            .map_err(|(found, expected)| DataError::new(file, found, expected).line(line(at)))?;
        found.push(parsed);
        from = at + OPEN.len() + end + CLOSE.len();
    }
    if found.is_empty() {
        return Err(DataError::new(file, "no article", "a file of Reuters-21578").into());
    }
    Ok(found)
}

/// The files of the collection in a folder, in order.
fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let failed = |e| Error::io(folder, "read", e);
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if is_file_name(&path) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn is_file_name(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let stem = name.strip_suffix(".gz").unwrap_or(&name);
    stem.starts_with("reut2-") && stem.ends_with(".sgm")
}

/// The folder and the part that a path stands for, where it is no path of its own: `FOLDER/modapte-train`.
fn part(path: &Path) -> Option<(PathBuf, LewisSplit)> {
    let split = match path.file_name()?.to_str()? {
        TRAIN => LewisSplit::Train,
        TEST => LewisSplit::Test,
        _ => return None,
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    (!path.exists() && folder.is_dir()).then(|| (folder.to_owned(), split))
}

/// Whether a path stands for a part of the collection.
pub(crate) fn is_part(path: &Path) -> bool {
    part(path).is_some()
}

/// Whether a path is the collection: a folder that holds a file of it, or such a file.
pub(crate) fn is_reuters(path: &Path) -> bool {
    match path.is_dir() {
        true => list(path).is_ok_and(|files| !files.is_empty()),
        false => is_file_name(path),
    }
}
