//! Changes of a cluster's configuration: one kind of them in a call.
//!
//! <https://docs.aws.amazon.com/eks/latest/APIReference/API_UpdateClusterConfig.html>; the refusal of two kinds at once is
//! that of AWS, as in <https://github.com/crossplane-contrib/provider-aws/issues/642>.

use serde_json::{Value, json};

use super::request::{Refusal, Request, texts};
use super::update::{Change, Effect, begin, check_free};
use super::{Answer, Place, network};

const LOG_TYPES: [&str; 5] = ["api", "audit", "authenticator", "controllerManager", "scheduler"];
const AUTHENTICATION_MODES: [&str; 3] = ["CONFIG_MAP", "API_AND_CONFIG_MAP", "API"];

/// What an update sets; the duration is that of all of them.
type Planned = (&'static str, Vec<(&'static str, String)>, Vec<Effect>);

pub(super) fn update(request: &Request, place: &mut Place<'_>) -> Answer {
    let name = request.cluster();
    let mut planned = Vec::new();
    let wrong = |message: &str| Refusal::parameter(message).about("clusterName", name);
    let given = |field: &str| !request.body[field].is_null();
    let vpc = &request.body["resourcesVpcConfig"];
    let has = |fields: &[&str]| fields.iter().any(|field| !vpc[*field].is_null());
    let document = place.store.cluster(name)?.document.clone();
    if has(&["endpointPublicAccess", "endpointPrivateAccess", "publicAccessCidrs"]) {
        planned.push(endpoint_access(vpc, &document, name)?);
    }
    if has(&["subnetIds", "securityGroupIds"]) {
        planned.push(subnets_and_groups(vpc, &document, place, name)?);
    }
    if given("logging") {
        let logging = logging(&document["logging"], &request.body["logging"], name)?;
        let params = vec![("ClusterLogging", request.body["logging"].to_string())];
        planned.push(("LoggingUpdate", params, vec![Effect::cluster("logging", logging)]));
    }
    if given("accessConfig") {
        planned.push(authentication_mode(&request.body["accessConfig"], &document, name)?);
    }
    let auto_mode_fields = ["computeConfig", "storageConfig"];
    if auto_mode_fields.iter().any(|field| given(field)) {
        let effects = auto_mode(&request.body, place, name)?;
        let params = vec![("ComputeConfig", request.body["computeConfig"].to_string())];
        let balancing = request.body["kubernetesNetworkConfig"]["elasticLoadBalancing"].clone();
        let mut effects: Vec<Effect> =
            effects.into_iter().map(|(field, value)| Effect::cluster(field, value)).collect();
        effects.push(Effect::cluster("kubernetesNetworkConfig/elasticLoadBalancing", balancing));
        planned.push(("AutoModeUpdate", params, effects));
    }
    for (field, kind, param) in [
        ("upgradePolicy", "UpgradePolicyUpdate", "UpgradePolicy"),
        ("zonalShiftConfig", "ZonalShiftConfigUpdate", "ZonalShiftConfig"),
        ("remoteNetworkConfig", "RemoteNetworkConfigUpdate", "RemoteNetworkConfig"),
        ("deletionProtection", "DeletionProtectionUpdate", "DeletionProtection"),
        ("controlPlaneScalingConfig", "ControlPlaneScalingConfigUpdate", "UpdatedTier"),
    ] {
        if given(field) {
            let value = request.body[field].clone();
            planned.push((kind, vec![(param, value.to_string())], vec![Effect::cluster(field, value)]));
        }
    }
    let Some((kind, params, effects)) = planned.pop() else { return Err(wrong("No changes needed for the cluster")) };
    if !planned.is_empty() {
        return Err(wrong("Only one type of update can be allowed."));
    }
    check_free(place, name, kind)?;
    if effects.iter().all(|effect| effect.holds(&document)) {
        return Err(wrong("The cluster is already at the desired configuration"));
    }
    let takes = place.durations.control_plane_configuring();
    let update = begin(place, name, Change { kind, params, effects, takes })?;
    Ok(json!({"update": update}))
}

