//! What the instances of a node group are started from.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{
    LaunchTemplate as Listed, LaunchTemplateBlockDeviceMappingRequest, LaunchTemplateEbsBlockDeviceRequest,
    LaunchTemplateInstanceMetadataOptionsRequest, LaunchTemplateTagSpecificationRequest, RequestLaunchTemplateData,
    ResourceType, ResponseLaunchTemplateData, Tag, TagSpecification, VolumeType,
};
use domain::{Identity, Locator, Outputs, Tags};
use engine::{CallError, Created, Observed, Progress, Resource, Subject};
use plan::FieldChange;
use plan::cluster::LaunchTemplateSpec;
use resources::seen::{Phase, Seen, is_subject, observed, outputs};
use resources::{answered, tag_change};
use serde_json::json;

/// [`domain::Kind::LaunchTemplate`]. Its locator is its id; a change is a new version, which the node group is
/// told.
///
/// Idempotent because a name is there once in a region, and the create has a client token; a template of that name without
/// our tags is foreign. Leaves nothing behind on failure.
///
/// Permissions: `ec2:CreateLaunchTemplate`, `ec2:CreateLaunchTemplateVersion`, `ec2:CreateTags`, `ec2:DeleteTags`,
/// `ec2:DescribeLaunchTemplates`, `ec2:DescribeLaunchTemplateVersions`, `ec2:DeleteLaunchTemplate`; and for who starts a
/// node group from it `ec2:RunInstances`.
/// <https://docs.aws.amazon.com/eks/latest/userguide/launch-templates.html>
pub(crate) struct LaunchTemplate(pub(crate) Client);

#[async_trait]
impl Resource for LaunchTemplate {
    async fn observe(&self, subject: &Subject) -> Result<Observed, CallError> {
        let spec: LaunchTemplateSpec = subject.spec()?;
        let Some(template) = self.find(&spec.name).await? else { return Ok(Observed::Absent) };
        let id = template.launch_template_id().unwrap_or_default().to_owned();
        let tags = tags(template.tags());
        if !is_subject(subject, &tags) {
            return Ok(Observed::Foreign(Locator(id)));
        }
        let version = template.latest_version_number().unwrap_or_default().to_string();
        let newest = self.newest(&id).await?;
        let properties = json!({
            "name": spec.name,
            "volumes": volumes(newest.as_ref()),
            "tags": aws::shown_tags(&spec.tags, &tags),
        });
        let outputs = known(&id, &version);
        Ok(observed(subject, vec![Seen { id, phase: Phase::Resting, tags, properties, outputs }]))
    }

    async fn create(&self, subject: &Subject) -> Result<Created, CallError> {
        let spec: LaunchTemplateSpec = subject.spec()?;
        let tags = pairs(subject.create_tags(&spec.tags));
        let tagged = TagSpecification::builder().resource_type(ResourceType::LaunchTemplate).set_tags(Some(tags));
        let call =
            self.0.create_launch_template().launch_template_name(&spec.name).launch_template_data(data(subject, &spec));
        let call = call.client_token(subject.token.to_string()).tag_specifications(tagged.build());
        let answer = call.send().await.map_err(aws::creating("ec2:CreateLaunchTemplate"))?;
        let template = answer.launch_template();
        let id = answered("ec2:CreateLaunchTemplate", template.and_then(Listed::launch_template_id))?;
        let version = template.and_then(Listed::latest_version_number).unwrap_or(1).to_string();
        Ok(Created { outputs: known(&id, &version), locator: Locator(id), progress: Progress::Done })
    }

    /// The tags stand in the template as well, for what is started from it.
    async fn update(&self, subject: &Subject, changes: &[FieldChange]) -> Result<Progress, CallError> {
        let spec: LaunchTemplateSpec = subject.spec()?;
        let id = subject.locator()?;
        if let Some(change) = tag_change(changes) {
            if !change.put.is_empty() {
                let call = self.0.create_tags().resources(id).set_tags(Some(pairs(change.put)));
                call.send().await.map_err(aws::changing("ec2:CreateTags"))?;
            }
            if !change.remove.is_empty() {
                let keys = change.remove.into_iter().map(|key| Tag::builder().key(key).build()).collect();
                let call = self.0.delete_tags().resources(id).set_tags(Some(keys));
                call.send().await.map_err(aws::changing("ec2:DeleteTags"))?;
            }
        }
        if self.newest(id).await?.is_some_and(|newest| is_as_wanted(&newest, &spec)) {
            return Ok(Progress::Done);
        }
        let call = self.0.create_launch_template_version().launch_template_id(id);
        let call = call.launch_template_data(data(subject, &spec));
        call.send().await.map_err(aws::changing("ec2:CreateLaunchTemplateVersion"))?;
        // The new version is an output, which only another look tells.
        Ok(Progress::Pending)
    }

