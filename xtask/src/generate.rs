//! `cargo xtask generate`: what is made from the code and checked in. Tests fail when a file is not what this writes.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::program::{Done, say, workspace};
use crate::{policies, reference};

/// Writes every generated file.
///
/// # Errors
/// If a source cannot be read or a file cannot be written.
pub(crate) fn run() -> Done {
    let schema = serde_json::to_string_pretty(&sorted(manifest::schema()))? + "\n";
    write("shared/manifest/schema/platform.schema.json", &schema)?;
    write("docs/reference/manifest.md", &reference::page())?;
    let template = std::fs::read_to_string(workspace().join("sam/template.yaml"))?;
    write("sam/template.yaml", &policies::inline(&template, policy)?)
}

/// The same with every object's fields in order of name, whatever order `serde_json` was built to keep.
pub(crate) fn sorted(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields: BTreeMap<_, _> = fields.into_iter().map(|(name, field)| (name, sorted(field))).collect();
            Value::Object(fields.into_iter().collect())
        }
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        other => other,
    }
}

fn policy(path: &str) -> Result<Value, String> {
    let text = std::fs::read_to_string(workspace().join(path)).map_err(|error| format!("{path}: {error}"))?;
    serde_json::from_str(&text).map_err(|error| format!("{path}: {error}"))
}

fn write(path: &str, text: &str) -> Done {
    let full = workspace().join(path);
    if std::fs::read_to_string(&full).is_ok_and(|old| old == text) {
        say(&format!("{path} is up to date"));
        return Ok(());
    }
    std::fs::create_dir_all(full.parent().unwrap_or(Path::new(".")))?;
    std::fs::write(&full, text).map_err(|error| format!("{path}: {error}"))?;
    say(&format!("{path} written"));
    Ok(())
}
