//! Which service and action a request is for, by whom, and whether it changes anything.

use axum::http::{HeaderMap, Method, Uri};

use crate::eks;

/// What a request is, as far as the gateway must know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The signing name: `ec2`, `s3`, `states`, …; `unsigned` without a signature.
    pub(crate) service: String,
    /// `CreateVpc`, `PutObject`, …; for REST services not spelled out here, the method and path.
    pub(crate) action: String,
    pub(crate) region: String,
    pub(crate) access_key: String,
    pub(crate) mutating: bool,
}

/// Reads a request's identity from its signature, headers, path and body.
pub(crate) fn identify(method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Identity {
    let scope = scope(uri, headers);
    let part = |at: usize| scope.get(at).cloned().unwrap_or_default();
    let service = if scope.is_empty() { "unsigned".to_owned() } else { part(3) };
    let action = action(&service, method, uri, headers, body);
    let mutating = mutates(&action, method);
    Identity { service, action, region: part(2), access_key: part(0), mutating }
}

/// The parameters of a query protocol request, from body or address.
pub(crate) fn parameters(uri: &Uri, body: &[u8]) -> impl Iterator<Item = (String, String)> {
    let text = if body.is_empty() { uri.query().unwrap_or_default().as_bytes() } else { body };
    url::form_urlencoded::parse(text).into_owned().collect::<Vec<_>>().into_iter()
}

/// Whether a text stands in the request's path or body, and no letter or digit follows it: `demo-1` does not stand in
/// `demo-12`.
pub(crate) fn mentions(uri: &Uri, body: &[u8], text: &str) -> bool {
    let ends = |rest: &[u8]| !rest.first().is_some_and(u8::is_ascii_alphanumeric);
    let within = |whole: &[u8]| {
        whole
            .windows(text.len().max(1))
            .enumerate()
            .any(|(at, window)| window == text.as_bytes() && ends(&whole[at + text.len()..]))
    };
    within(uri.to_string().as_bytes()) || within(body)
}

// key/date/region/service/aws4_request
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
fn scope(uri: &Uri, headers: &HeaderMap) -> Vec<String> {
    let header = header(headers, "authorization");
    let from_header = header.split("Credential=").nth(1).and_then(|rest| rest.split([',', ' ']).next());
    let text = from_header.map(str::to_owned).or_else(|| {
        let query = uri.query()?.as_bytes();
        url::form_urlencoded::parse(query)
            .find(|(name, _)| name == "X-Amz-Credential")
            .map(|(_, value)| value.into_owned())
    });
    text.map(|text| text.split('/').map(str::to_owned).collect()).unwrap_or_default()
}

fn action(service: &str, method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> String {
    if let Some((_, operation)) = header(headers, "x-amz-target").rsplit_once('.') {
        return operation.to_owned();
    }
    if let Some((_, operation)) = uri.path().rsplit_once("/operation/") {
        return operation.to_owned();
    }
    match service {
        "s3" => return s3_action(method, uri, headers).to_owned(),
        "eks" => {
            return eks::operation(method, uri.path()).map_or_else(|| plain(method, uri), |(name, _)| name.to_owned());
        }
        "lambda" => return lambda_action(method, uri.path()).unwrap_or_else(|| plain(method, uri)),
        _ => {}
    }
    let form = body.is_empty() || header(headers, "content-type").starts_with("application/x-www-form-urlencoded");
    form.then(|| parameters(uri, body).find(|(name, _)| name == "Action").map(|(_, action)| action))
        .flatten()
        .unwrap_or_else(|| plain(method, uri))
}

fn plain(method: &Method, uri: &Uri) -> String {
    format!("{method} {}", uri.path())
}

fn s3_action<'a>(method: &Method, uri: &'a Uri, headers: &HeaderMap) -> &'a str {
    let query = uri.query().unwrap_or_default();
    let object = uri.path().trim_matches('/').contains('/');
    let asks = |name: &str| query.split('&').any(|part| part.split('=').next() == Some(name));
    match (method.as_str(), object) {
        ("GET", false) if uri.path() == "/" => "ListBuckets",
        ("GET", false) if asks("versions") => "ListObjectVersions",
        ("GET", false) if asks("list-type") => "ListObjectsV2",
        ("GET", false) if query.is_empty() || asks("prefix") => "ListObjects",
        ("GET", false) => "GetBucketConfiguration",
        ("HEAD", false) => "HeadBucket",
        ("PUT", false) if query.is_empty() => "CreateBucket",
        ("PUT", false) => "PutBucketConfiguration",
        ("DELETE", false) if query.is_empty() => "DeleteBucket",
        ("DELETE", false) => "DeleteBucketConfiguration",
        ("POST", false) => "DeleteObjects",
        ("GET", true) if asks("tagging") => "GetObjectTagging",
        ("GET", true) => "GetObject",
        ("HEAD", true) => "HeadObject",
        ("PUT", true) if headers.contains_key("x-amz-copy-source") => "CopyObject",
        ("PUT", true) if asks("partNumber") => "UploadPart",
        ("PUT", true) if asks("tagging") => "PutObjectTagging",
        ("PUT", true) => "PutObject",
        ("DELETE", true) => "DeleteObject",
        ("POST", true) if asks("uploads") => "CreateMultipartUpload",
        ("POST", true) => "CompleteMultipartUpload",
        _ => "Unknown",
    }
}

