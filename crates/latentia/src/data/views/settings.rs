//! What one view is read by that the others are not: `data.view-options`.

use serde_json::{Map, Value};

use super::{is_name, unknown};
use crate::{
    Error, Result,
    data::{ReadOptions, preprocess::nearest},
};

const KEY: &str = "data.view-options";

/// Keys of how a file is read.
const OF_FILES: [&str; 15] = [
    "format",
    "delimiter",
    "header",
    "label",
    "label-file",
    "id",
    "tags",
    "columns",
    "ignore",
    "categorical",
    "text",
    "array",
    "image-height",
    "image-width",
    "image-channels",
];
/// Keys of how columns become features.
const OF_FEATURES: [&str; 5] = ["scale", "vocabulary", "min-documents", "stop-words", "weighting"];
/// Those that are lists.
const LISTS: [&str; 3] = ["columns", "ignore", "categorical"];

/// Checks what can be checked without knowing the views.
pub(crate) fn check(settings: &[String]) -> Result<()> {
    settings.iter().try_for_each(|text| parse(text).map(|_| ()))
}

/// `VIEW.KEY=VALUE`.
fn parse(text: &str) -> Result<(&str, &str, &str)> {
    let parts = text.split_once('=').and_then(|(left, value)| {
        let (view, key) = left.trim().split_once('.')?;
        is_name(view).then_some((view, key, value.trim()))
    });
    let Some((view, key, value)) = parts else {
        return Err(Error::config(
            KEY,
            format!("found '{text}', expected VIEW.KEY=VALUE, say pix.scale=unit"),
        ));
    };
    let known = || OF_FILES.into_iter().chain(OF_FEATURES);
    if known().any(|name| name == key) {
        return Ok((view, key, value));
    }
    let hint = nearest(key, known()).map_or(String::new(), |near| format!(", did you mean '{near}'?"));
    Err(Error::config(KEY, format!("{text}: '{key}' is no key that a view has of its own{hint}")))
}

/// Refuses settings of a view that is not among `known`.
pub(super) fn check_names(options: &ReadOptions, known: &[&str]) -> Result<()> {
    for text in &options.view_options {
        let (view, key, _) = parse(text)?;
        if !known.contains(&view) {
            return Err(unknown(KEY, view, known.iter().copied()));
        }
        if !options.views.is_empty() && OF_FILES.contains(&key) {
            let message = format!("{text}: says how a file is read, and the views are columns of one file");
            return Err(Error::config(KEY, message));
        }
    }
    Ok(())
}

/// The options that a view is read by.
pub(crate) fn options_of(view: &str, options: &ReadOptions) -> Result<ReadOptions> {
    let mut own = ReadOptions { views: Vec::new(), view_options: Vec::new(), test: None, ..options.clone() };
    for text in &options.view_options {
        let (of, key, value) = parse(text)?;
        if of == view {
            own = set(&own, key, value).map_err(|why| Error::config(KEY, format!("{text}: {why}")))?;
        }
    }
    Ok(own)
}

/// The options with one key set; the error is a sentence.
fn set(options: &ReadOptions, key: &str, text: &str) -> std::result::Result<ReadOptions, String> {
    let mut keys = match serde_json::to_value(options).map_err(|e| e.to_string())? {
        Value::Object(keys) => keys,
        _ => Map::new(),
    };
    let list = || Value::from(text.split('+').map(str::trim).collect::<Vec<_>>());
    // A label `-1` is text though it reads as a number.
    let readings = match LISTS.contains(&key) {
        true => vec![list()],
        false => serde_json::from_str(text).into_iter().chain([Value::from(text)]).collect(),
    };
    let mut fault = String::new();
    for value in readings {
        keys.insert(key.to_owned(), value);
        match serde_json::from_value(Value::Object(keys.clone())) {
            Ok(options) => return Ok(options),
            Err(e) => fault = e.to_string(),
        }
    }
    Err(fault)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Scale;

    #[test]
    fn settings_of_a_view_are_those_of_all_but_for_its_own() {
        let settings =
            ["pix.label=-1", "pix.scale=unit", "de.vocabulary=300", "pix.ignore=a+b", "de.stop-words=false"];
        let options = ReadOptions {
            vocabulary: 50,
            view_options: settings.map(str::to_owned).to_vec(),
            ..ReadOptions::default()
        };
        let pix = options_of("pix", &options).unwrap();
        assert_eq!((pix.label.as_deref(), pix.scale, pix.vocabulary), (Some("-1"), Scale::Unit, 50));
        assert_eq!(pix.ignore, ["a", "b"]);
        let de = options_of("de", &options).unwrap();
        assert_eq!((de.label, de.scale, de.vocabulary, de.stop_words), (None, Scale::Auto, 300, false));
    }

    #[test]
    fn settings_that_make_no_sense_are_refused() {
        let cases = [
            ("pix", "VIEW.KEY=VALUE"),
            ("pix.scal=unit", "did you mean 'scale'?"),
            ("pix.validation=0.2", "no key that a view has of its own"),
        ];
        for (text, expected) in cases {
            let error = check(&[text.to_owned()]).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
        let options =
            |text: &str| ReadOptions { view_options: vec![text.to_owned()], ..ReadOptions::default() };
        let error = options_of("pix", &options("pix.vocabulary=many")).unwrap_err().to_string();
        assert!(error.contains("pix.vocabulary=many") && error.contains("invalid type"), "{error}");
        let error = check_names(&options("pixl.scale=unit"), &["pix", "fou"]).unwrap_err().to_string();
        assert!(error.contains("no view 'pixl'") && error.contains("did you mean 'pix'?"), "{error}");
    }
}
