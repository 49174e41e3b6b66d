//! Instance types: which there are, for which processor, and how much they hold.
//!
//! Families and sizes of <https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-types.html> that node groups are
//! made of; a type is a family and a size of it. Accelerated and metal types are left out, and of what
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceTypes.html> tells all that the list does not say.

use serde_json::{Value, json};

use super::filter::{self, Field};
use super::request::Refusal;
use super::{Answer, Call};

const FIELDS: &[Field] = &[
    ("instance-type", "instanceType"),
    ("current-generation", "currentGeneration"),
    ("processor-info.supported-architecture", "processorInfo/supportedArchitectures"),
    ("vcpu-info.default-vcpus", "vCpuInfo/defaultVCpus"),
    ("memory-info.size-in-mib", "memoryInfo/sizeInMiB"),
];

/// What an instance of a type offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InstanceType {
    /// Virtual processors.
    pub(crate) processors: u32,
    /// Memory in MiB.
    pub(crate) memory: u32,
    /// Pods, by the addresses that its interfaces hold.
    pub(crate) pods: u32,
    /// Whether its processor is of the ARM architecture.
    pub(crate) arm: bool,
}

/// Family, and MiB of memory for each processor.
const FAMILIES: &[(&str, u32)] = &[
    ("m5", 4096),
    ("m5a", 4096),
    ("m5d", 4096),
    ("m5n", 4096),
    ("m6a", 4096),
    ("m6g", 4096),
    ("m6gd", 4096),
    ("m6i", 4096),
    ("m6id", 4096),
    ("m6in", 4096),
    ("m7a", 4096),
    ("m7g", 4096),
    ("m7gd", 4096),
    ("m7i", 4096),
    ("m7i-flex", 4096),
    ("m8g", 4096),
    ("m8gd", 4096),
    ("m8i", 4096),
    ("c5", 2048),
    ("c5a", 2048),
    ("c5d", 2048),
    ("c5n", 2688),
    ("c6a", 2048),
    ("c6g", 2048),
    ("c6gd", 2048),
    ("c6gn", 2048),
    ("c6i", 2048),
    ("c6id", 2048),
    ("c6in", 2048),
    ("c7a", 2048),
    ("c7g", 2048),
    ("c7gd", 2048),
    ("c7gn", 2048),
    ("c7i", 2048),
    ("c7i-flex", 2048),
    ("c8g", 2048),
    ("c8gd", 2048),
    ("c8i", 2048),
    ("r5", 8192),
    ("r5a", 8192),
    ("r5d", 8192),
    ("r5n", 8192),
    ("r6a", 8192),
    ("r6g", 8192),
    ("r6gd", 8192),
    ("r6i", 8192),
    ("r6id", 8192),
    ("r7a", 8192),
    ("r7g", 8192),
    ("r7gd", 8192),
    ("r7i", 8192),
    ("r8g", 8192),
    ("r8gd", 8192),
    ("r8i", 8192),
    ("i3", 7808),
    ("i4i", 8192),
    ("i4g", 8192),
    ("i7i", 8192),
];

/// Size, processors and pods. <https://github.com/aws/amazon-vpc-cni-k8s/blob/master/misc/eni-max-pods.txt>
const SIZES: &[(&str, u32, u32)] = &[
    ("large", 2, 29),
    ("xlarge", 4, 58),
    ("2xlarge", 8, 58),
    ("4xlarge", 16, 234),
    ("8xlarge", 32, 234),
    ("12xlarge", 48, 234),
    ("16xlarge", 64, 737),
    ("24xlarge", 96, 737),
];

const BURSTABLE_FAMILIES: &[&str] = &["t3", "t3a", "t4g"];

/// Burstable types: size, MiB of memory and pods; all have two processors up to `large`.
const BURSTABLE: &[(&str, u32, u32, u32)] = &[
    ("micro", 2, 1024, 4),
    ("small", 2, 2048, 11),
    ("medium", 2, 4096, 17),
    ("large", 2, 8192, 35),
    ("xlarge", 4, 16_384, 58),
    ("2xlarge", 8, 32_768, 58),
];

/// The type of this name.
pub(crate) fn find(name: &str) -> Option<InstanceType> {
    let (family, size) = name.split_once('.')?;
    let arm = family.trim_start_matches(|letter: char| !letter.is_ascii_digit()).contains('g');
    if BURSTABLE_FAMILIES.contains(&family) {
        let (_, processors, memory, pods) = BURSTABLE.iter().find(|(known, ..)| *known == size)?;
        return Some(InstanceType { processors: *processors, memory: *memory, pods: *pods, arm });
    }
    let (_, each) = FAMILIES.iter().find(|(known, _)| *known == family)?;
    let (processors, pods) = match SIZES.iter().find(|(known, ..)| *known == size) {
        Some((_, processors, pods)) => (*processors, *pods),
        // The smallest of the families since the sixth generation on ARM or AMD's seventh.
        None if size == "medium" && (arm || family.ends_with("7a")) => (1, 8),
        None => return None,
    };
    Some(InstanceType { processors, memory: processors * each, pods, arm })
}

pub(super) fn describe(call: &mut Call<'_>) -> Answer {
    let names = call.request.list("InstanceType");
    if let Some(unknown) = names.iter().find(|name| find(name).is_none()) {
        let message = format!("The following supplied instance types do not exist: [{unknown}]");
        return Err(Refusal::new("InvalidInstanceType", message));
    }
    let filters = filter::filters(call.request);
    let mut found = Vec::new();
    for (name, one) in all() {
        let shown = shown(&name, one);
        if (names.is_empty() || names.contains(&name.as_str())) && filter::passes(&shown, &filters, FIELDS)? {
            found.push(shown);
        }
    }
    Ok(json!({ "instanceTypeSet": found }))
}

fn all() -> impl Iterator<Item = (String, InstanceType)> {
    let sizes = || SIZES.iter().map(|(size, ..)| *size).chain(["medium"]);
    let families = FAMILIES.iter().flat_map(move |(family, _)| sizes().map(move |size| format!("{family}.{size}")));
    let burstable =
        BURSTABLE_FAMILIES.iter().flat_map(|family| BURSTABLE.iter().map(move |(size, ..)| format!("{family}.{size}")));
    families.chain(burstable).filter_map(|name| find(&name).map(|found| (name, found)))
}

fn shown(name: &str, one: InstanceType) -> Value {
    json!({
        "instanceType": name,
        "currentGeneration": true,
        "processorInfo": {"supportedArchitectures": [if one.arm { "arm64" } else { "x86_64" }]},
        "vCpuInfo": {"defaultVCpus": one.processors},
        "memoryInfo": {"sizeInMiB": one.memory},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_have_their_processor_and_memory() {
        let t3 = InstanceType { processors: 2, memory: 4096, pods: 17, arm: false };
        assert_eq!(find("t3.medium"), Some(t3));
        assert_eq!(
            find("m7g.2xlarge").map(|found| (found.processors, found.memory, found.arm)),
            Some((8, 32_768, true))
        );
        assert_eq!(find("c7i-flex.large").map(|found| found.arm), Some(false));
        for unknown in ["m5.huge", "z9.large", "large", "m6i.medium"] {
            assert_eq!(find(unknown), None, "{unknown}");
        }
    }
}
