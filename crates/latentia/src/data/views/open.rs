//! Opening further files of a fitted model, all views of them or some.

use std::{ops::Range, path::Path};

use super::{ViewsSource, options_of, spelled};
use crate::{
    DataError, Error, Result,
    data::{Preprocess, ReadOptions, RowReader, Source, View, catalogue::file_or_name, open},
};

impl Preprocess {
    /// As [`Preprocess::open`], but only the views `from` are read (all, when empty): the features of the others are 0. The
    /// data may be `view=file,…`, or with one view that view's own file.
    ///
    /// # Errors
    /// As [`Preprocess::open`]; a view that the model or the data lacks.
    pub fn open_from(
        &self,
        path: impl AsRef<Path>,
        options: &ReadOptions,
        from: &[String],
    ) -> Result<RowReader> {
        const FLAG: &str = "--from";
        self.check_views(FLAG, from)?;
        let (path, named) = file_or_name(path.as_ref(), options)?;
        let apart = self.views.iter().any(|view| view.apart);
        let (schema, source) = match (spelled(&path), from) {
            (Some(mut files), from) if apart => {
                let names: Vec<String> = files.iter().map(|(name, _)| name.clone()).collect();
                self.check_views("data.path", &names)?;
                if let Some(name) = from.iter().find(|name| !files.iter().any(|(file, _)| file == *name)) {
                    let message = format!("the view '{name}' is not in the data {}", path.display());
                    return Err(Error::config(FLAG, message));
                }
                let given = |view: &&View| files.iter().any(|(name, _)| *name == view.name);
                if let (true, Some(view)) = (from.is_empty(), self.views.iter().find(|view| !given(view))) {
                    let found = format!("no view '{}'", view.name);
                    return Err(DataError::new(&path, found, "every view of the model")
                        .hint("`encode`, `reconstruct`, `index` and `search` do with some: name them with --from")
                        .into());
                }
                files.retain(|(name, _)| from.is_empty() || from.contains(name));
                let names: Vec<String> = files.iter().map(|(name, _)| name.clone()).collect();
                let source: Box<dyn Source> = Box::new(ViewsSource::open(&path, &files, &named, Some(self))?);
                (self.only(&names), source)
            }
            (None, [name]) if apart => {
                let schema = self.of_file(name).unwrap_or_else(|| self.clone());
                let source = open::open_as(&path, &options_of(name, &named)?, &schema)?;
                (schema, source)
            }
            (None, _) if apart => {
                let names: Vec<&str> = self.views.iter().map(|view| view.name.as_str()).collect();
                let files: Vec<String> = names.iter().map(|name| format!("{name}=FILE")).collect();
                let expected = format!("the views of the model, as {}", files.join(","));
                return Err(DataError::new(&path, "one file", expected)
                    .hint(format!("For the file of one view, say which: --from {}", names[0]))
                    .into());
            }
            (Some(_), _) => {
                let expected =
                    "the name of one file: the model was not fitted to views with files of their own";
                return Err(Error::config("data", format!("found {}, expected {expected}", path.display())));
            }
            (None, []) => (self.clone(), open::open_as(&path, &named, self)?),
            (None, from) => {
                let schema = self.only(from);
                let source = open::open_as(&path, &named, &schema)?;
                (schema, source)
            }
        };
        let of_view = |name: &str| match schema.views.is_empty() {
            true => from.is_empty() || from.iter().any(|view| view == name),
            false => schema.views.iter().any(|view| view.name == name),
        };
        let ranges = self.view_ranges().into_iter().filter(|(name, _)| of_view(name));
        let places: Vec<Range<usize>> = ranges.map(|(_, range)| range).collect();
        RowReader::new(schema, source, (places, self.width()))
    }
}
