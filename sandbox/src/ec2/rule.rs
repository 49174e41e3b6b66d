//! Security group rules, each a record of its own with an id and tags.
//!
//! Corrects: duplicates and missing rules are errors.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupIngress.html>
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RevokeSecurityGroupIngress.html>

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::request::{Refusal, Request};
use super::store::{Kind, Record, Store};
use super::{ACCOUNT, Answer, Call};

pub(super) fn authorize_ingress(call: &mut Call<'_>) -> Answer {
    authorize(call, false)
}

pub(super) fn authorize_egress(call: &mut Call<'_>) -> Answer {
    authorize(call, true)
}

pub(super) fn revoke_ingress(call: &mut Call<'_>) -> Answer {
    revoke(call, false)
}

pub(super) fn revoke_egress(call: &mut Call<'_>) -> Answer {
    revoke(call, true)
}

pub(super) fn add(
    store: &mut Store,
    group: &str,
    egress: bool,
    mut rule: Value,
    tags: BTreeMap<String, String>,
) -> String {
    rule["groupId"] = json!(group);
    rule["groupOwnerId"] = json!(ACCOUNT);
    rule["isEgress"] = json!(egress);
    store.add(Kind::SecurityGroupRule, rule, tags)
}

/// The rules of a group in one direction, as `DescribeSecurityGroups` prints them.
pub(super) fn permissions(store: &Store, group: &str, egress: bool) -> Value {
    let mut sets: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for rule in rules_of(store, group, egress) {
        let of = &rule.document;
        let key = format!("{} {} {}", of["ipProtocol"], of["fromPort"], of["toPort"]);
        let set = sets.entry(key).or_insert_with(|| {
            let mut set = Map::new();
            for field in ["ipProtocol", "fromPort", "toPort"] {
                if !of[field].is_null() {
                    set.insert(field.to_owned(), of[field].clone());
                }
            }
            for field in ["ipRanges", "ipv6Ranges", "prefixListIds", "groups"] {
                set.insert(field.to_owned(), json!([]));
            }
            set
        });
        let (list, mut entry) = if of["cidrIpv4"].is_string() {
            ("ipRanges", json!({"cidrIp": of["cidrIpv4"]}))
        } else if of["cidrIpv6"].is_string() {
            ("ipv6Ranges", json!({"cidrIpv6": of["cidrIpv6"]}))
        } else if of["prefixListId"].is_string() {
            ("prefixListIds", json!({"prefixListId": of["prefixListId"]}))
        } else {
            ("groups", of["referencedGroupInfo"].clone())
        };
        entry["description"] = of["description"].clone();
        if let Some(Value::Array(list)) = set.get_mut(list) {
            list.push(entry);
        }
    }
    sets.into_values().map(Value::Object).collect()
}

fn authorize(call: &mut Call<'_>, egress: bool) -> Answer {
    let group = call.request.required("GroupId")?;
    call.store.get(Kind::SecurityGroup, group)?;
    let tags = call.request.new_tags(Kind::SecurityGroupRule)?;
    let wanted = parse(call.request)?;
    for rule in &wanted {
        if let Some(other) = rule["referencedGroupInfo"]["groupId"].as_str() {
            call.store.get(Kind::SecurityGroup, other)?;
        }
        if rules_of(call.store, group, egress).any(|known| same(&known.document, rule)) {
            return Err(Refusal::new(
                "InvalidPermission.Duplicate",
                format!("the specified rule \"{rule}\" already exists"),
            ));
        }
    }
    let made: Vec<Value> = wanted
        .into_iter()
        .filter_map(|rule| {
            let id = add(call.store, group, egress, rule, tags.clone());
            let record = call.store.any(&id)?;
            let mut document = record.document.clone();
            document["tagSet"] = record.tag_set();
            Some(document)
        })
        .collect();
    Ok(json!({"return": true, "securityGroupRuleSet": made}))
}

