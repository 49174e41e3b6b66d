//! Who a bearer token is: a presigned `GetCallerIdentity`, mapped by the access entries to a user of Kubernetes.
//!
//! <https://docs.aws.amazon.com/eks/latest/userguide/cluster-auth.html>,
//! <https://docs.aws.amazon.com/eks/latest/userguide/creating-access-entries.html> (user names),
//! <https://github.com/kubernetes-sigs/aws-iam-authenticator#api-authorization-from-outside-a-cluster> (the token)

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jiff::civil::DateTime;
use serde_json::{Value, json};
use url::Url;

use super::Eks;
use super::policy;
use super::request::texts;
use super::store::{Kind, Record};

const PREFIX: &str = "k8s-aws-v1.";
/// A token is good for 15 minutes after it was signed, whatever it says itself.
const LIFE: i64 = 15 * 60;

/// The request in a token, if it may be one for this cluster at all; whether it is signed well, STS says.
pub(crate) fn read(token: &str, now: Timestamp) -> Result<Url, &'static str> {
    let encoded = token.strip_prefix(PREFIX).ok_or("it does not begin with k8s-aws-v1.")?;
    let text = decode(encoded).ok_or("it is not in base64")?;
    let url = Url::parse(&text).map_err(|_| "it holds no address")?;
    let get = |name: &str| url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned());
    if get("Action").as_deref() != Some("GetCallerIdentity") || url.path() != "/" {
        return Err("it is no GetCallerIdentity");
    }
    let signed = get("X-Amz-SignedHeaders").unwrap_or_default();
    if !signed.split(';').any(|header| header == "x-k8s-aws-id") {
        return Err("the cluster's name is not signed");
    }
    let date = get("X-Amz-Date").and_then(|date| DateTime::strptime("%Y%m%dT%H%M%SZ", date).ok());
    let date = date.and_then(|date| date.to_zoned(jiff::tz::TimeZone::UTC).ok()).ok_or("it has no date")?;
    let age = now.as_second() - date.timestamp().as_second();
    if age > LIFE { Err("it has expired") } else { Ok(url) }
}

// Base64 for addresses, without padding: <https://www.rfc-editor.org/rfc/rfc4648#section-5>
fn decode(text: &str) -> Option<String> {
    String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()?).ok()
}

/// A TokenReview's answer: this user, or the reason why nobody.
/// <https://kubernetes.io/docs/reference/access-authn-authz/authentication/#webhook-token-authentication>
pub(crate) fn review(found: Result<Value, String>) -> Value {
    let status = match found {
        Ok(user) => json!({"authenticated": true, "user": user}),
        Err(error) => json!({"authenticated": false, "error": error}),
    };
    json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "status": status})
}

impl Eks {
    /// The user of Kubernetes that a caller of AWS is in a cluster; none without an access entry.
    pub(crate) fn user(&self, region: &str, cluster: &str, caller: &str) -> Option<Value> {
        let regions = self.lock();
        let store = regions.get(region)?;
        if store.cluster(cluster).ok()?.document["accessConfig"]["authenticationMode"] == "CONFIG_MAP" {
            return None;
        }
        let entry = store.within(Kind::AccessEntry, cluster).into_iter().find(|entry| is_for(entry, caller))?;
        let session = caller.split_once(":assumed-role/").and_then(|(_, rest)| rest.split_once('/'));
        let session = session.map_or("", |(_, session)| session);
        let username = entry
            .text("username")
            .replace("{{SessionName}}", &session.replace('@', "-"))
            .replace("{{SessionNameRaw}}", session)
            .replace("{{EC2PrivateDNSName}}", session);
        let account = caller.split(':').nth(4).unwrap_or_default();
        let groups = [texts(&entry.document["kubernetesGroups"]), policy_groups(entry)].concat();
        Some(json!({
            "username": username,
            "uid": format!("aws-iam-authenticator:{account}:{}", entry.name),
            "groups": groups,
            "extra": {"arn": [caller], "canonicalArn": [entry.name], "sessionName": [session]},
        }))
    }
}

// The session of a role names no path, and role names are unique in an account.
// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-friendly-names>
fn is_for(entry: &Record, caller: &str) -> bool {
    let account = |arn: &str| arn.split(':').nth(4).unwrap_or_default().to_owned();
    match caller.split_once(":assumed-role/") {
        Some((_, session)) => {
            let role = session.split('/').next().unwrap_or_default();
            let own = entry.name.split_once(":role/").map(|(_, path)| path.rsplit('/').next().unwrap_or(path));
            own == Some(role) && account(&entry.name) == account(caller)
        }
        None => entry.name == caller,
    }
}

fn policy_groups(entry: &Record) -> Vec<String> {
    let of = |association: &Value| {
        let name = format!("eks-access-policy:{}", policy::name(association));
        let namespaces = texts(&association["accessScope"]["namespaces"]);
        match namespaces.is_empty() {
            true => vec![name],
            false => namespaces.iter().map(|namespace| format!("{name}:{namespace}")).collect(),
        }
    };
    policy::of(entry).iter().flat_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(address: &str) -> String {
        const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let bits: String = address.bytes().map(|byte| format!("{byte:08b}")).collect();
        let letters = bits.as_bytes().chunks(6).map(|six| {
            let six = format!("{:0<6}", std::str::from_utf8(six).unwrap());
            char::from(LETTERS[usize::from_str_radix(&six, 2).unwrap()])
        });
        format!("{PREFIX}{}", letters.collect::<String>())
    }

    fn address(action: &str, date: &str, headers: &str) -> String {
        format!(
            "https://sts.eu-west-1.amazonaws.com/?Action={action}&Version=2011-06-15&X-Amz-Date={date}&X-Amz-Expires=60&X-Amz-SignedHeaders={headers}&X-Amz-Signature=00"
        )
    }

    #[test]
    fn a_token_is_a_fresh_request_signed_for_a_cluster() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let read = |action: &str, date: &str, headers: &str| read(&token(&address(action, date, headers)), now);
        let url = read("GetCallerIdentity", "20261121T115900Z", "host%3Bx-k8s-aws-id").unwrap();
        assert_eq!(url.host_str(), Some("sts.eu-west-1.amazonaws.com"));
        assert_eq!(
            read("GetSessionToken", "20261121T115900Z", "host%3Bx-k8s-aws-id"),
            Err("it is no GetCallerIdentity")
        );
        assert_eq!(read("GetCallerIdentity", "20261121T114400Z", "host%3Bx-k8s-aws-id"), Err("it has expired"));
        assert_eq!(read("GetCallerIdentity", "20261121T115900Z", "host"), Err("the cluster's name is not signed"));
        assert!(super::read("k8s-aws-v2.abc", now).is_err());
        assert!(super::read("k8s-aws-v1.%%%", now).is_err());
    }
}
