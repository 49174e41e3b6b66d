//! VPCs and their address blocks.
//!
//! Corrects: secondary CIDR blocks (missing), size and overlap of blocks, dependencies on deletion.
//! <https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html>
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteVpc.html>

use ipnet::Ipv4Net;
use serde_json::{Value, json};

use super::request::Refusal;
use super::store::{Kind, Store, random_id};
use super::{ACCOUNT, Answer, Call, cidr, group, route};

pub(super) fn create(call: &mut Call<'_>) -> Answer {
    let block = call.request.cidr("CidrBlock")?;
    check_size(block)?;
    let tags = call.request.new_tags(Kind::Vpc)?;
    let id = call.store.add(
        Kind::Vpc,
        json!({
            "cidrBlock": block.to_string(),
            "cidrBlockAssociationSet": [association(block, "associated")],
            "dhcpOptionsId": "dopt-00000001",
            "instanceTenancy": call.request.get("InstanceTenancy").unwrap_or("default"),
            "isDefault": false,
            "ownerId": ACCOUNT,
            "state": "available",
        }),
        tags,
    );
    route::add_main_table(call.store, &id);
    group::add_default(call.store, &id);
    call.store.add(
        Kind::NetworkAcl,
        json!({"vpcId": id, "default": true, "entrySet": [], "associationSet": [], "ownerId": ACCOUNT}),
        std::collections::BTreeMap::new(),
    );
    let record = call.store.get(Kind::Vpc, &id)?;
    let mut vpc = record.document.clone();
    vpc["state"] = json!("pending");
    vpc["tagSet"] = record.tag_set();
    Ok(json!({ "vpc": vpc }))
}

pub(super) fn delete(call: &mut Call<'_>) -> Answer {
    let id = call.request.required("VpcId")?;
    call.store.get(Kind::Vpc, id)?;
    if call.store.everything().any(|record| blocks_deletion(record.kind, &record.document, id)) {
        return Err(Refusal::dependency("vpc", id));
    }
    call.store.remove_where(|record| {
        record.id == id
            || (matches!(record.kind, Kind::RouteTable | Kind::SecurityGroup | Kind::NetworkAcl)
                && record.has("vpcId", id))
    });
    Ok(json!({"return": true}))
}

pub(super) fn modify_attribute(call: &mut Call<'_>) -> Answer {
    let vpc = call.store.get_mut(Kind::Vpc, call.request.required("VpcId")?)?;
    for (parameter, field) in
        [("EnableDnsSupport.Value", "enableDnsSupport"), ("EnableDnsHostnames.Value", "enableDnsHostnames")]
    {
        if let Some(value) = call.request.flag(parameter) {
            // Kept beside the document, because DescribeVpcs does not print it.
            vpc.document["attributes"][field] = json!(value);
        }
    }
    Ok(json!({"return": true}))
}

pub(super) fn describe_attribute(call: &mut Call<'_>) -> Answer {
    let id = call.request.required("VpcId")?;
    let vpc = call.store.get(Kind::Vpc, id)?;
    let attribute = call.request.required("Attribute")?;
    Ok(json!({"vpcId": id, attribute: {"value": attribute_of(&vpc.document, attribute)}}))
}

pub(super) fn associate_cidr(call: &mut Call<'_>) -> Answer {
    let id = call.request.required("VpcId")?;
    let block = call.request.cidr("CidrBlock")?;
    check_size(block)?;
    if blocks(call.store, id)?.iter().any(|other| cidr::overlap(*other, block)) {
        return Err(Refusal::new(
            "InvalidVpc.Range",
            format!("The CIDR '{block}' conflicts with a CIDR block that is already associated with VPC '{id}'."),
        ));
    }
    let mut made = association(block, "associated");
    call.store.get_mut(Kind::Vpc, id)?.list_mut("cidrBlockAssociationSet").push(made.clone());
    route::add_local(call.store, id, block);
    made["cidrBlockState"]["state"] = json!("associating");
    Ok(json!({"vpcId": id, "cidrBlockAssociation": made}))
}

