//! The JSON schema of a manifest, and what it says of one field.

use serde::Serialize;
use serde_json::Value;

use crate::Manifest;

/// The JSON schema, with descriptions, defaults and examples, all in one piece: no `$ref`, so that whoever reads a field's
/// schema has the whole of it.
pub fn schema() -> Value {
    let mut settings = schemars::generate::SchemaSettings::draft2020_12();
    settings.inline_subschemas = true;
    settings.into_generator().into_root_schema_for::<Manifest>().to_value()
}

/// What a field is for.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// Its path.
    pub path: String,
    /// What may stand there.
    pub expects: String,
    /// What it is for.
    pub description: String,
    /// What it is when left out.
    pub default: Option<Value>,
    /// What could stand there.
    pub examples: Vec<Value>,
    /// The fields inside, each with its first sentence.
    pub fields: Vec<(String, String)>,
    /// What each word means, where only certain words may stand.
    pub values: Vec<(String, String)>,
}

/// Explains the field at `path` (`spec.network.nat`, or without the leading `spec.`). Otherwise the nearest field's path.
pub fn explain(path: &str) -> Result<Explanation, Option<String>> {
    let root = schema();
    let full = match path.split('.').next() {
        Some("" | "spec" | "metadata" | "apiVersion" | "kind") | None => path.to_owned(),
        Some(_) => format!("spec.{path}"),
    };
    let mut schema = &root;
    let mut walked = String::new();
    for step in full.split('.').filter(|step| !step.is_empty()) {
        let holder = object(schema);
        schema = match (&holder["properties"][step], &holder["additionalProperties"]) {
            (Value::Null, Value::Object(_)) => &holder["additionalProperties"],
            (Value::Null, _) => {
                let near = nearest(step, properties(holder).map(|(name, _)| name));
                return Err(near.map(|near| join(&walked, &near)));
            }
            (found, _) => found,
        };
        walked = join(&walked, step);
    }
    Ok(Explanation {
        path: walked,
        expects: expects(schema),
        description: text(schema, "description"),
        default: schema.get("default").cloned(),
        examples: schema["examples"].as_array().cloned().unwrap_or_default(),
        fields: properties(object(schema)).map(|(name, field)| (name.to_owned(), first_sentence(field))).collect(),
        values: words(schema),
    })
}

/// The words that a schema allows, with their meanings.
pub(crate) fn words(schema: &Value) -> Vec<(String, String)> {
    if let Some(word) = schema["const"].as_str() {
        return vec![(word.to_owned(), text(schema, "description"))];
    }
    let plain = schema["enum"].as_array().into_iter().flatten();
    let plain = plain.filter_map(|word| Some((word.as_str()?.to_owned(), text(schema, "description"))));
    plain.chain(branches(schema).flat_map(words)).collect()
}

/// The alternatives of a schema.
pub(crate) fn branches(schema: &Value) -> impl Iterator<Item = &Value> {
    ["oneOf", "anyOf"].into_iter().flat_map(move |key| schema[key].as_array().into_iter().flatten())
}

/// The schema of the object that may stand here: the schema itself, or the alternative that is one.
pub(crate) fn object(schema: &Value) -> &Value {
    let is_object =
        |schema: &&Value| schema.get("properties").is_some() || schema.get("additionalProperties").is_some();
    std::iter::once(schema).chain(branches(schema)).find(is_object).unwrap_or(schema)
}

/// The fields of an object.
pub(crate) fn properties(schema: &Value) -> impl Iterator<Item = (&str, &Value)> {
    schema["properties"].as_object().into_iter().flatten().map(|(name, field)| (name.as_str(), field))
}

/// Whether JSON's `kind` of value may stand here.
pub(crate) fn allows(schema: &Value, kind: &str) -> bool {
    match &schema["type"] {
        Value::String(only) => only == kind || (only == "number" && kind == "integer"),
        Value::Array(several) => several.iter().any(|one| one == kind),
        _ => {
            kind == "string" && (schema["const"].is_string() || schema["enum"].is_array())
                || branches(schema).any(|branch| allows(branch, kind))
        }
    }
}

/// What may stand here, in words.
pub(crate) fn expects(schema: &Value) -> String {
    let words: Vec<String> = words(schema).into_iter().map(|(word, _)| word).collect();
    if !words.is_empty() {
        return words.join(" | ");
    }
    let names = [
        ("string", "text"),
        ("integer", "whole number"),
        ("number", "number"),
        ("boolean", "true or false"),
        ("array", "list"),
        ("object", "map"),
    ];
    let allowed: Vec<&str> = names.iter().filter(|(kind, _)| allows(schema, kind)).map(|(_, name)| *name).collect();
    match schema["format"].as_str() {
        Some(format) => format!("{} ({})", allowed.join(" or "), format.replace('-', " ")),
        None => allowed.join(" or "),
    }
}

/// The name nearest to a word, if one is near.
pub(crate) fn nearest<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    let likeness = |name: &str| strsim::jaro_winkler(&word.to_lowercase(), &name.to_lowercase());
    let best = names.map(|name| (likeness(name), name)).max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 > 0.75).then(|| best.1.to_owned())
}

pub(crate) fn join(path: &str, step: &str) -> String {
    if path.is_empty() { step.to_owned() } else { format!("{path}.{step}") }
}

fn text(schema: &Value, key: &str) -> String {
    schema[key].as_str().unwrap_or_default().replace('\n', " ")
}

fn first_sentence(schema: &Value) -> String {
    let whole = text(schema, "description");
    whole.split_inclusive(". ").next().unwrap_or_default().trim().to_owned()
}
