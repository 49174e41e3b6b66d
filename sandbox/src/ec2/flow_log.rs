//! Flow logs.
//!
//! Corrects: the fields of a log group destination, duplicates, the resource type of tags (`vpc-flow-log`), filters.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateFlowLogs.html>
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeFlowLogs.html>

use serde_json::json;

use super::request::Refusal;
use super::store::{Kind, now};
use super::{ACCOUNT, Answer, Call};

pub(super) fn create(call: &mut Call<'_>) -> Answer {
    let kind = match call.request.required("ResourceType")? {
        "VPC" => Kind::Vpc,
        "Subnet" => Kind::Subnet,
        "NetworkInterface" => Kind::Interface,
        other => return Err(Refusal::invalid(format!("Invalid resource type: {other}"))),
    };
    let destination_type = call.request.get("LogDestinationType").unwrap_or("cloud-watch-logs");
    let group = match (call.request.get("LogGroupName"), call.request.get("LogDestination")) {
        (Some(name), _) => Some(name),
        (None, Some(arn)) if destination_type == "cloud-watch-logs" => {
            arn.split(":log-group:").nth(1).map(|name| name.trim_end_matches(":*"))
        }
        (None, Some(_)) => None,
        (None, None) => return Err(Refusal::new("MissingParameter", "A log group or a log destination is required")),
    };
    if destination_type == "cloud-watch-logs" && call.request.get("DeliverLogsPermissionArn").is_none() {
        return Err(Refusal::new(
            "MissingParameter",
            "DeliverLogsPermissionArn can't be empty if LogDestinationType is cloud-watch-logs.",
        ));
    }
    let destination = match group {
        Some(name) => format!("arn:aws:logs:{}:{ACCOUNT}:log-group:{name}", call.request.region),
        None => call.request.required("LogDestination")?.to_owned(),
    };
    let traffic = call.request.get("TrafficType").unwrap_or("ALL");
    let tags = call.request.new_tags(Kind::FlowLog)?;
    let resources = call.request.list("ResourceId");
    for resource in &resources {
        call.store.get(kind, resource)?;
        let exists = call.store.all(Kind::FlowLog).any(|log| {
            log.has("resourceId", resource)
                && log.has("logDestination", &destination)
                && log.has("trafficType", traffic)
        });
        if exists {
            return Err(Refusal::new(
                "FlowLogAlreadyExists",
                "Error. There is an existing Flow Log with the same configuration and log destination.",
            ));
        }
    }
    let interval = call.request.get("MaxAggregationInterval").and_then(|text| text.parse::<u32>().ok()).unwrap_or(600);
    let ids: Vec<String> = resources
        .iter()
        .map(|resource| {
            let document = json!({
                "resourceId": resource,
                "trafficType": traffic,
                "logDestinationType": destination_type,
                "logDestination": destination,
                "logGroupName": group,
                "deliverLogsPermissionArn": call.request.get("DeliverLogsPermissionArn"),
                "deliverLogsStatus": "SUCCESS",
                "flowLogStatus": "ACTIVE",
                "logFormat": call.request.get("LogFormat").unwrap_or("${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} ${packets} ${bytes} ${start} ${end} ${action} ${log-status}"),
                "maxAggregationInterval": interval,
                "creationTime": now(),
            });
            call.store.add(Kind::FlowLog, document, tags.clone())
        })
        .collect();
    Ok(json!({"flowLogIdSet": ids, "unsuccessful": [], "clientToken": call.request.get("ClientToken")}))
}

pub(super) fn delete(call: &mut Call<'_>) -> Answer {
    let mut unsuccessful = Vec::new();
    for id in call.request.list("FlowLogId") {
        if call.store.find(Kind::FlowLog, id).is_none() {
            let refusal = Kind::FlowLog.not_found(id);
            unsuccessful.push(json!({"resourceId": id, "error": {"code": refusal.code, "message": refusal.message}}));
        }
        call.store.remove(id);
    }
    Ok(json!({ "unsuccessful": unsuccessful }))
}