fn endpoint_access(given: &Value, document: &Value, name: &str) -> Result<Planned, Refusal> {
    let now = &document["resourcesVpcConfig"];
    let is = |field: &str| now[field].as_bool().unwrap_or_default();
    let (public, private) = network::endpoints(given, is("endpointPublicAccess"), is("endpointPrivateAccess"), name)?;
    let cidrs = match network::cidrs(given, public, name)? {
        Some(cidrs) => cidrs,
        None if !public => Vec::new(),
        None if !is("endpointPublicAccess") => vec!["0.0.0.0/0".into()],
        None => texts(&now["publicAccessCidrs"]),
    };
    let params = vec![
        ("EndpointPublicAccess", public.to_string()),
        ("EndpointPrivateAccess", private.to_string()),
        ("PublicAccessCidrs", json!(cidrs).to_string()),
    ];
    let effects = vec![
        Effect::cluster("resourcesVpcConfig/endpointPublicAccess", public),
        Effect::cluster("resourcesVpcConfig/endpointPrivateAccess", private),
        Effect::cluster("resourcesVpcConfig/publicAccessCidrs", cidrs),
    ];
    Ok(("EndpointAccessUpdate", params, effects))
}

// "You can't change which VPC the subnets are from", and the new ones need the zones of the old ones:
// <https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html>
fn subnets_and_groups(given: &Value, document: &Value, place: &Place<'_>, name: &str) -> Result<Planned, Refusal> {
    let now = &document["resourcesVpcConfig"];
    let wrong = |message: &str| Refusal::parameter(message).about("clusterName", name);
    let (mut params, mut effects) = (Vec::new(), Vec::new());
    if !given["subnetIds"].is_null() {
        let new = network::subnets(&texts(&given["subnetIds"]), place, name)?;
        let old = network::subnets(&texts(&now["subnetIds"]), place, name)?;
        let zones = |subnets: &[crate::ec2::Subnet]| -> std::collections::BTreeSet<String> {
            subnets.iter().map(|subnet| subnet.zone.clone()).collect()
        };
        if now["vpcId"] != new.first().map_or("", |subnet| subnet.vpc.as_str()) {
            return Err(wrong("Subnets specified must belong to the cluster's VPC"));
        }
        if zones(&new) != zones(&old) {
            return Err(wrong("Provided subnets belong to the AZs that do not match the cluster's AZs"));
        }
        params.push(("Subnets", given["subnetIds"].to_string()));
        effects.push(Effect::cluster("resourcesVpcConfig/subnetIds", given["subnetIds"].clone()));
    }
    if !given["securityGroupIds"].is_null() {
        let groups = texts(&given["securityGroupIds"]);
        let vpc = now["vpcId"].as_str().unwrap_or_default();
        if groups.iter().any(|group| place.ec2.vpc_of_group(place.region, group).as_deref() != Some(vpc)) {
            return Err(wrong("Security groups specified must exist in the cluster's VPC"));
        }
        params.push(("SecurityGroups", given["securityGroupIds"].to_string()));
        effects.push(Effect::cluster("resourcesVpcConfig/securityGroupIds", groups));
    }
    Ok(("VpcConfigUpdate", params, effects))
}

// From the map to the API there is a way, back there is none:
// <https://docs.aws.amazon.com/eks/latest/userguide/setting-up-access-entries.html>
fn authentication_mode(given: &Value, document: &Value, name: &str) -> Result<Planned, Refusal> {
    let at = |mode: &Value| AUTHENTICATION_MODES.iter().position(|known| mode == known);
    let (old, new) = (at(&document["accessConfig"]["authenticationMode"]), at(&given["authenticationMode"]));
    if new.is_none() || new <= old {
        let said = "Unsupported authentication mode update from the current authentication mode";
        return Err(Refusal::parameter(said).about("clusterName", name));
    }
    let mode = given["authenticationMode"].clone();
    let params = vec![("AuthenticationMode", mode.as_str().unwrap_or_default().to_owned())];
    Ok(("AccessConfigUpdate", params, vec![Effect::cluster("accessConfig/authenticationMode", mode)]))
}

/// `logging` as Describe prints it: what is on, then what is off.
pub(super) fn logging(now: &Value, given: &Value, name: &str) -> Result<Value, Refusal> {
    let setups = |value: &Value| value["clusterLogging"].as_array().cloned().unwrap_or_default();
    let mut on: Vec<String> = Vec::new();
    for setup in setups(now).into_iter().chain(setups(given)) {
        for kind in texts(&setup["types"]) {
            if !LOG_TYPES.contains(&kind.as_str()) {
                let said = format!("Invalid log type: {kind}");
                return Err(Refusal::parameter(said).about("clusterName", name));
            }
            on.retain(|one| *one != kind);
            if setup["enabled"] == true {
                on.push(kind);
            }
        }
    }
    let (on, off): (Vec<&str>, Vec<&str>) = LOG_TYPES.iter().partition(|kind| on.iter().any(|one| one == *kind));
    let setup =
        |types: Vec<&str>, enabled: bool| (!types.is_empty()).then(|| json!({"types": types, "enabled": enabled}));
    let both: Vec<Value> = [setup(on, true), setup(off, false)].into_iter().flatten().collect();
    Ok(json!({"clusterLogging": both}))
}

