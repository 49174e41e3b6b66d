//! What goes through the gate: one request to a Kubernetes API, and its answer.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A request, as the gate takes it. Its headers hold the caller's token, and its body may hold a secret: `Debug` shows
/// neither.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GateRequest {
    /// The endpoint of the API server, `https://…`.
    pub endpoint: String,
    /// The one authority by which the API server is known, as EKS tells it: PEM in base64.
    pub certificate_authority: String,
    /// The method: `GET`, `POST`, ….
    pub method: String,
    /// The path with its query, from the first slash.
    pub path: String,
    /// The headers, by name.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body; empty for none.
    #[serde(default)]
    pub body: String,
}

impl fmt::Debug for GateRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { endpoint, method, path, .. } = self;
        f.debug_struct("GateRequest")
            .field("endpoint", endpoint)
            .field("method", method)
            .field("path", path)
            .finish_non_exhaustive()
    }
}

/// What the API server answered, whatever it was.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GateResponse {
    /// The status.
    pub status: u16,
    /// The headers that are text, by name.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body.
    #[serde(default)]
    pub body: String,
}

impl fmt::Debug for GateResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GateResponse").field("status", &self.status).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_shows_a_token_or_a_body() {
        let request = GateRequest {
            endpoint: "https://a.eks".into(),
            certificate_authority: "Q0E=".into(),
            method: "POST".into(),
            path: "/api/v1/namespaces/a/secrets".into(),
            headers: BTreeMap::from([("authorization".into(), "Bearer k8s-aws-v1.secret".into())]),
            body: "{\"data\": \"secret\"}".into(),
        };
        assert!(!format!("{request:?}").contains("secret\""), "{request:?}");
        let response = GateResponse { status: 200, headers: BTreeMap::new(), body: "secret".into() };
        assert_eq!(format!("{response:?}"), "GateResponse { status: 200, .. }");
    }
}
