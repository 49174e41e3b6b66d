//! VPC endpoints.
//!
//! Corrects: filters (all missing), interface endpoints that take their time to come and go with their interfaces,
//! groups and private DNS, gateway endpoints as routes, unknown services, unknown ids.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpcEndpoint.html>
//! <https://docs.aws.amazon.com/vpc/latest/privatelink/create-interface-endpoint.html>
//! <https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html>

use serde_json::{Value, json};

use super::filter::{self, Field};
use super::interface::{self, Managed};
use super::request::Refusal;
use super::store::{Kind, Store, now};
use super::{ACCOUNT, Answer, Call, group, route, vpc};

const GATEWAY_SERVICES: [(&str, &str); 2] = [("s3", "pl-6da54004"), ("dynamodb", "pl-6fa54006")];

/// <https://docs.aws.amazon.com/vpc/latest/privatelink/aws-services-privatelink-support.html>, what platforms use.
const INTERFACE_SERVICES: [&str; 33] = [
    "acm-pca",
    "airflow.api",
    "aps-workspaces",
    "autoscaling",
    "cloudformation",
    "dynamodb",
    "ebs",
    "ec2",
    "ec2messages",
    "ecr.api",
    "ecr.dkr",
    "ecs",
    "eks",
    "eks-auth",
    "elasticfilesystem",
    "elasticloadbalancing",
    "email-smtp",
    "events",
    "execute-api",
    "guardduty-data",
    "kms",
    "lambda",
    "logs",
    "monitoring",
    "s3",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
    "ssmmessages",
    "states",
    "sts",
    "xray",
];

const SERVICE_FIELDS: &[Field] =
    &[("service-name", "serviceName"), ("service-type", "serviceType/serviceType"), ("owner", "owner")];

