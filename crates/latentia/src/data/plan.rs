//! What each column of a file is for.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
};

use super::ReadOptions;
use super::{ColumnInfo, ColumnKind, FeatureKind, Preprocess, preprocess::nearest};
use crate::{DataError, Error, Result};

/// What a column is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Skip,
    Label,
    Id,
    /// A feature whose kind its cells tell.
    Infer,
    Number,
    Category,
    /// Documents.
    Text,
    Tags,
}

/// How a file is to be read: the options for a training file; the schema as well for a further file.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) path: &'a Path,
    pub(crate) options: &'a ReadOptions,
    pub(crate) schema: Option<&'a Preprocess>,
}

/// The columns of a file with their roles.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) names: Vec<String>,
    pub(crate) roles: Vec<Role>,
    /// The columns among the numbers that are to be told from the others.
    pub(crate) targets: Vec<String>,
}

impl Plan {
    /// Gives each of the columns `names` its role.
    pub(crate) fn new(request: Request<'_>, names: Vec<String>, named: bool) -> Result<Self> {
        match request.schema {
            None => Self::from_options(request, names),
            Some(schema) => Self::from_schema(request, schema, names, named),
        }
    }

    fn from_options(request: Request<'_>, names: Vec<String>) -> Result<Self> {
        let options = request.options;
        let index: HashMap<&str, usize> =
            names.iter().enumerate().rev().map(|(j, name)| (name.as_str(), j)).collect();
        let find = |column: &String, key: &str| -> Result<usize> {
            let position = || -> Option<usize> {
                let k = column.parse::<i64>().ok()?;
                let j = if k < 0 { names.len() as i64 + k } else { k - 1 };
                usize::try_from(j).ok().filter(|&j| j < names.len())
            };
            index
                .get(column.as_str())
                .copied()
                .or_else(position)
                .ok_or_else(|| no_column(request.path, column, key, &names))
        };
        let mut roles = vec![if options.columns.is_empty() { Role::Infer } else { Role::Skip }; names.len()];
        for column in &options.columns {
            roles[find(column, "columns")?] = Role::Infer;
        }
        for column in &options.categorical {
            let j = find(column, "categorical")?;
            if roles[j] == Role::Infer {
                roles[j] = Role::Category;
            }
        }
        for column in &options.ignore {
            roles[find(column, "ignore")?] = Role::Skip;
        }
        if let Some(column) = &options.text {
            roles[find(column, "text")?] = Role::Text;
        }
        if let Some(column) = &options.tags {
            roles[find(column, "tags")?] = Role::Tags;
        }
        if let Some(column) = &options.id {
            roles[find(column, "id")?] = Role::Id;
        }
        if let Some(column) = &options.label {
            roles[find(column, "label")?] = Role::Label;
        }
        let mut targets = Vec::with_capacity(options.target.len());
        for column in &options.target {
            let j = find(column, "target")?;
            if matches!(roles[j], Role::Label | Role::Id | Role::Text | Role::Tags) {
                let message = format!("column '{}' has another role already: give it one", names[j]);
                return Err(Error::config("data.target", message));
            }
            // Read as a number whatever its first cells look like: text is then an error that names its row.
            roles[j] = Role::Number;
            targets.push(names[j].clone());
        }
        Ok(Self { names, roles, targets })
    }