    async fn delete(&self, subject: &Subject) -> Result<Progress, CallError> {
        let call = self.0.delete_launch_template().launch_template_id(subject.locator()?);
        call.send().await.map_err(aws::deleting("ec2:DeleteLaunchTemplate"))?;
        Ok(Progress::Done)
    }
}

impl LaunchTemplate {
    async fn find(&self, name: &str) -> Result<Option<Listed>, CallError> {
        let answer = self.0.describe_launch_templates().launch_template_names(name).send().await;
        match answer.map_err(aws::reading("ec2:DescribeLaunchTemplates")) {
            Ok(answer) => Ok(answer.launch_templates.unwrap_or_default().pop()),
            Err(CallError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn newest(&self, id: &str) -> Result<Option<ResponseLaunchTemplateData>, CallError> {
        let call = self.0.describe_launch_template_versions().launch_template_id(id).versions("$Latest");
        let answer = call.send().await.map_err(aws::reading("ec2:DescribeLaunchTemplateVersions"))?;
        Ok(answer.launch_template_versions.unwrap_or_default().pop().and_then(|version| version.launch_template_data))
    }
}

/// The sizes of the encrypted volumes, by device. One that is not encrypted is not as any spec wants it.
fn volumes(data: Option<&ResponseLaunchTemplateData>) -> BTreeMap<String, i32> {
    let mappings = data.map(|data| data.block_device_mappings()).unwrap_or_default();
    let size = |disk: &aws_sdk_ec2::types::LaunchTemplateEbsBlockDevice| {
        disk.volume_size().filter(|_| disk.encrypted() == Some(true))
    };
    mappings.iter().filter_map(|one| Some((one.device_name()?.to_owned(), one.ebs().and_then(size)?))).collect()
}

/// Whether what is started from this has the volumes and the tags of the spec.
fn is_as_wanted(data: &ResponseLaunchTemplateData, spec: &LaunchTemplateSpec) -> bool {
    let wanted: BTreeMap<&String, i64> = spec.volumes.iter().map(|(device, size)| (device, i64::from(*size))).collect();
    let there = volumes(Some(data));
    let there: BTreeMap<&String, i64> = there.iter().map(|(device, size)| (device, i64::from(*size))).collect();
    let given = data.tag_specifications();
    let user_tags = Identity::user_tags(&spec.tags);
    let tagged = given.iter().all(|given| Identity::user_tags(&tags(given.tags())) == user_tags);
    wanted == there && tagged && !given.is_empty()
}

/// Metadata by IMDSv2 alone and over one hop: so no pod takes on the node's role.
fn data(subject: &Subject, spec: &LaunchTemplateSpec) -> RequestLaunchTemplateData {
    let metadata = LaunchTemplateInstanceMetadataOptionsRequest::builder()
        .http_tokens(aws_sdk_ec2::types::LaunchTemplateHttpTokensState::Required)
        .http_put_response_hop_limit(1);
    let volume = |(device, size): (&String, &u32)| {
        let disk = LaunchTemplateEbsBlockDeviceRequest::builder()
            .encrypted(true)
            .delete_on_termination(true)
            .volume_type(VolumeType::Gp3)
            .volume_size(i32::try_from(*size).unwrap_or(i32::MAX));
        LaunchTemplateBlockDeviceMappingRequest::builder().device_name(device).ebs(disk.build()).build()
    };
    let tagged = |kind: ResourceType| {
        let tags = pairs(subject.identity.create_tags(&spec.tags, &subject.id, subject.generation, subject.token));
        LaunchTemplateTagSpecificationRequest::builder().resource_type(kind).set_tags(Some(tags)).build()
    };
    RequestLaunchTemplateData::builder()
        .metadata_options(metadata.build())
        .set_block_device_mappings(Some(spec.volumes.iter().map(volume).collect()))
        .tag_specifications(tagged(ResourceType::Instance))
        .tag_specifications(tagged(ResourceType::Volume))
        .tag_specifications(tagged(ResourceType::NetworkInterface))
        .build()
}

fn tags(listed: &[Tag]) -> Tags {
    listed.iter().filter_map(|tag| Some((tag.key()?.to_owned(), tag.value()?.to_owned()))).collect()
}

fn pairs(tags: Tags) -> Vec<Tag> {
    tags.into_iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

fn known(id: &str, version: &str) -> Outputs {
    outputs([("id", id), ("version", version)])
}
