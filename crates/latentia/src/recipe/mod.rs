//! Recipes: what to read, what to fit and how to train it, as one TOML file.
//!
//! ```toml
//! [data]
//! path = "people.csv"
//! label = "class"
//!
//! [model]
//! kind = "autoencoder"
//! code = 8
//!
//! [train]
//! epochs = 100
//! ```

mod keys;

use std::{fmt::Write, fs, path::Path};

use serde_json::{Map, Value};

pub use keys::{Form, Key, nearest};

use crate::{
    Error, Result,
    anomaly::AnomalyConfig,
    data::ReadOptions,
    kinds::{self, Kind},
    train::TrainConfig,
};

/// The sections of a recipe, in order.
pub const SECTIONS: [&str; 4] = ["data", "model", "train", "anomaly"];

/// A complete recipe.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// The file, or the name of a data set of the catalogue.
    pub path: String,
    /// How to read it.
    pub data: ReadOptions,
    /// What to fit.
    pub kind: &'static Kind,
    /// Its settings, complete.
    pub model: Value,
    /// How to train it.
    pub train: TrainConfig,
    /// What makes a row unusual.
    pub anomaly: AnomalyConfig,
}

/// A recipe that may say little yet: what a file and flags have set.
#[derive(Debug, Clone, Default)]
pub struct Draft(Map<String, Value>);

impl Draft {
    /// Reads a TOML file.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(|e| Error::io(path, "read", e))?;
        Self::parse(&text).map_err(|e| match e {
            Error::Config { field, message } => {
                Error::config(format!("{}, {field}", path.display()), message)
            }
            other => other,
        })
    }

    /// Reads TOML.
    pub fn parse(text: &str) -> Result<Self> {
        let table: toml::Table = toml::from_str(text).map_err(|e| Error::config("recipe", e.to_string()))?;
        let Ok(Value::Object(sections)) = serde_json::to_value(table) else {
            return Err(Error::config("recipe", "is not a TOML table"));
        };
        for (name, section) in &sections {
            if !SECTIONS.contains(&name.as_str()) {
                return Err(unknown("section", name, SECTIONS));
            }
            if !section.is_object() {
                return Err(Error::config(name, format!("write [{name}] and its keys below")));
            }
        }
        Ok(Self(sections))
    }

    /// Sets `section.name`.
    pub fn set(&mut self, section: &str, name: &str, value: Value) {
        let entry = self.0.entry(section.to_owned()).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(keys) = entry {
            keys.insert(name.to_owned(), value);
        }
    }

    /// Sets a key from the command line: `train.epochs=5`.
    pub fn set_text(&mut self, assignment: &str) -> Result<()> {
        let wrong =
            || Error::config(format!("--set {assignment}"), "expected SECTION.KEY=VALUE, say train.epochs=5");
        let (key, text) = assignment.split_once('=').ok_or_else(wrong)?;
        let (section, name) = key.trim().split_once('.').ok_or_else(wrong)?;
        if !SECTIONS.contains(&section) {
            return Err(unknown("section", section, SECTIONS));
        }
        if (section, name) == ("model", "kind") || (section, name) == ("data", "path") {
            self.set(section, name, Value::from(text));
            return Ok(());
        }
        let keys = section_keys(section, self.kind()?);
        let Some(key) = keys.iter().find(|k| k.name == name) else {
            return Err(unknown_key(section, name, &keys));
        };
        self.set(section, name, parse(key, text)?);
        Ok(())
    }

    /// The kind of model.
    pub fn kind(&self) -> Result<&'static Kind> {
        match self.get("model", "kind") {
            None => Err(Error::config("model.kind", format!("is missing, expected {}", kinds::names()))),
            Some(Value::String(name)) => kinds::find(name),
            Some(other) => {
                Err(Error::config("model.kind", format!("found {other}, expected {}", kinds::names())))
            }
        }
    }

    /// The value of `section.name`, where it was set.
    pub fn get(&self, section: &str, name: &str) -> Option<&Value> {
        self.0.get(section)?.get(name)
    }

    /// Fills in every default and checks every key.
    pub fn complete(&self) -> Result<Recipe> {
        let kind = self.kind()?;
        let section = |name: &str| match self.0.get(name) {
            Some(Value::Object(keys)) => keys.clone(),
            _ => Map::new(),
        };
        let mut data = section("data");
        let path = match data.remove("path") {
            Some(Value::String(path)) if !path.is_empty() => path,
            Some(other) => return Err(Error::config("data.path", format!("found {other}, expected a file"))),
            None => return Err(Error::config("data.path", "is missing: name a file or a data set")),
        };
        let mut model = section("model");
        model.remove("kind");
        let train = section("train");
        let anomaly = section("anomaly");
        for (name, keys) in [("data", &data), ("model", &model), ("train", &train), ("anomaly", &anomaly)] {
            check(name, keys, &section_keys(name, kind))?;
        }
        if !kind.trains
            && let Some(key) = train.keys().find(|key| *key != "seed")
        {
            return Err(Error::config(
                format!("train.{key}"),
                format!("'{}' is computed, not trained: only train.seed has a meaning", kind.name),
            ));
        }
        let data: ReadOptions = read("data", &data)?;
        data.validate()?;
        let train: TrainConfig = read("train", &train)?;
        train.validate()?;
        let anomaly: AnomalyConfig = read("anomaly", &anomaly)?;
        anomaly.validate(kind)?;
        let config = kind.parse(Value::Object(model))?;
        Ok(Recipe { path, data, kind, model: config.to_json(), train, anomaly })
    }
}

