//! The bearer token by which EKS knows an identity of IAM: a presigned call of STS that says who it is.
//!
//! Whoever holds it can do nothing but have STS tell its signer's name, and only for the cluster that it was signed for.

use std::fmt;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sdk_sts::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SignatureLocation, SigningError, SigningParams, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::identity::Identity;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::Region;
use http::Request;
use jiff::{SignedDuration, Timestamp};

const PREFIX: &str = "k8s-aws-v1.";
/// The header that binds the request to one cluster. It is signed, and the cluster puts its own name into it.
const CLUSTER: &str = "x-k8s-aws-id";
/// What `aws eks get-token` puts into the request. STS takes one that is up to fifteen minutes old all the same.
const REQUEST_LIFE: Duration = Duration::from_secs(60);
/// EKS takes a token for fifteen minutes after it was signed; the last is for clocks that differ.
const LIFE: SignedDuration = SignedDuration::from_mins(14);

/// A bearer token of one identity for one cluster. Neither `Debug` nor `Display` shows it.
pub struct BearerToken {
    value: String,
    expires: Timestamp,
}

impl BearerToken {
    /// The token itself, `k8s-aws-v1.…`. Never to be written down.
    pub fn reveal(&self) -> &str {
        &self.value
    }

    /// When another one is to be made, to the second.
    pub fn expires(&self) -> Timestamp {
        self.expires
    }
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BearerToken").field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The AWS SDK knows no endpoint of STS there.
    #[error("STS has no endpoint in {region}")]
    Endpoint {
        /// Where.
        region: Region,
        /// What the SDK says.
        source: BoxError,
    },
    /// The request could not be signed.
    #[error("the request to STS could not be signed")]
    Signature(#[source] BoxError),
}

/// A token for the cluster of this name in this region, signed with these credentials at this time.
///
/// Made offline: whether the credentials are good, the cluster finds out. It expires with credentials that end sooner.
///
/// Sources: <https://github.com/kubernetes-sigs/aws-iam-authenticator#api-authorization-from-outside-a-cluster>,
/// <https://docs.aws.amazon.com/cli/latest/reference/eks/get-token.html>
///
/// # Errors
/// If STS has no endpoint in the region, or the name of the cluster cannot stand in a header.
pub async fn token(
    credentials: &Credentials,
    region: &Region,
    cluster: &str,
    now: Timestamp,
) -> Result<BearerToken, TokenError> {
    let address = format!("{}/?Action=GetCallerIdentity&Version=2011-06-15", endpoint(region).await?);
    let mut request = Request::get(&address).body(()).map_err(|error| TokenError::Signature(error.into()))?;
    let identity: Identity = credentials.clone().into();
    let params = signing(&identity, region, now).map_err(TokenError::Signature)?;
    let signed = signed(&address, cluster, &params).map_err(|error| TokenError::Signature(error.into()))?;
    signed.apply_to_request_http1x(&mut request);
    let value = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(request.uri().to_string()));
    Ok(BearerToken { value, expires: expires(credentials, now) })
}

/// The regional endpoint, such as `https://sts.eu-west-1.amazonaws.com`.
async fn endpoint(region: &Region) -> Result<String, TokenError> {
    let failed = |source: BoxError| TokenError::Endpoint { region: region.clone(), source };
    let params = Params::builder().region(region.as_str()).use_global_endpoint(false).build();
    let params = params.map_err(|error| failed(error.into()))?;
    let endpoint = DefaultResolver::new().resolve_endpoint(&params).await.map_err(failed)?;
    Ok(endpoint.url().trim_end_matches('/').to_owned())
}

fn signing<'a>(identity: &'a Identity, region: &'a Region, now: Timestamp) -> Result<SigningParams<'a>, BoxError> {
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(REQUEST_LIFE);
    let params = v4::SigningParams::builder()
        .identity(identity)
        .region(region.as_str())
        .name("sts")
        .time(SystemTime::from(now))
        .settings(settings)
        .build()?;
    Ok(params.into())
}

fn signed(
    address: &str,
    cluster: &str,
    params: &SigningParams<'_>,
) -> Result<aws_sigv4::http_request::SigningInstructions, SigningError> {
    let headers = [(CLUSTER, cluster)].into_iter();
    let request = SignableRequest::new("GET", address, headers, SignableBody::Bytes(&[]))?;
    Ok(sign(request, params)?.into_parts().0)
}