fn revoke(call: &mut Call<'_>, egress: bool) -> Answer {
    let group = call.request.required("GroupId")?;
    call.store.get(Kind::SecurityGroup, group)?;
    let mut gone: Vec<String> = call.request.list("SecurityGroupRuleId").into_iter().map(str::to_owned).collect();
    for id in &gone {
        call.store.get(Kind::SecurityGroupRule, id)?;
    }
    if gone.is_empty() {
        for rule in parse(call.request)? {
            let found = rules_of(call.store, group, egress).find(|known| same(&known.document, &rule));
            gone.push(found.map(|record| record.id.clone()).ok_or_else(|| {
                Refusal::new("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
            })?);
        }
    }
    for id in &gone {
        call.store.remove(id);
    }
    Ok(json!({"return": true}))
}

fn rules_of<'a>(store: &'a Store, group: &'a str, egress: bool) -> impl Iterator<Item = &'a Record> {
    store
        .all(Kind::SecurityGroupRule)
        .filter(move |rule| rule.has("groupId", group) && rule.document["isEgress"] == egress)
}

// Descriptions do not count.
fn same(one: &Value, other: &Value) -> bool {
    ["ipProtocol", "fromPort", "toPort", "cidrIpv4", "cidrIpv6", "prefixListId"]
        .iter()
        .all(|field| one[field] == other[field])
        && one["referencedGroupInfo"]["groupId"] == other["referencedGroupInfo"]["groupId"]
}

fn parse(request: &Request) -> Result<Vec<Value>, Refusal> {
    let mut rules = Vec::new();
    for index in (1..).take_while(|index| request.get(&format!("IpPermissions.{index}.IpProtocol")).is_some()) {
        nested(request, &format!("IpPermissions.{index}."), &mut rules);
    }
    if rules.is_empty() {
        // The short form, one rule in the request itself.
        let mut rule = ports(request, "");
        if let Some(block) = request.get("CidrIp") {
            rule["cidrIpv4"] = json!(block);
        } else if let Some(group) = request.get("SourceSecurityGroupId") {
            rule["referencedGroupInfo"] = json!({"groupId": group, "userId": ACCOUNT});
        } else {
            return Err(Refusal::new("MissingParameter", "Source group, address range or prefix list missing"));
        }
        rules.push(rule);
    }
    Ok(rules)
}

/// What one entry of a permission says of its rule: a field and its value.
type Form = fn(&str) -> (&'static str, Value);

fn nested(request: &Request, prefix: &str, rules: &mut Vec<Value>) {
    let forms: [(&str, &str, Form); 4] = [
        ("IpRanges", "CidrIp", |text| ("cidrIpv4", json!(text))),
        ("Ipv6Ranges", "CidrIpv6", |text| ("cidrIpv6", json!(text))),
        ("PrefixListIds", "PrefixListId", |text| ("prefixListId", json!(text))),
        ("Groups", "GroupId", |text| ("referencedGroupInfo", json!({"groupId": text, "userId": ACCOUNT}))),
    ];
    for (list, member, form) in forms {
        for index in 1.. {
            let Some(text) = request.get(&format!("{prefix}{list}.{index}.{member}")) else { break };
            let mut rule = ports(request, prefix);
            let (field, value) = form(text);
            rule[field] = value;
            if let Some(description) = request.get(&format!("{prefix}{list}.{index}.Description")) {
                rule["description"] = json!(description);
            }
            rules.push(rule);
        }
    }
}

fn ports(request: &Request, prefix: &str) -> Value {
    let number = |name: &str| request.get(&format!("{prefix}{name}")).and_then(|text| text.parse::<i32>().ok());
    let protocol = match request.get(&format!("{prefix}IpProtocol")).unwrap_or("-1") {
        "6" => "tcp",
        "17" => "udp",
        "all" => "-1",
        other => other,
    };
    let mut rule = json!({"ipProtocol": protocol});
    if protocol != "-1" {
        rule["fromPort"] = json!(number("FromPort"));
        rule["toPort"] = json!(number("ToPort"));
    }
    rule
}