fn lambda_action(method: &Method, path: &str) -> Option<String> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').skip(1).collect();
    let name = match (method.as_str(), parts.as_slice()) {
        ("POST", ["functions"]) => "CreateFunction",
        ("GET", ["functions"]) => "ListFunctions",
        ("GET", ["functions", _]) => "GetFunction",
        ("DELETE", ["functions", _]) => "DeleteFunction",
        ("POST", ["functions", _, "invocations"]) => "Invoke",
        ("GET", ["functions", _, "configuration"]) => "GetFunctionConfiguration",
        ("PUT", ["functions", _, "configuration"]) => "UpdateFunctionConfiguration",
        ("PUT", ["functions", _, "code"]) => "UpdateFunctionCode",
        ("GET", ["tags", _]) => "ListTags",
        ("POST", ["tags", _]) => "TagResource",
        ("DELETE", ["tags", _]) => "UntagResource",
        _ => return None,
    };
    Some(name.to_owned())
}

fn mutates(action: &str, method: &Method) -> bool {
    const READS: [&str; 14] = [
        "Describe",
        "Get",
        "List",
        "Head",
        "Query",
        "Scan",
        "BatchGet",
        "TransactGet",
        "Simulate",
        "Validate",
        "Receive",
        "Search",
        "Select",
        "Filter",
    ];
    if action.contains(' ') {
        return *method != Method::GET && *method != Method::HEAD;
    }
    !READS.iter().any(|read| action.starts_with(read))
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(method: &str, uri: &str, service: &str, target: &str, body: &str) -> Identity {
        let mut headers = HeaderMap::new();
        let credential =
            format!("AWS4-HMAC-SHA256 Credential=KEY/20261121/eu-west-1/{service}/aws4_request, SignedHeaders=host");
        headers.insert("authorization", credential.parse().unwrap());
        headers.insert("content-type", "application/x-www-form-urlencoded; charset=utf-8".parse().unwrap());
        if !target.is_empty() {
            headers.insert("x-amz-target", target.parse().unwrap());
        }
        identify(&method.parse().unwrap(), &uri.parse().unwrap(), &headers, body.as_bytes())
    }

    #[test]
    fn a_name_is_found_as_a_whole_word() {
        let uri: Uri = "/bucket/plans/chaos-1/2.json".parse().unwrap();
        assert!(mentions(&uri, b"", "chaos-1"));
        assert!(!mentions(&uri, b"", "cha"));
        assert!(mentions(&Uri::from_static("/"), br#"{"S":"PLATFORM#chaos-12"}"#, "chaos-12"));
        assert!(!mentions(&Uri::from_static("/"), br#"{"S":"PLATFORM#chaos-12"}"#, "chaos-1"));
    }

    #[test]
    fn every_protocol_tells_its_action() {
        let cases = [
            (identity("POST", "/", "ec2", "", "Action=CreateVpc&CidrBlock=10.0.0.0%2F16"), "CreateVpc", true),
            (identity("POST", "/", "dynamodb", "DynamoDB_20120810.TransactGetItems", "{}"), "TransactGetItems", false),
            (identity("PUT", "/bucket/manifests/a.yaml", "s3", "", ""), "PutObject", true),
            (identity("GET", "/bucket?list-type=2&prefix=a", "s3", "", ""), "ListObjectsV2", false),
            (identity("POST", "/2015-03-31/functions/network/invocations", "lambda", "", "{}"), "Invoke", true),
            (identity("GET", "/2017-03-31/tags/arn%3Aaws%3Alambda", "lambda", "", ""), "ListTags", false),
            (identity("POST", "/clusters/a/updates", "eks", "", "{}"), "UpdateClusterVersion", true),
            (identity("POST", "/clusters/a/insights", "eks", "", "{}"), "ListInsights", false),
            (identity("GET", "/schedules/x", "scheduler", "", ""), "GET /schedules/x", false),
        ];
        for (identity, action, mutating) in cases {
            assert_eq!((identity.action.as_str(), identity.mutating), (action, mutating));
            assert_eq!((identity.region.as_str(), identity.access_key.as_str()), ("eu-west-1", "KEY"));
        }
    }
}
