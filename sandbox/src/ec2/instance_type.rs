//! Instance types.
//!
//! Corrects: MiniStack knows a dozen types of one architecture, and no filter.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceTypes.html>

use serde_json::{Value, json};

use super::filter::{self, Field};
use super::listing::page;
use super::request::Refusal;
use super::{Answer, Call};
use crate::eks::instance_types::{self, InstanceType};

const FIELDS: &[Field] = &[
    ("bare-metal", "bareMetal"),
    ("current-generation", "currentGeneration"),
    ("hypervisor", "hypervisor"),
    ("instance-type", "instanceType"),
    ("memory-info.size-in-mib", "memoryInfo/sizeInMiB"),
    ("processor-info.supported-architecture", "processorInfo/supportedArchitectures"),
    ("supported-root-device-type", "supportedRootDeviceTypes"),
    ("supported-usage-class", "supportedUsageClasses"),
    ("supported-virtualization-type", "supportedVirtualizationTypes"),
    ("vcpu-info.default-vcpus", "vCpuInfo/defaultVCpus"),
];

pub(super) fn describe(call: &mut Call<'_>) -> Answer {
    let names = call.request.list("InstanceType");
    let unknown: Vec<&str> = names.iter().copied().filter(|name| instance_types::find(name).is_none()).collect();
    if !unknown.is_empty() {
        let said = format!("The following supplied instance types do not exist: [{}]", unknown.join(", "));
        return Err(Refusal::new("InvalidInstanceType", said));
    }
    let filters = filter::filters(call.request);
    filter::known(&filters, FIELDS)?;
    let mut found = Vec::new();
    for (name, shape) in instance_types::all() {
        let document = printed(&name, shape);
        if (names.is_empty() || names.contains(&name.as_str())) && filter::passes(&document, &filters, FIELDS)? {
            found.push(document);
        }
    }
    let (page, next) = page(call.request, found);
    Ok(json!({"instanceTypeSet": page, "nextToken": next}))
}

fn printed(name: &str, shape: InstanceType) -> Value {
    json!({
        "instanceType": name,
        "currentGeneration": true,
        "freeTierEligible": false,
        "supportedUsageClasses": ["on-demand", "spot"],
        "supportedRootDeviceTypes": ["ebs"],
        "supportedVirtualizationTypes": ["hvm"],
        "bareMetal": false,
        "hypervisor": "nitro",
        "processorInfo": {"supportedArchitectures": [if shape.arm { "arm64" } else { "x86_64" }]},
        "vCpuInfo": {"defaultVCpus": shape.processors},
        "memoryInfo": {"sizeInMiB": shape.memory},
        "instanceStorageSupported": false,
    })
}
