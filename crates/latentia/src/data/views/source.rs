//! Several files read side by side.

use std::path::{Path, PathBuf};

use super::{SourceView, Spelled, check_once, options_of, settings::check_names, spelled, unknown, within};
use crate::{
    DataError, Error, Result,
    data::{
        Chunk, ColumnInfo, ColumnKind, Matrix, Preprocess, ReadOptions, Source,
        catalogue::file_or_name,
        open,
        preprocess::{by_kind, canonical},
    },
};

/// One file for each view, row `i` of each being of the same thing.
pub(crate) struct ViewsSource {
    path: PathBuf,
    children: Vec<Child>,
    columns: Vec<ColumnInfo>,
    views: Vec<SourceView>,
    texts: Vec<String>,
    /// Columns beside the features, which every file may have: the label, the id and the tags.
    asides: [Option<String>; 3],
    row: u64,
}

/// The file of a view.
struct Child {
    source: Box<dyn Source>,
    /// Its text columns that are features.
    texts: Vec<usize>,
    /// Its label, id and tags among its text columns.
    asides: [Option<usize>; 3],
    /// Rows that were read and not yet handed out.
    ahead: Chunk,
    /// Rows read so far.
    rows: u64,
    done: bool,
}

impl ViewsSource {
    /// Opens the files of `views`, by the schema of a fitted model where there is one.
    pub(crate) fn open(
        path: &Path,
        views: &Spelled,
        options: &ReadOptions,
        schema: Option<&Preprocess>,
    ) -> Result<Self> {
        const KEY: &str = "data.path";
        let names: Vec<&str> = views.iter().map(|(name, _)| name.as_str()).collect();
        check_once(KEY, names.iter().copied())?;
        match schema {
            None if !options.views.is_empty() => {
                let message = format!("the data has its views in its name: {}", path.display());
                return Err(Error::config("data.views", message));
            }
            None => check_names(options, &names)?,
            Some(schema) => {
                let known = schema.views.iter().map(|view| view.name.as_str());
                if let Some(name) = names.iter().find(|name| !known.clone().any(|view| view == **name)) {
                    return Err(unknown(KEY, name, known));
                }
            }
        }
        let mut this = Self {
            path: path.to_owned(),
            children: Vec::with_capacity(views.len()),
            columns: Vec::new(),
            views: Vec::with_capacity(views.len()),
            texts: Vec::new(),
            asides: [const { None }; 3],
            row: 0,
        };
        for (name, file) in views {
            if spelled(file).is_some() {
                let found = format!("'{}'", file.display());
                return Err(Error::config(KEY, format!("view {name}: found {found}, expected one file")));
            }
            let (file, own) = file_or_name(file, &options_of(name, options)?)?;
            let own = ReadOptions { test: None, ..own };
            let source = match schema.and_then(|schema| schema.of_file(name)) {
                Some(schema) => open::open_as(&file, &own, &schema)?,
                None => open::open(&file, &own)?,
            };
            this.add(name, source, own);
        }
        for name in this.asides.iter().flatten() {
            this.columns.push(ColumnInfo { name: name.clone(), kind: ColumnKind::Text });
        }
        Ok(this)
    }

    /// Puts a view beside those before it.
    fn add(&mut self, name: &str, source: Box<dyn Source>, options: ReadOptions) {
        let asides = [source.label(), source.id(), source.tags()];
        let (_, texts) = by_kind(source.columns());
        let place = |aside: &str| texts.iter().position(|&j| source.columns()[j].name == aside);
        let places = asides.map(|aside| aside.and_then(place));
        for (known, aside) in self.asides.iter_mut().zip(asides) {
            *known = known.take().or_else(|| aside.map(str::to_owned));
        }
        let is_aside = |column: &ColumnInfo| asides.contains(&Some(column.name.as_str()));
        let first = self.columns.len();
        let features = source.columns().iter().filter(|column| !is_aside(column));
        self.columns.extend(
            features.map(|column| ColumnInfo { name: within(name, &column.name), kind: column.kind }),
        );
        self.texts.extend(source.text().map(|text| within(name, text)));
        self.views.push(SourceView {
            name: name.to_owned(),
            columns: (first..self.columns.len()).collect(),
            options,
            image: source.image_shape(),
            range: source.range(),
            apart: true,
            named: source.is_named(),
        });
        let kept = (0..texts.len()).filter(|k| !places.contains(&Some(*k))).collect();
        let ahead = Chunk { texts: vec![Vec::new(); texts.len()], ..Chunk::default() };
        self.children.push(Child { source, texts: kept, asides: places, ahead, rows: 0, done: false });
    }

    /// That the files have not as many rows; all of them are read to their ends to tell how many.
    fn uneven(&mut self) -> Error {
        for child in &mut self.children {
            while !child.done {
                if let Err(fault) = child.fill(super::super::CHUNK_ROWS) {
                    return fault;
                }
                child.take(child.ahead.rows);
            }
        }
        let first = &self.children[0];
        let other = self.children.iter().find(|child| child.rows != first.rows).unwrap_or(first);
        let expected =
            format!("{} as {} has: views are of the same rows", first.rows, first.source.path().display());
        DataError::new(other.source.path(), format!("{} rows", other.rows), expected).into()
    }