pub(super) fn create(call: &mut Call<'_>) -> Answer {
    let vpc = call.request.required("VpcId")?.to_owned();
    call.store.get(Kind::Vpc, &vpc)?;
    let service = call.request.required("ServiceName")?.to_owned();
    let form = call.request.get("VpcEndpointType").unwrap_or("Gateway");
    if !serves(&call.store.region, &service, form) {
        return Err(Refusal::new("InvalidServiceName", format!("The Vpc Endpoint Service '{service}' does not exist")));
    }
    let tags = call.request.new_tags(Kind::Endpoint)?;
    let token = call.request.get("ClientToken").map(str::to_owned);
    let document = json!({
        "vpcId": vpc,
        "serviceName": service,
        "serviceRegion": call.store.region,
        "vpcEndpointType": form,
        "creationTimestamp": now(),
        "ownerId": ACCOUNT,
        "requesterManaged": false,
        "policyDocument": call.request.get("PolicyDocument").unwrap_or(
            r#"{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#),
        "routeTableIdSet": [],
        "subnetIdSet": [],
        "groupSet": [],
        "networkInterfaceIdSet": [],
        "dnsEntrySet": [],
    });
    let id =
        if form == "Gateway" { create_gateway(call, document, tags)? } else { create_interface(call, document, tags)? };
    let record = call.store.get(Kind::Endpoint, &id)?;
    let mut endpoint = record.document.clone();
    endpoint["tagSet"] = record.tag_set();
    Ok(json!({"vpcEndpoint": endpoint, "clientToken": token}))
}

pub(super) fn modify(call: &mut Call<'_>) -> Answer {
    let id = call.request.required("VpcEndpointId")?;
    let endpoint = call.store.get(Kind::Endpoint, id)?.clone();
    if endpoint.has("state", "deleting") {
        return Err(Kind::Endpoint.not_found(id));
    }
    if endpoint.has("vpcEndpointType", "Gateway") {
        for table in call.request.list("AddRouteTableId") {
            route::add_endpoint(call.store, table, prefix_list(endpoint.text("serviceName")), id)?;
        }
        for table in call.request.list("RemoveRouteTableId") {
            route::remove_endpoint(call.store, Some(table), id);
        }
        change(call, id, "routeTableIdSet", "RouteTableId")?;
    } else {
        let added = call.request.list("AddSubnetId");
        let groups = groups_of(&endpoint.document);
        for subnet in added.iter().filter(|subnet| !endpoint.list("subnetIdSet").contains(&json!(**subnet))) {
            add_interface(call.store, id, subnet, &groups)?;
        }
        for subnet in call.request.list("RemoveSubnetId") {
            remove_interfaces(call.store, id, Some(subnet));
        }
        change(call, id, "subnetIdSet", "SubnetId")?;
        change_groups(call, id, groups)?;
        if let Some(on) = call.request.flag("PrivateDnsEnabled") {
            call.store.get_mut(Kind::Endpoint, id)?.document["privateDnsEnabled"] = json!(on);
        }
    }
    if let Some(policy) = call.request.get("PolicyDocument") {
        call.store.get_mut(Kind::Endpoint, id)?.document["policyDocument"] = json!(policy);
    }
    Ok(json!({"return": true}))
}

pub(super) fn delete(call: &mut Call<'_>) -> Answer {
    let mut unsuccessful = Vec::new();
    for id in call.request.list("VpcEndpointId") {
        let Some(endpoint) = call.store.find(Kind::Endpoint, id) else {
            unsuccessful.push(json!({
                "resourceId": id,
                "error": {"code": "InvalidVpcEndpoint.NotFound", "message": format!("The Vpc Endpoint Id '{id}' does not exist")},
            }));
            continue;
        };
        if endpoint.has("vpcEndpointType", "Gateway") {
            route::remove_endpoint(call.store, None, id);
            call.store.remove(id);
        } else if !endpoint.has("state", "deleting") {
            call.store.get_mut(Kind::Endpoint, id)?.document["state"] = json!("deleting");
            call.store.schedule(id, call.durations.endpoint_deleting());
        }
    }
    Ok(json!({ "unsuccessful": unsuccessful }))
}

pub(super) fn describe_services(call: &mut Call<'_>) -> Answer {
    let asked = call.request.list("ServiceName");
    let filters = filter::filters(call.request);
    let region = call.store.region.clone();
    let zones: Vec<String> = ["a", "b", "c"].iter().map(|letter| format!("{region}{letter}")).collect();
    let gateways = GATEWAY_SERVICES.iter().map(|(name, _)| (*name, "Gateway"));
    let mut details = Vec::new();
    for (name, form) in gateways.chain(INTERFACE_SERVICES.iter().map(|name| (*name, "Interface"))) {
        let full = format!("com.amazonaws.{region}.{name}");
        let document = json!({
            "serviceName": full,
            "serviceType": [{"serviceType": form}],
            "availabilityZoneSet": zones,
            "owner": "amazon",
            "acceptanceRequired": false,
            "vpcEndpointPolicySupported": true,
            "privateDnsName": (form == "Interface").then(|| format!("{name}.{region}.amazonaws.com")),
        });
        if (asked.is_empty() || asked.contains(&full.as_str())) && filter::passes(&document, &filters, SERVICE_FIELDS)?
        {
            details.push(document);
        }
    }
    if details.is_empty() && !asked.is_empty() {
        return Err(Refusal::new(
            "InvalidServiceName",
            format!("The Vpc Endpoint Service '{}' does not exist", asked.join(", ")),
        ));
    }
    let mut names: Vec<&Value> = details.iter().map(|one| &one["serviceName"]).collect();
    names.dedup();
    Ok(json!({"serviceNameSet": names, "serviceDetailSet": details}))
}

pub(super) fn describe_prefix_lists(call: &mut Call<'_>) -> Answer {
    let filters = filter::filters(call.request);
    let ids = call.request.list("PrefixListId");
    let mut lists = Vec::new();
    for (name, id) in GATEWAY_SERVICES {
        let document = json!({
            "prefixListId": id,
            "prefixListName": format!("com.amazonaws.{}.{name}", call.store.region),
            "cidrSet": ["198.51.100.0/24"],
        });
        let fields = [("prefix-list-id", "prefixListId"), ("prefix-list-name", "prefixListName")];
        if (ids.is_empty() || ids.contains(&id)) && filter::passes(&document, &filters, &fields)? {
            lists.push(document);
        }
    }
    Ok(json!({ "prefixListSet": lists }))
}

/// Ends the change under way.
pub(super) fn settle(store: &mut Store, id: &str) {
    let Ok(endpoint) = store.get_mut(Kind::Endpoint, id) else { return };
    let coming = endpoint.document["coming"].take();
    if endpoint.has("state", "pending") && coming.is_object() {
        // https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_VpcEndpoint.html (`State`, `LastError`)
        endpoint.document["state"] = json!("failed");
        endpoint.document["lastError"] = json!({"code": coming["failureCode"], "message": coming["failureMessage"]});
    } else if endpoint.has("state", "pending") {
        endpoint.document["state"] = json!("available");
    } else {
        remove_interfaces(store, id, None);
        store.remove(id);
    }
}

type Tags = std::collections::BTreeMap<String, String>;

fn create_gateway(call: &mut Call<'_>, mut document: Value, tags: Tags) -> Result<String, Refusal> {
    let tables = call.request.list("RouteTableId");
    document["state"] = json!("available");
    document["routeTableIdSet"] = json!(tables);
    let list = prefix_list(document["serviceName"].as_str().unwrap_or_default());
    let id = call.store.add(Kind::Endpoint, document, tags);
    for table in tables {
        if let Err(refusal) = route::add_endpoint(call.store, table, list, &id) {
            route::remove_endpoint(call.store, None, &id);
            call.store.remove(&id);
            return Err(refusal);
        }
    }
    Ok(id)
}

fn create_interface(call: &mut Call<'_>, mut document: Value, tags: Tags) -> Result<String, Refusal> {
    let vpc = call.request.required("VpcId")?;
    let subnets = call.request.list("SubnetId");
    check_zones(call.store, &subnets)?;
    let mut groups: Vec<String> = call.request.list("SecurityGroupId").into_iter().map(str::to_owned).collect();
    if groups.is_empty() {
        groups.extend(group::default_of(call.store, vpc));
    }
    let private_dns = call.request.flag("PrivateDnsEnabled").unwrap_or(true);
    if private_dns {
        check_private_dns(call.store, vpc, &document)?;
    }
    document["privateDnsEnabled"] = json!(private_dns);
    document["ipAddressType"] = json!("ipv4");
    document["state"] = json!("pending");
    document["subnetIdSet"] = json!(subnets);
    document["groupSet"] = interface::group_set(call.store, &groups)?;
    let service = document["serviceName"].as_str().unwrap_or_default().trim_start_matches("com.amazonaws.").to_owned();
    let id = call.store.add(Kind::Endpoint, document, tags);
    call.store.get_mut(Kind::Endpoint, &id)?.document["dnsEntrySet"] =
        json!([{"dnsName": format!("{id}.{service}.vpce.amazonaws.com"), "hostedZoneId": "Z38GZ743OKFT7T"}]);
    for subnet in subnets {
        add_interface(call.store, &id, subnet, &groups)?;
    }
    call.store.schedule(&id, call.durations.endpoint_pending());
    Ok(id)
}

fn check_zones(store: &Store, subnets: &[&str]) -> Result<(), Refusal> {
    let mut zones = Vec::new();
    for subnet in subnets {
        let zone = store.get(Kind::Subnet, subnet)?.text("availabilityZone");
        if zones.contains(&zone) {
            return Err(Refusal::new(
                "DuplicateSubnetsInSameZone",
                format!("Found another VPC endpoint subnet in the availability zone of {subnet}."),
            ));
        }
        zones.push(zone);
    }
    Ok(())
}

fn check_private_dns(store: &Store, id: &str, document: &Value) -> Result<(), Refusal> {
    let of = &store.get(Kind::Vpc, id)?.document;
    if !vpc::attribute_of(of, "enableDnsSupport") || !vpc::attribute_of(of, "enableDnsHostnames") {
        return Err(Refusal::new(
            "InvalidParameter",
            format!(
                "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for {id}"
            ),
        ));
    }
    let conflict = store.all(Kind::Endpoint).any(|other| {
        other.has("vpcId", id)
            && other.document["serviceName"] == document["serviceName"]
            && other.document["privateDnsEnabled"] == true
    });
    if conflict {
        return Err(Refusal::new(
            "InvalidParameter",
            format!(
                "private-dns-enabled cannot be set because there is already a conflicting DNS domain for {} in the VPC {id}",
                document["serviceName"]
            ),
        ));
    }
    Ok(())
}

fn add_interface(store: &mut Store, endpoint: &str, subnet: &str, groups: &[String]) -> Result<(), Refusal> {
    let (interface, _) = interface::add_managed(
        store,
        &Managed {
            subnet,
            interface_type: "vpc_endpoint",
            description: format!("VPC Endpoint Interface {endpoint}"),
            requester: "amazon-vpc-endpoint",
            groups,
        },
    )?;
    store.get_mut(Kind::Endpoint, endpoint)?.list_mut("networkInterfaceIdSet").push(json!(interface));
    Ok(())
}

fn remove_interfaces(store: &mut Store, endpoint: &str, subnet: Option<&str>) {
    let Ok(record) = store.get(Kind::Endpoint, endpoint) else { return };
    let gone: Vec<Value> = record
        .list("networkInterfaceIdSet")
        .iter()
        .filter(|id| {
            let interface = store.find(Kind::Interface, id.as_str().unwrap_or_default());
            subnet.is_none_or(|subnet| interface.is_some_and(|interface| interface.has("subnetId", subnet)))
        })
        .cloned()
        .collect();
    for id in &gone {
        interface::remove_managed(store, id.as_str().unwrap_or_default());
    }
    if let Ok(record) = store.get_mut(Kind::Endpoint, endpoint) {
        record.list_mut("networkInterfaceIdSet").retain(|id| !gone.contains(id));
    }
}

fn change(call: &mut Call<'_>, id: &str, field: &str, parameter: &str) -> Result<(), Refusal> {
    let added = call.request.list(&format!("Add{parameter}"));
    let removed = call.request.list(&format!("Remove{parameter}"));
    let list = call.store.get_mut(Kind::Endpoint, id)?.list_mut(field);
    list.retain(|one| !removed.iter().any(|gone| one == gone) && !added.iter().any(|new| one == new));
    list.extend(added.into_iter().map(|new| json!(new)));
    Ok(())
}

fn change_groups(call: &mut Call<'_>, id: &str, mut groups: Vec<String>) -> Result<(), Refusal> {
    let removed = call.request.list("RemoveSecurityGroupId");
    groups.retain(|group| !removed.contains(&group.as_str()));
    for group in call.request.list("AddSecurityGroupId") {
        if !groups.iter().any(|known| known == group) {
            groups.push(group.to_owned());
        }
    }
    let set = interface::group_set(call.store, &groups)?;
    let endpoint = call.store.get_mut(Kind::Endpoint, id)?;
    endpoint.document["groupSet"] = set.clone();
    for interface in endpoint.list("networkInterfaceIdSet").to_vec() {
        call.store.get_mut(Kind::Interface, interface.as_str().unwrap_or_default())?.document["groupSet"] = set.clone();
    }
    Ok(())
}

fn groups_of(document: &Value) -> Vec<String> {
    filter::texts(document, "groupSet/groupId")
}

fn serves(region: &str, service: &str, form: &str) -> bool {
    let Some(name) = service.strip_prefix(&format!("com.amazonaws.{region}.")) else { return false };
    match form {
        "Gateway" => GATEWAY_SERVICES.iter().any(|(known, _)| *known == name),
        _ => INTERFACE_SERVICES.contains(&name),
    }
}

fn prefix_list(service: &str) -> &'static str {
    GATEWAY_SERVICES.iter().find(|(name, _)| service.ends_with(name)).map_or("", |(_, id)| id)
}