pub(super) fn disassociate_cidr(call: &mut Call<'_>) -> Answer {
    let association = call.request.required("AssociationId")?;
    let found = call.store.all(Kind::Vpc).find_map(|vpc| {
        let set = vpc.list("cidrBlockAssociationSet");
        let one = set.iter().find(|one| one["associationId"] == association)?;
        Some((vpc.id.clone(), one.clone(), vpc.document["cidrBlock"] == one["cidrBlock"]))
    });
    let Some((id, mut gone, primary)) = found else {
        return Err(Refusal::new(
            "InvalidVpcCidrBlockAssociationID.NotFound",
            format!("The vpc CIDR block association ID '{association}' does not exist"),
        ));
    };
    let block: Ipv4Net = parse(&gone["cidrBlock"])?;
    let used = call.store.all(Kind::Subnet).any(|subnet| {
        subnet.has("vpcId", &id) && parse(&subnet.document["cidrBlock"]).is_ok_and(|one| block.contains(&one))
    });
    if primary {
        return Err(Refusal::new(
            "OperationNotPermitted",
            format!("The primary CIDR block of VPC '{id}' cannot be disassociated."),
        ));
    }
    if used {
        return Err(Refusal::new(
            "DependencyViolation",
            format!(
                "The vpc CIDR block with association ID {association} has dependencies and cannot be disassociated."
            ),
        ));
    }
    call.store
        .get_mut(Kind::Vpc, &id)?
        .list_mut("cidrBlockAssociationSet")
        .retain(|one| one["associationId"] != association);
    route::remove_local(call.store, &id, block);
    gone["cidrBlockState"]["state"] = json!("disassociating");
    Ok(json!({"vpcId": id, "cidrBlockAssociation": gone}))
}

/// A VPC attribute, with AWS's default for what was never set.
pub(super) fn attribute_of(document: &Value, attribute: &str) -> bool {
    document["attributes"][attribute].as_bool().unwrap_or(attribute == "enableDnsSupport")
}

/// All blocks of a VPC.
pub(super) fn blocks(store: &Store, id: &str) -> Result<Vec<Ipv4Net>, Refusal> {
    store.get(Kind::Vpc, id)?.list("cidrBlockAssociationSet").iter().map(|one| parse(&one["cidrBlock"])).collect()
}

pub(super) fn parse(text: &Value) -> Result<Ipv4Net, Refusal> {
    let text = text.as_str().unwrap_or_default();
    text.parse().map_err(|_| Refusal::invalid(format!("'{text}' is not a CIDR block")))
}

fn association(block: Ipv4Net, state: &str) -> Value {
    json!({
        "associationId": random_id("vpc-cidr-assoc"),
        "cidrBlock": block.to_string(),
        "cidrBlockState": {"state": state},
    })
}

fn check_size(block: Ipv4Net) -> Result<(), Refusal> {
    if (16..=28).contains(&block.prefix_len()) {
        return Ok(());
    }
    Err(Refusal::new("InvalidVpc.Range", format!("The CIDR '{block}' is invalid.")))
}

// "You must detach or delete all gateways and resources that are associated with the VPC before you can delete it."
fn blocks_deletion(kind: Kind, document: &Value, vpc: &str) -> bool {
    let here = document["vpcId"] == vpc;
    match kind {
        Kind::Subnet | Kind::Endpoint | Kind::Interface => here,
        Kind::SecurityGroup => here && document["groupName"] != "default",
        Kind::RouteTable => here && !route::is_main(document),
        Kind::InternetGateway => document["attachmentSet"][0]["vpcId"] == vpc,
        // One that failed is listed for two hours and holds nothing:
        // https://docs.aws.amazon.com/vpc/latest/tgw/tgw-vpc-attachments.html
        Kind::TransitGatewayAttachment => here && document["state"] != "deleted" && document["state"] != "failed",
        Kind::Peering => {
            document["status"]["code"] == "active"
                && (document["requesterVpcInfo"]["vpcId"] == vpc || document["accepterVpcInfo"]["vpcId"] == vpc)
        }
        _ => false,
    }
}
