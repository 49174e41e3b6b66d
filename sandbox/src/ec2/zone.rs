//! Availability zones.
//!
//! Corrects: filters; zone ids that do not follow the zone names, as in real accounts.
//! <https://docs.aws.amazon.com/ram/latest/userguide/working-with-az-ids.html>
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeAvailabilityZones.html>

use serde_json::{Value, json};

use super::filter::{self, Field};
use super::request::Refusal;
use super::{Answer, Call};

const FIELDS: &[Field] = &[
    ("group-name", "groupName"),
    ("opt-in-status", "optInStatus"),
    ("region-name", "regionName"),
    ("state", "zoneState"),
    ("zone-id", "zoneId"),
    ("zone-name", "zoneName"),
    ("zone-type", "zoneType"),
];

pub(super) fn describe(call: &mut Call<'_>) -> Answer {
    let names = call.request.list("ZoneName");
    let ids = call.request.list("ZoneId");
    let filters = filter::filters(call.request);
    let mut zones = Vec::new();
    for zone in all(&call.store.region) {
        let asked = (names.is_empty() && ids.is_empty())
            || names.iter().any(|name| zone["zoneName"] == *name)
            || ids.iter().any(|id| zone["zoneId"] == *id);
        if asked && filter::passes(&zone, &filters, FIELDS)? {
            zones.push(zone);
        }
    }
    if zones.len() < names.len() + ids.len() {
        return Err(Refusal::invalid(format!("Invalid availability zone: {}", [names, ids].concat().join(", "))));
    }
    Ok(json!({ "availabilityZoneInfo": zones }))
}

/// Name and id of the zone that a create asks for by either.
pub(super) fn choose(region: &str, name: Option<&str>, id: Option<&str>) -> Result<(String, String), Refusal> {
    let zones = all(region);
    let found = zones
        .iter()
        .find(|zone| name.is_none_or(|name| zone["zoneName"] == name) && id.is_none_or(|id| zone["zoneId"] == id));
    let text = |zone: &Value, field: &str| zone[field].as_str().unwrap_or_default().to_owned();
    found.map(|zone| (text(zone, "zoneName"), text(zone, "zoneId"))).ok_or_else(|| {
        let known: Vec<String> = zones.iter().map(|zone| text(zone, "zoneName")).collect();
        Refusal::invalid(format!(
            "Value ({}) for parameter availabilityZone is invalid. Subnets can currently only be created in the following availability zones: {}.",
            name.or(id).unwrap_or_default(),
            known.join(", ")
        ))
    })
}

fn all(region: &str) -> Vec<Value> {
    ["a", "b", "c"]
        .iter()
        .zip([2, 3, 1])
        .map(|(letter, number)| {
            json!({
                "zoneName": format!("{region}{letter}"),
                "zoneId": format!("{}-az{number}", short(region)),
                "zoneState": "available",
                "zoneType": "availability-zone",
                "regionName": region,
                "groupName": format!("{region}-zg-1"),
                "networkBorderGroup": region,
                "optInStatus": "opt-in-not-required",
            })
        })
        .collect()
}

// eu-west-1 → euw1, ap-southeast-2 → apse2.
fn short(region: &str) -> String {
    let mut parts = region.split('-');
    let area = parts.next().unwrap_or_default();
    let side: String = match parts.next().unwrap_or_default() {
        "northeast" => "ne".into(),
        "northwest" => "nw".into(),
        "southeast" => "se".into(),
        "southwest" => "sw".into(),
        other => other.chars().take(1).collect(),
    };
    format!("{area}{side}{}", parts.next().unwrap_or_default())
}
