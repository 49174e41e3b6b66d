//! Why no plan can be made.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One thing for which a manifest, though well formed, cannot be carried out here: what AWS has is not what it asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Its stable code, in PascalCase.
    pub code: String,
    /// The path of the field, such as `spec.network.cidr`.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub fix: String,
}

impl Problem {
    /// A problem of the field at `path`.
    pub(crate) fn new(code: &str, path: impl Into<String>, message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { code: code.to_owned(), path: path.into(), message: message.into(), fix: fix.into() }
    }

    /// A problem of the field `spec.network.<field>`.
    pub(crate) fn network(code: &str, field: &str, message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(code, format!("spec.network.{field}"), message, fix)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, path, message, fix } = self;
        write!(f, "{code}: {path}: {message}; {fix}")
    }
}