    /// The cells of an aside, which must be the same in every file that has it.
    fn aside(&self, which: usize, parts: &[Chunk]) -> Result<Vec<Option<String>>> {
        let mut cells: Option<(usize, &Vec<Option<String>>)> = None;
        for (k, (child, part)) in self.children.iter().zip(parts).enumerate() {
            let Some(place) = child.asides[which] else { continue };
            let here = &part.texts[place];
            let Some((first, cells)) = cells else {
                cells = Some((k, here));
                continue;
            };
            let same = |a: &Option<String>, b: &Option<String>| match (a, b) {
                (Some(a), Some(b)) => canonical(a) == canonical(b),
                (a, b) => a == b,
            };
            if let Some(i) = (0..here.len()).find(|&i| !same(&cells[i], &here[i])) {
                let said = |cell: &Option<String>| {
                    cell.as_ref().map_or("a missing cell".to_owned(), |text| format!("\"{text}\""))
                };
                let other = self.children[first].source.path().display();
                let expected = format!("{} as {other} has: views are of the same rows", said(&cells[i]));
                let column = self.asides[which].clone().unwrap_or_default();
                let fault = DataError::new(child.source.path(), said(&here[i]), expected);
                return Err(fault.row(self.row + i as u64 + 1).column(column).into());
            }
        }
        Ok(cells.map_or_else(Vec::new, |(_, cells)| cells.clone()))
    }
}

impl Child {
    /// Reads until `rows` are ahead, or all there are.
    fn fill(&mut self, rows: usize) -> Result<()> {
        while self.ahead.rows < rows && !self.done {
            match self.source.next(rows - self.ahead.rows)? {
                None => self.done = true,
                Some(chunk) => {
                    self.rows += chunk.rows as u64;
                    let ahead = std::mem::take(&mut self.ahead);
                    self.ahead = beside_each_other(ahead, chunk);
                }
            }
        }
        Ok(())
    }

    /// The next `rows` of those ahead.
    fn take(&mut self, rows: usize) -> Chunk {
        let cols = self.ahead.numbers.cols();
        let mut numbers = std::mem::take(&mut self.ahead.numbers).into_vec();
        let rest = numbers.split_off(rows * cols);
        let left = self.ahead.rows - rows;
        self.ahead.rows = left;
        self.ahead.numbers = Matrix::new(left, cols, rest);
        let texts = self.ahead.texts.iter_mut().map(|cells| {
            let rest = cells.split_off(rows);
            std::mem::replace(cells, rest)
        });
        Chunk { first_row: 0, rows, texts: texts.collect(), numbers: Matrix::new(rows, cols, numbers) }
    }
}

/// The rows of both, one after the other.
fn beside_each_other(mut first: Chunk, mut second: Chunk) -> Chunk {
    if first.rows == 0 {
        return second;
    }
    let cols = second.numbers.cols();
    let mut numbers = first.numbers.into_vec();
    numbers.append(&mut second.numbers.into_vec());
    first.texts.iter_mut().zip(&mut second.texts).for_each(|(a, b)| a.append(b));
    let rows = first.rows + second.rows;
    Chunk { rows, numbers: Matrix::new(rows, cols, numbers), texts: first.texts, first_row: first.first_row }
}

impl Source for ViewsSource {
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
        self.children.iter().find_map(|child| child.source.rows_hint())
    }

    fn label(&self) -> Option<&str> {
        self.asides[0].as_deref()
    }

    fn id(&self) -> Option<&str> {
        self.asides[1].as_deref()
    }

    fn tags(&self) -> Option<&str> {
        self.asides[2].as_deref()
    }

    fn texts(&self) -> Vec<&str> {
        self.texts.iter().map(String::as_str).collect()
    }

    fn views(&self) -> &[SourceView] {
        &self.views
    }

    fn next(&mut self, max_rows: usize) -> Result<Option<Chunk>> {
        for child in &mut self.children {
            child.fill(max_rows)?;
        }
        let rows = self.children.iter().map(|child| child.ahead.rows).min().unwrap_or(0).min(max_rows);
        if rows == 0 {
            let first = self.children.first().map_or(0, |child| child.rows);
            let even = self.children.iter().all(|child| child.ahead.rows == 0 && child.rows == first);
            return if even { Ok(None) } else { Err(self.uneven()) };
        }
        let mut parts: Vec<Chunk> = self.children.iter_mut().map(|child| child.take(rows)).collect();
        let mut asides = Vec::new();
        for which in 0..self.asides.len() {
            if self.asides[which].is_some() {
                asides.push(self.aside(which, &parts)?);
            }
        }
        let width: usize = parts.iter().map(|part| part.numbers.cols()).sum();
        let mut numbers = Vec::with_capacity(rows * width);
        for i in 0..rows {
            parts.iter().filter(|part| part.numbers.cols() > 0).for_each(|part| {
                numbers.extend_from_slice(part.numbers.row(i));
            });
        }
        let mut texts = Vec::new();
        for (child, part) in self.children.iter().zip(&mut parts) {
            texts.extend(child.texts.iter().map(|&k| std::mem::take(&mut part.texts[k])));
        }
        texts.append(&mut asides);
        let first_row = self.row;
        self.row += rows as u64;
        Ok(Some(Chunk { first_row, rows, numbers: Matrix::new(rows, width, numbers), texts }))
    }
}
