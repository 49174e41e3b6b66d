//! OIDC identity providers of a cluster's users: one in a cluster.
//!
//! <https://docs.aws.amazon.com/eks/latest/userguide/authenticate-oidc-identity-provider.html>

use serde_json::{Value, json};

use super::request::{Refusal, Request};
use super::store::Kind;
use super::{Answer, Place, new_id, update};

pub(super) fn associate(request: &Request, place: &mut Place<'_>) -> Answer {
    let cluster = request.cluster();
    place.store.cluster(cluster)?;
    let given = &request.body["oidc"];
    let text = |field: &str| given[field].as_str().filter(|text| !text.is_empty());
    let wrong = |said: &str| Refusal::parameter(said).about("clusterName", cluster);
    let (Some(name), Some(issuer), Some(_)) = (text("identityProviderConfigName"), text("issuerUrl"), text("clientId"))
    else {
        return Err(wrong("identityProviderConfigName, issuerUrl and clientId are required"));
    };
    if !issuer.starts_with("https://") {
        return Err(wrong("The issuer URL needs to begin with https://"));
    }
    update::check_free(place, cluster, "AssociateIdentityProviderConfig")?;
    if !place.store.within(Kind::Provider, cluster).is_empty() {
        let said = "Cluster already has an identity provider config associated";
        return Err(Refusal::in_use(said).about("clusterName", cluster));
    }
    let mut document = given.clone();
    document["identityProviderConfigArn"] =
        json!(place.arn("identityproviderconfig", &format!("{cluster}/oidc/{name}/{}", new_id())));
    document["clusterName"] = json!(cluster);
    document["tags"] = Value::Object(request.tags());
    document["status"] = json!("CREATING");
    place.store.add(Kind::Provider, cluster, name, document);
    let update = begin(place, cluster, name, "AssociateIdentityProviderConfig")?;
    Ok(json!({"update": update, "tags": request.tags()}))
}

pub(super) fn describe(request: &Request, place: &mut Place<'_>) -> Answer {
    place.store.cluster(request.cluster())?;
    let provider = place.store.get(Kind::Provider, request.cluster(), asked(request))?;
    Ok(json!({"identityProviderConfig": {"oidc": provider.document}}))
}

pub(super) fn list(request: &Request, place: &mut Place<'_>) -> Answer {
    place.store.cluster(request.cluster())?;
    let providers = place.store.within(Kind::Provider, request.cluster());
    let name = |one: &super::store::Record| json!({"type": "oidc", "name": one.name});
    request.page("identityProviderConfigs", providers.into_iter().map(name).collect())
}

pub(super) fn disassociate(request: &Request, place: &mut Place<'_>) -> Answer {
    let cluster = request.cluster();
    place.store.cluster(cluster)?;
    let name = asked(request);
    place.store.get(Kind::Provider, cluster, name)?;
    update::check_free(place, cluster, "DisassociateIdentityProviderConfig")?;
    place.store.get_mut(Kind::Provider, cluster, name)?.set("status", "DELETING");
    let update = begin(place, cluster, name, "DisassociateIdentityProviderConfig")?;
    Ok(json!({"update": update}))
}

fn asked(request: &Request) -> &str {
    request.body["identityProviderConfig"]["name"].as_str().unwrap_or_default()
}

fn begin(place: &mut Place<'_>, cluster: &str, name: &str, kind: &str) -> Answer {
    place.store.get_mut(Kind::Cluster, cluster, cluster)?.set("status", "UPDATING");
    let takes = place.durations.control_plane_configuring();
    let params = [("IdentityProviderConfig", json!([{"type": "oidc", "name": name}]).to_string())];
    Ok(update::add(place, cluster, kind, &params, json!({"provider": name}), takes))
}

/// The end of an update that was about a provider.
pub(super) fn settle_update(place: &mut Place<'_>, cluster: &str, hidden: &Value) {
    let Some(name) = hidden["provider"].as_str() else { return };
    let Ok(provider) = place.store.get_mut(Kind::Provider, cluster, name) else { return };
    if provider.is("DELETING") {
        place.store.remove(Kind::Provider, cluster, name);
    } else {
        provider.set("status", "ACTIVE");
    }
}
