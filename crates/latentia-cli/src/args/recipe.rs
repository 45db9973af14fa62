//! One flag of `fit` for every key of a recipe, made from the keys themselves.

use clap::{Arg, ArgMatches, Command, builder::PossibleValue};
use latentia::{
    kinds::{KINDS, Kind},
    recipe::{Form, Key, SECTIONS, section_keys},
};

/// A key that a flag has set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Assignment {
    /// `data`, `model`, `train` or `anomaly`.
    pub(crate) section: &'static str,
    /// The key.
    pub(crate) name: String,
    /// The flag, without its dashes.
    pub(crate) flag: String,
    /// What was written after it.
    pub(crate) text: String,
}

/// A key of a section and the kinds of model that have it; for the other sections, all have.
struct Flag {
    section: &'static str,
    key: Key,
    kinds: Vec<&'static Kind>,
}

/// Every key of every kind once, in the order of the sections.
fn flags() -> Vec<Flag> {
    let mut flags: Vec<Flag> = Vec::new();
    for section in SECTIONS {
        for kind in KINDS {
            for key in section_keys(section, kind) {
                match flags.iter_mut().find(|f| f.section == section && f.key.name == key.name) {
                    Some(flag) => flag.kinds.push(kind),
                    None => flags.push(Flag { section, key, kinds: vec![kind] }),
                }
            }
        }
    }
    flags
}

/// Flags have dashes whatever the key has.
fn flag_name(key: &str) -> String {
    key.replace('_', "-")
}

/// The id of an argument: sections and the program's own flags must not collide.
fn id(flag: &Flag) -> String {
    format!("{}.{}", flag.section, flag.key.name)
}

/// Adds the flags to `fit`.
pub(super) fn add_flags(fit: Command) -> Command {
    let flags = flags();
    fit.args(flags.iter().enumerate().map(|(i, flag)| argument(flag).display_order(i + 10)))
}

fn argument(flag: &Flag) -> Arg {
    let key = &flag.key;
    let mut help = key.doc.clone();
    if let Some(default) = default_text(key) {
        help = format!("{help} [default: {default}]");
    }
    let arg = Arg::new(id(flag)).long(flag_name(&key.name)).help(help).help_heading(heading(flag));
    // PCA's users know the size of a code as its number of components.
    let arg = if key.name == "code" { arg.visible_alias("components") } else { arg };
    match &key.form {
        Form::Bool => arg
            .value_name("true|false")
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .value_parser(["true", "false"])
            .hide_possible_values(true),
        Form::Choice(words) => {
            let words = words.iter().map(|(word, meaning)| match meaning.is_empty() {
                true => PossibleValue::new(word),
                false => PossibleValue::new(word).help(meaning),
            });
            arg.value_name("WORD").value_parser(words.collect::<Vec<_>>())
        }
        Form::Integer | Form::Number => arg.value_name("N").allow_negative_numbers(true),
        Form::Text => arg.value_name("TEXT").allow_negative_numbers(true),
        Form::List(of) => arg.allow_negative_numbers(true).value_name(match **of {
            Form::Integer | Form::Number => "N,N,..",
            _ => "TEXT,TEXT,..",
        }),
    }
}

fn heading(flag: &Flag) -> String {
    match flag.section {
        "data" => "Data: how to read it".into(),
        "train" => "Training".into(),
        "anomaly" => "Unusual rows".into(),
        _ if flag.kinds.len() == KINDS.len() => "Model".into(),
        _ => {
            let kinds: Vec<_> = flag.kinds.iter().map(|kind| kind.name).collect();
            format!("Model: {}", kinds.join(", "))
        }
    }
}

fn default_text(key: &Key) -> Option<String> {
    use serde_json::Value;
    match &key.default {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Array(items) if items.is_empty() => None,
        Value::Array(items) => Some(items.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")),
        Value::Bool(false) => None,
        other => Some(other.to_string()),
    }
}

/// The keys that the flags of this command line set.
pub(crate) fn assignments(fit: &ArgMatches) -> Vec<Assignment> {
    let set = flags().into_iter().filter_map(|flag| {
        let text = fit.get_one::<String>(&id(&flag))?.clone();
        let name = flag_name(&flag.key.name);
        Some(Assignment { section: flag.section, name: flag.key.name, flag: name, text })
    });
    set.collect()
}