impl Recipe {
    /// The recipe as JSON, every default filled in.
    pub fn to_json(&self) -> Value {
        let as_object = |value: Value| match value {
            Value::Object(keys) => keys,
            _ => Map::new(),
        };
        let mut data = Map::from_iter([("path".to_owned(), Value::from(self.path.clone()))]);
        data.extend(as_object(serde_json::to_value(&self.data).unwrap_or_default()));
        let mut model = Map::from_iter([("kind".to_owned(), Value::from(self.kind.name))]);
        model.extend(as_object(self.model.clone()));
        let train = match self.kind.trains {
            true => as_object(serde_json::to_value(&self.train).unwrap_or_default()),
            false => Map::from_iter([("seed".to_owned(), Value::from(self.train.seed))]),
        };
        let anomaly = serde_json::to_value(&self.anomaly).unwrap_or_default();
        serde_json::json!({ "data": data, "model": model, "train": train, "anomaly": anomaly })
    }

    /// The recipe that [`Recipe::to_json`] gave.
    pub fn from_json(value: &Value) -> Result<Self> {
        match value {
            Value::Object(sections) => Draft(sections.clone()).complete(),
            _ => Err(Error::config("recipe", "is not an object")),
        }
    }

    /// The recipe as TOML, every key with its value and its meaning.
    pub fn to_toml(&self) -> String {
        let json = self.to_json();
        let mut text = String::new();
        for section in SECTIONS {
            if !text.is_empty() {
                text.push('\n');
            }
            let _ = writeln!(text, "[{section}]");
            let keys = section_keys(section, self.kind);
            let Some(Value::Object(values)) = json.get(section) else { continue };
            for first in ["path", "kind"] {
                if let Some(value) = values.get(first) {
                    let _ = writeln!(text, "{first} = {}", toml_value(value));
                }
            }
            for key in keys.iter().filter(|key| section != "train" || self.kind.trains || key.name == "seed")
            {
                write_key(&mut text, key, values.get(&key.name));
            }
        }
        text
    }
}

/// One key with its meaning as comments; a key without a value is written as a comment.
fn write_key(text: &mut String, key: &Key, value: Option<&Value>) {
    let _ = writeln!(text, "\n# {}", key.doc);
    if let Form::Choice(words) = &key.form {
        for (word, meaning) in words {
            let _ = writeln!(text, "#   {word}: {meaning}");
        }
    }
    let _ = match value {
        Some(value) if !value.is_null() => writeln!(text, "{} = {}", key.name, toml_value(value)),
        _ => writeln!(text, "# {} = ({})", key.name, key.form.describe()),
    };
}

fn toml_value(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(toml_value).collect();
            format!("[{}]", items.join(", "))
        }
        Value::String(text) => toml::Value::from(text.as_str()).to_string(),
        other => other.to_string(),
    }
}

/// The keys of a section, for a kind of model; `path` and `kind` are not among them.
pub fn section_keys(section: &str, kind: &Kind) -> Vec<Key> {
    match section {
        "data" => keys::keys::<ReadOptions>("data"),
        "model" => (kind.keys)(),
        "train" => keys::keys::<TrainConfig>("train"),
        _ => keys::keys::<AnomalyConfig>("anomaly"),
    }
}

/// The keys of a configuration type; what a [`Kind`] is made with.
pub(crate) fn model_keys<T: schemars::JsonSchema + Default + serde::Serialize>() -> Vec<Key> {
    keys::keys::<T>("model")
}

/// Parses the text of a flag by the form of its key.
pub fn parse(key: &Key, text: &str) -> Result<Value> {
    key.form.parse(text).ok_or_else(|| {
        Error::config(
            format!("{}.{}", key.section, key.name),
            format!("found '{text}', expected {}", key.form.describe()),
        )
    })
}

fn check(section: &str, found: &Map<String, Value>, keys: &[Key]) -> Result<()> {
    match found.keys().find(|name| !keys.iter().any(|key| key.name == **name)) {
        Some(name) => Err(unknown_key(section, name, keys)),
        None => Ok(()),
    }
}

fn unknown_key(section: &str, name: &str, keys: &[Key]) -> Error {
    let names = keys.iter().map(|k| k.name.as_str()).chain(match section {
        "data" => Some("path"),
        "model" => Some("kind"),
        _ => None,
    });
    match nearest(name, names) {
        Some(near) => {
            Error::config(format!("{section}.{name}"), format!("no such key, did you mean '{near}'?"))
        }
        None => Error::config(
            format!("{section}.{name}"),
            "no such key; `latentia fit --print-recipe KIND` shows them all",
        ),
    }
}

fn unknown<'a>(what: &str, name: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> Error {
    let all = known.clone().into_iter().collect::<Vec<_>>().join(", ");
    match nearest(name, known) {
        Some(near) => Error::config(name, format!("no such {what}, did you mean '{near}'?")),
        None => Error::config(name, format!("no such {what}, expected {all}")),
    }
}

/// Reads a section into its type; a value that does not fit is named by its key.
pub(crate) fn read<T: serde::de::DeserializeOwned>(section: &str, found: &Map<String, Value>) -> Result<T> {
    for (name, value) in found {
        let alone = Value::Object(Map::from_iter([(name.clone(), value.clone())]));
        if let Err(e) = serde_json::from_value::<T>(alone) {
            return Err(Error::config(format!("{section}.{name}"), e.to_string()));
        }
    }
    serde_json::from_value(Value::Object(found.clone())).map_err(|e| Error::config(section, e.to_string()))
}
