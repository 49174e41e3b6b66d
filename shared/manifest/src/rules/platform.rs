//! Rules on a platform as a whole: tags, acknowledged warnings, guards, schedule.

use crate::rules::{Finding, WARNINGS};
use crate::schema::nearest;
use crate::secret::looks_secret;
use crate::{Manifest, OnManifestDelete, Spec};

pub(super) fn judge(manifest: &Manifest, findings: &mut Vec<Finding>) {
    tags(&manifest.spec, findings);
    acknowledged(&manifest.spec, findings);
    guards(&manifest.spec, findings);
    freezes(&manifest.spec, findings);
}

/// EC2 allows 50 tags of 128 and 256 characters; ours take up to seven.
/// Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions>
fn tags(spec: &Spec, findings: &mut Vec<Finding>) {
    if spec.tags.len() > 40 {
        let message = format!("{} tags are more than 40", spec.tags.len());
        findings.push(Finding::error(
            "TooManyTags",
            "spec.tags",
            message,
            "AWS allows 50 a resource, and Landfall adds its own",
        ));
    }
    for (key, value) in &spec.tags {
        let path = format!("spec.tags.{key}");
        if ["aws:", "landfall:", "kubernetes.io/", "karpenter.sh/"]
            .iter()
            .any(|prefix| key.to_lowercase().starts_with(prefix))
            || key == "Name"
        {
            findings.push(Finding::error(
                "ReservedTag",
                &path,
                format!("the tag `{key}` is not yours to set"),
                "choose another key",
            ));
        }
        let allowed = |c: char| c.is_alphanumeric() || " _.:/=+-@".contains(c);
        if key.is_empty()
            || key.chars().count() > 128
            || value.chars().count() > 256
            || !key.chars().chain(value.chars()).all(allowed)
        {
            let fix = "keys have 1 to 128 and values up to 256 letters, digits, spaces or _.:/=+-@";
            findings.push(Finding::error("BadTag", &path, format!("AWS does not take the tag `{key}`"), fix));
        }
        if looks_secret(value) {
            let fix = "tags are readable by everybody in the account; take it out, and change the secret";
            findings.push(Finding::error("LiteralSecret", &path, "the value looks like a secret", fix));
        }
    }
}

fn acknowledged(spec: &Spec, findings: &mut Vec<Finding>) {
    for (index, code) in spec.acknowledge.iter().enumerate().filter(|(_, code)| !WARNINGS.contains(&code.as_str())) {
        let fix = match nearest(code, WARNINGS.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known: {}", WARNINGS.join(", ")),
        };
        let message = format!("there is no warning `{code}`");
        findings.push(Finding::error("UnknownWarning", format!("spec.acknowledge.{index}"), message, fix));
    }
}

fn guards(spec: &Spec, findings: &mut Vec<Finding>) {
    if !spec.safety.deletion_protection && spec.safety.on_manifest_delete == OnManifestDelete::Teardown {
        let message = "whoever deletes the manifest object destroys the platform, and nothing asks";
        let fix = "set `deletionProtection: true`, or acknowledge `Unprotected`";
        findings.push(Finding::warning("Unprotected", "spec.safety", message, fix));
    }
}

fn freezes(spec: &Spec, findings: &mut Vec<Finding>) {
    for (index, freeze) in spec.updates.freeze.iter().enumerate().filter(|(_, freeze)| freeze.from > freeze.to) {
        let message = format!("the freeze begins on {} and ends before that, on {}", freeze.from, freeze.to);
        findings.push(Finding::error(
            "EmptyFreeze",
            format!("spec.updates.freeze.{index}"),
            message,
            "swap the two days",
        ));
    }
}
