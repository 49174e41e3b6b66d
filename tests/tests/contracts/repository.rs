//! The files of this repository, read.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The text of a file, by its path in the repository.
pub(crate) fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A JSON file.
pub(crate) fn json(path: &str) -> Value {
    serde_json::from_str(&text(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The template. What a short tag such as `!Sub` or `!GetAtt` marks is read as the plain string or list that follows.
pub(crate) fn template() -> Value {
    serde_saphyr::from_str(&text("sam/template.yaml")).expect("sam/template.yaml")
}

/// The names of the functions: the folders under `functions/`.
pub(crate) fn functions() -> Vec<String> {
    entries("functions").into_iter().filter(|name| root().join("functions").join(name).is_dir()).collect()
}

/// The state machines by name.
pub(crate) fn machines() -> BTreeMap<String, Value> {
    entries("state-machines")
        .into_iter()
        .filter_map(|file| file.strip_suffix(".asl.json").map(str::to_owned))
        .map(|name| (name.clone(), json(&format!("state-machines/{name}.asl.json"))))
        .collect()
}

/// The samples of one function, by case.
pub(crate) fn events(function: &str) -> BTreeMap<String, Value> {
    entries(&format!("events/{function}"))
        .into_iter()
        .map(|file| (file.trim_end_matches(".json").to_owned(), json(&format!("events/{function}/{file}"))))
        .collect()
}

/// The names in a folder, sorted; none if there is no such folder.
pub(crate) fn entries(folder: &str) -> Vec<String> {
    let Ok(folder) = fs::read_dir(root().join(folder)) else { return Vec::new() };
    let mut names: Vec<_> = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Every string in a document, wherever it stands.
pub(crate) fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(strings).collect(),
        Value::Object(fields) => fields.values().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}

/// The names that stand as `${name}` in a text, in order.
pub(crate) fn substitutions(text: &str) -> Vec<&str> {
    text.split("${").skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name).collect()
}

/// A string or a list of strings, as policies and patterns have them.
pub(crate) fn one_or_many(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        other => other.as_array().unwrap().iter().map(|item| item.as_str().unwrap()).collect(),
    }
}
