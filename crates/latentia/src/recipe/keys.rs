//! The keys of a recipe, read off the configuration types: one definition for recipes, flags and their help.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde_json::Value;

/// A key of a recipe: its name, what it may be, what it means.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// `data`, `model`, `train` or `anomaly`.
    pub section: &'static str,
    /// Its name within the section, in kebab case.
    pub name: String,
    /// What it means: the doc comment of the field.
    pub doc: String,
    /// Its value when nothing is said; `null` for a key without one.
    pub default: Value,
    /// What it may be.
    pub form: Form,
}

/// What a key may be.
#[derive(Debug, Clone, PartialEq)]
pub enum Form {
    /// `true` or `false`.
    Bool,
    /// A whole number from 0 on.
    Integer,
    /// A number.
    Number,
    /// Text: a name, a path, a character.
    Text,
    /// A list of one of the others.
    List(Box<Form>),
    /// One of these words, each with its meaning.
    Choice(Vec<(String, String)>),
}

impl Form {
    /// For people: `one of adam, sgd`, `a number`.
    pub fn describe(&self) -> String {
        match self {
            Self::Bool => "true or false".into(),
            Self::Integer => "a whole number".into(),
            Self::Number => "a number".into(),
            Self::Text => "text".into(),
            Self::List(of) => format!("a list, each {}", of.describe()),
            Self::Choice(words) => {
                let words: Vec<&str> = words.iter().map(|(word, _)| word.as_str()).collect();
                format!("one of {}", words.join(", "))
            }
        }
    }

    /// The value that `text` means, `None` when it does not fit. Lists are separated by commas.
    pub fn parse(&self, text: &str) -> Option<Value> {
        match self {
            Self::Bool => text.parse::<bool>().ok().map(Value::from),
            Self::Integer => text.parse::<u64>().ok().map(Value::from),
            Self::Number => text.parse::<f64>().ok().filter(|v| v.is_finite()).map(Value::from),
            Self::Text => Some(Value::from(text)),
            Self::List(of) => {
                let text = text.trim().trim_start_matches('[').trim_end_matches(']');
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                items
                    .map(|item| of.parse(item.trim_matches('"')))
                    .collect::<Option<Vec<_>>>()
                    .map(Value::from)
            }
            Self::Choice(words) => words.iter().any(|(word, _)| word == text).then(|| Value::from(text)),
        }
    }
}

/// The keys of a configuration type, in the order of its fields.
pub(super) fn keys<T: JsonSchema + Default + Serialize>(section: &'static str) -> Vec<Key> {
    let schema = SchemaGenerator::default().into_root_schema_for::<T>();
    let defaults = serde_json::to_value(T::default()).unwrap_or_default();
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return Vec::new() };
    properties
        .iter()
        .map(|(name, property)| Key {
            section,
            name: name.clone(),
            doc: text(property, "description"),
            default: defaults.get(name).cloned().unwrap_or_default(),
            form: form(&schema, property),
        })
        .collect()
}

fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().replace('\n', " ")
}

/// The form of a property; a reference is followed, `null` beside another type is left out.
fn form(root: &Schema, property: &Value) -> Form {
    if let Some(reference) = property.get("$ref").and_then(Value::as_str) {
        let target = root.pointer(reference.trim_start_matches('#'));
        return target.map_or(Form::Text, |target| form(root, target));
    }
    if let Some(words) = property.get("oneOf").and_then(Value::as_array) {
        let word = |w: &Value| {
            let constant = w.get("const").or_else(|| w.get("enum")?.get(0))?.as_str()?;
            Some((constant.to_owned(), text(w, "description")))
        };
        return Form::Choice(words.iter().filter_map(word).collect());
    }
    if let Some(words) = property.get("enum").and_then(Value::as_array) {
        let words = words.iter().filter_map(Value::as_str);
        return Form::Choice(words.map(|w| (w.to_owned(), String::new())).collect());
    }
    for several in ["anyOf", "allOf"] {
        let parts = property.get(several).and_then(Value::as_array);
        let is_null = |part: &&Value| part.get("type").and_then(Value::as_str) == Some("null");
        if let Some(part) = parts.and_then(|parts| parts.iter().find(|p| !is_null(p))) {
            return form(root, part);
        }
    }
    let name = match property.get("type") {
        Some(Value::Array(types)) => types.iter().filter_map(Value::as_str).find(|t| *t != "null"),
        Some(Value::String(name)) => Some(name.as_str()),
        _ => None,
    };
    match name {
        Some("boolean") => Form::Bool,
        Some("integer") => Form::Integer,
        Some("number") => Form::Number,
        Some("array") => {
            let items = property.get("items").map_or(Form::Text, |items| form(root, items));
            Form::List(Box::new(items))
        }
        _ => Form::Text,
    }
}

/// The name nearest to `found` among `known`, when one is near enough to be what was meant.
pub fn nearest<'a>(found: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let scored = known.into_iter().map(|name| (strsim::jaro_winkler(found, name), name));
    scored.filter(|(score, _)| *score > 0.75).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        anomaly::AnomalyConfig, codes::autoencoder::AutoencoderConfig, data::ReadOptions, train::TrainConfig,
    };

    #[test]
    fn every_field_of_a_configuration_is_a_documented_key() {
        let all = [
            keys::<TrainConfig>("train"),
            keys::<AutoencoderConfig>("model"),
            keys::<ReadOptions>("data"),
            keys::<AnomalyConfig>("anomaly"),
        ];
        let undocumented: Vec<_> = all.iter().flatten().filter(|k| k.doc.is_empty()).collect();
        assert!(undocumented.is_empty(), "{undocumented:?}");
        let optimizer = all[0].iter().find(|k| k.name == "optimizer").unwrap();
        let Form::Choice(words) = &optimizer.form else { panic!("{optimizer:?}") };
        assert_eq!(words.len(), 5);
        assert_eq!(optimizer.default, "adam");
        let hidden = all[1].iter().find(|k| k.name == "hidden").unwrap();
        assert_eq!(hidden.form, Form::List(Box::new(Form::Integer)));
        let header = all[2].iter().find(|k| k.name == "header").unwrap();
        assert_eq!(header.form, Form::Bool);
    }

    #[test]
    fn no_key_stands_in_two_sections_because_flags_have_no_sections() {
        let mut names: Vec<_> = [
            keys::<TrainConfig>("train"),
            keys::<AutoencoderConfig>("model"),
            keys::<ReadOptions>("data"),
            keys::<AnomalyConfig>("anomaly"),
        ]
        .into_iter()
        .flatten()
        .map(|k| k.name)
        .collect();
        names.sort();
        let before = names.len();
        names.dedup();
        assert_eq!(names.len(), before);
    }

    #[test]
    fn flags_are_parsed_by_the_form_of_their_key() {
        assert_eq!(Form::List(Box::new(Form::Integer)).parse("64, 32"), Some(serde_json::json!([64, 32])));
        assert_eq!(Form::Integer.parse("-1"), None);
        assert_eq!(Form::Number.parse("1e-3"), Some(serde_json::json!(1e-3)));
        assert_eq!(nearest("epoch", ["epochs", "seed"]), Some("epochs"));
        assert_eq!(nearest("zzz", ["epochs", "seed"]), None);
    }
}