fn expires(credentials: &Credentials, now: Timestamp) -> Timestamp {
    let ours = now + LIFE;
    let theirs = credentials.expiry().and_then(|at| Timestamp::try_from(at).ok());
    let first = theirs.map_or(ours, |theirs| theirs.min(ours));
    // Whole seconds, as all clients read them.
    Timestamp::from_second(first.as_second()).unwrap_or(first)
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    /// AWS's own example key: <https://docs.aws.amazon.com/IAM/latest/UserGuide/security-creds.html>
    const KEY: (&str, &str) = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
    const SESSION: &str = "AQoDYXdzEJr//example+token==";

    fn credentials(session: Option<&str>, expiry: Option<SystemTime>) -> Credentials {
        Credentials::new(KEY.0, KEY.1, session.map(str::to_owned), expiry, "test")
    }

    fn region(name: &str) -> Region {
        Region::parse(name).unwrap()
    }

    async fn signed(session: Option<&str>, name: &str) -> Url {
        let now = "2026-11-21T12:00:00.7Z".parse().unwrap();
        let token = token(&credentials(session, None), &region(name), "demo", now).await.unwrap();
        assert_eq!(token.expires().to_string(), "2026-11-21T12:14:00Z");
        let encoded = token.reveal().strip_prefix("k8s-aws-v1.").unwrap();
        Url::parse(&String::from_utf8(URL_SAFE_NO_PAD.decode(encoded).unwrap()).unwrap()).unwrap()
    }

    /// Whatever their order, which means nothing to a signature.
    fn parameters(url: &Url) -> Vec<(String, String)> {
        let mut pairs: Vec<_> = url.query_pairs().into_owned().collect();
        pairs.sort();
        pairs
    }

    /// What `aws eks get-token` 1.45.11 makes of the same key, region, cluster and time.
    fn of_aws(security_token: &str, signature: &str) -> Url {
        let signed = "X-Amz-Algorithm=AWS4-HMAC-SHA256\
            &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20261121%2Feu-west-1%2Fsts%2Faws4_request\
            &X-Amz-Date=20261121T120000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id";
        let asked = "https://sts.eu-west-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15";
        Url::parse(&format!("{asked}&{signed}{security_token}&X-Amz-Signature={signature}")).unwrap()
    }

    #[tokio::test]
    async fn a_token_is_what_the_aws_command_makes() {
        let own = signed(None, "eu-west-1").await;
        let aws = of_aws("", "7d895987ff5f1f1218f1d407b20a4374888d04799c61b293baf974777bcab57a");
        assert_eq!((own.origin(), own.path(), parameters(&own)), (aws.origin(), "/", parameters(&aws)));
    }

    #[tokio::test]
    async fn the_session_of_a_role_is_signed_too() {
        let own = signed(Some(SESSION), "eu-west-1").await;
        let security_token = "&X-Amz-Security-Token=AQoDYXdzEJr%2F%2Fexample%2Btoken%3D%3D";
        let aws = of_aws(security_token, "e95c470b7d3b863168802388a53da781c7ec1bdf0041bee5f3acee46fb0d42fb");
        assert_eq!(parameters(&own), parameters(&aws));
    }

    #[tokio::test]
    async fn the_endpoint_is_that_of_the_region_in_its_part_of_aws() {
        for (name, host) in [
            ("us-east-1", "sts.us-east-1.amazonaws.com"),
            ("cn-north-1", "sts.cn-north-1.amazonaws.com.cn"),
            ("us-gov-west-1", "sts.us-gov-west-1.amazonaws.com"),
            ("eusc-de-east-1", "sts.eusc-de-east-1.amazonaws.eu"),
        ] {
            assert_eq!(signed(None, name).await.host_str(), Some(host));
        }
    }

    #[tokio::test]
    async fn a_token_ends_with_its_credentials() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let soon = SystemTime::from(now + SignedDuration::from_mins(3));
        let token = token(&credentials(None, Some(soon)), &region("eu-west-1"), "demo", now).await.unwrap();
        assert_eq!(token.expires().to_string(), "2026-11-21T12:03:00Z");
    }

    #[tokio::test]
    async fn nothing_shows_a_token() {
        let now = "2026-11-21T12:00:00Z".parse().unwrap();
        let token = token(&credentials(None, None), &region("eu-west-1"), "demo", now).await.unwrap();
        assert_eq!(format!("{token:?}"), "BearerToken { expires: 2026-11-21T12:14:00Z, .. }");
    }
}