/// The fields of EKS Auto Mode, which are all on or all off.
/// <https://docs.aws.amazon.com/eks/latest/userguide/automode-get-started-cli.html>
pub(super) fn auto_mode(body: &Value, place: &Place<'_>, name: &str) -> Result<Vec<(&'static str, Value)>, Refusal> {
    let wrong = |message: String| Refusal::parameter(message).about("clusterName", name);
    let flags = [
        body["computeConfig"]["enabled"].as_bool(),
        body["storageConfig"]["blockStorage"]["enabled"].as_bool(),
        body["kubernetesNetworkConfig"]["elasticLoadBalancing"]["enabled"].as_bool(),
    ];
    if flags.contains(&Some(true)) && flags.iter().any(|flag| *flag != Some(true)) {
        return Err(wrong(
            "For EKS Auto Mode, please ensure that all required configs, including computeConfig, \
             kubernetesNetworkConfig, and blockStorage are all either fully enabled or fully disabled."
                .into(),
        ));
    }
    let enabled = flags[0] == Some(true);
    if flags.iter().all(Option::is_none) {
        return Ok(Vec::new());
    }
    let compute = &body["computeConfig"];
    let pools = texts(&compute["nodePools"]);
    if let Some(role) = compute["nodeRoleArn"].as_str() {
        place.must_exist(role, || wrong(format!("The node role {role} does not exist")))?;
    }
    if enabled && pools.is_empty() != compute["nodeRoleArn"].is_null() {
        return Err(wrong("When Compute Config nodeRoleArn is set, nodePools must be set too, and the reverse".into()));
    }
    if let Some(unknown) = pools.iter().find(|pool| !["system", "general-purpose"].contains(&pool.as_str())) {
        return Err(wrong(format!("Unknown node pool: {unknown}")));
    }
    let compute = if enabled {
        json!({"enabled": true, "nodePools": pools, "nodeRoleArn": compute["nodeRoleArn"]})
    } else {
        json!({"enabled": false})
    };
    Ok(vec![("computeConfig", compute), ("storageConfig", json!({"blockStorage": {"enabled": enabled}}))])
}

pub(super) fn check_encryption(given: &Value, name: &str) -> Result<(), Refusal> {
    let wrong = |message: &str| Err(Refusal::parameter(message).about("clusterName", name));
    let configs = given.as_array().cloned().unwrap_or_default();
    let key = |config: &Value| config["provider"]["keyArn"].as_str().unwrap_or_default().to_owned();
    match configs.as_slice() {
        [] => Ok(()),
        // All is encrypted, whether or not it is named:
        // https://docs.aws.amazon.com/eks/latest/APIReference/API_EncryptionConfig.html
        [config] if texts(&config["resources"]).iter().any(|one| one != "secrets") => {
            wrong("The only supported resource is 'secrets'")
        }
        [config] if !key(config).starts_with("arn:aws:kms:") => wrong("keyArn needs to be the ARN of a KMS key"),
        [_] => Ok(()),
        _ => wrong("Only one encryption config is allowed"),
    }
}

/// <https://docs.aws.amazon.com/eks/latest/userguide/enable-kms.html>: once on, it stays, with its key.
pub(super) fn associate_encryption(request: &Request, place: &mut Place<'_>) -> Answer {
    let name = request.cluster();
    let cluster = place.store.cluster(name)?;
    let given = request.body["encryptionConfig"].clone();
    check_encryption(&given, name)?;
    if cluster.document["encryptionConfig"].as_array().is_some_and(|configs| !configs.is_empty()) {
        let said = "Encryption config is already associated with the cluster";
        return Err(Refusal::parameter(said).about("clusterName", name));
    }
    check_free(place, name, "AssociateEncryptionConfig")?;
    let change = Change {
        kind: "AssociateEncryptionConfig",
        params: vec![("EncryptionConfig", given.to_string())],
        effects: vec![Effect::cluster("encryptionConfig", given)],
        takes: place.durations.control_plane_configuring(),
    };
    let update = begin(place, name, change)?;
    Ok(json!({"update": update}))
}