    /// Columns are the schema's by name. Where a side has no names, they are the schema's by position, and there must
    /// be as many.
    fn from_schema(
        request: Request<'_>,
        schema: &Preprocess,
        mut names: Vec<String>,
        named: bool,
    ) -> Result<Self> {
        let found: HashSet<&str> = names.iter().map(String::as_str).collect();
        let aside = |name: Option<&str>| usize::from(name.is_some_and(|name| found.contains(name)));
        let label = schema.label.as_ref().map(|label| label.column.as_str());
        let targets: usize = schema.targets.iter().map(|target| aside(Some(&target.name))).sum();
        let asides = aside(label) + aside(schema.id.as_deref()) + aside(schema.tags.as_deref()) + targets;
        let by_name = schema.features.iter().all(|feature| found.contains(feature.name.as_str()));
        let strict = !named || !schema.named;
        let mut positional = false;
        if strict && names.len() == schema.features.len() && !by_name {
            names = schema.features.iter().map(|feature| feature.name.clone()).collect();
            positional = true;
        } else if strict && !(by_name && (named || names.len() == schema.features.len() + asides)) {
            let image =
                schema.image.map_or(String::new(), |s| format!(" (images of {} x {})", s.height, s.width));
            let expected = format!("{} as in the training file{image}", schema.features.len());
            let found = format!("{} columns of features", names.len().saturating_sub(asides));
            return Err(DataError::new(request.path, found, expected).into());
        } else if let Some(feature) =
            schema.features.iter().find(|feature| !found.contains(feature.name.as_str()))
        {
            let near = nearest(&feature.name, names.iter().map(String::as_str));
            return Err(DataError::new(request.path, "no such column", "every column of the training file")
                .column(&feature.name)
                .hint(near.map_or(String::new(), |near| format!("The nearest is \"{near}\"")))
                .into());
        }
        let kinds: HashMap<&str, Role> = schema
            .features
            .iter()
            .map(|feature| match feature.kind {
                FeatureKind::Number { .. } => (feature.name.as_str(), Role::Number),
                FeatureKind::Category { .. } => (feature.name.as_str(), Role::Category),
                FeatureKind::Text { .. } => (feature.name.as_str(), Role::Text),
            })
            .collect();
        let role = |name: &str| match kinds.get(name) {
            Some(&role) => role,
            None if !positional && label == Some(name) => Role::Label,
            None if !positional && schema.targets.iter().any(|target| target.name == name) => Role::Number,
            None if !positional && schema.id.as_deref() == Some(name) => Role::Id,
            None if !positional && schema.tags.as_deref() == Some(name) => Role::Tags,
            None => Role::Skip,
        };
        let roles = names.iter().map(|name| role(name)).collect();
        let targets = schema.targets.iter().map(|target| target.name.clone()).collect();
        Ok(Self { names, roles, targets })
    }

    /// Name of the column with this role.
    pub(crate) fn name_of(&self, role: Role) -> Option<&str> {
        self.roles.iter().position(|&r| r == role).map(|j| self.names[j].as_str())
    }

    /// The columns that are read; [`Role::Infer`] must have been decided.
    pub(crate) fn columns(&self) -> Vec<ColumnInfo> {
        let kind = |role| if role == Role::Number { ColumnKind::Number } else { ColumnKind::Text };
        let kept = self.names.iter().zip(&self.roles).filter(|(_, role)| **role != Role::Skip);
        kept.map(|(name, &role)| ColumnInfo { name: name.clone(), kind: kind(role) }).collect()
    }

    /// All columns whose kind is open become numbers.
    pub(crate) fn infer_numbers(&mut self) {
        for role in self.roles.iter_mut().filter(|role| **role == Role::Infer) {
            *role = Role::Number;
        }
    }
}

/// In an `impl Source` of a file whose columns a `plan` gives their roles, the answers to which column is what.
macro_rules! roles_of_plan {
    () => {
        fn label(&self) -> Option<&str> {
            self.plan.name_of($crate::data::plan::Role::Label)
        }

        fn targets(&self) -> &[String] {
            &self.plan.targets
        }

        fn id(&self) -> Option<&str> {
            self.plan.name_of($crate::data::plan::Role::Id)
        }

        fn text(&self) -> Option<&str> {
            self.plan.name_of($crate::data::plan::Role::Text)
        }

        fn tags(&self) -> Option<&str> {
            self.plan.name_of($crate::data::plan::Role::Tags)
        }
    };
}
pub(crate) use roles_of_plan;

/// `prefix1`, `prefix2`, ….
pub(crate) fn numbered(prefix: char, count: usize) -> Vec<String> {
    (1..=count).map(|j| format!("{prefix}{j}")).collect()
}

fn no_column(path: &Path, column: &str, key: &str, names: &[String]) -> Error {
    let hint = match nearest(column, names.iter().map(String::as_str)) {
        Some(near) => format!("The nearest is \"{near}\""),
        None => {
            let some: Vec<&str> = names.iter().take(8).map(String::as_str).collect();
            let more = if names.len() > some.len() { ", ..." } else { "" };
            format!("The columns are {}{more}", some.join(", "))
        }
    };
    DataError::new(path, "no such column", format!("a column for --{key}")).column(column).hint(hint).into()
}
