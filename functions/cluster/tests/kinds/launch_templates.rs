//! Launch templates: a change is a new version, told by another look.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::operation::create_launch_template::{CreateLaunchTemplateError, CreateLaunchTemplateOutput};
use aws_sdk_ec2::operation::create_launch_template_version::{
    CreateLaunchTemplateVersionError, CreateLaunchTemplateVersionOutput,
};
use aws_sdk_ec2::operation::create_tags::CreateTagsOutput;
use aws_sdk_ec2::operation::delete_launch_template::{DeleteLaunchTemplateError, DeleteLaunchTemplateOutput};
use aws_sdk_ec2::operation::delete_tags::DeleteTagsOutput;
use aws_sdk_ec2::operation::describe_launch_template_versions::DescribeLaunchTemplateVersionsOutput;
use aws_sdk_ec2::operation::describe_launch_templates::{DescribeLaunchTemplatesError, DescribeLaunchTemplatesOutput};
use aws_sdk_ec2::types::{
    LaunchTemplate, LaunchTemplateBlockDeviceMapping, LaunchTemplateEbsBlockDevice, LaunchTemplateTagSpecification,
    LaunchTemplateVersion, ResponseLaunchTemplateData, Tag,
};
use aws_smithy_mocks::{Rule, mock};
use domain::{FaultName, Kind};
use engine::{CallError, Observed, Progress};
use serde_json::json;

use crate::support::{
    Script, TOKEN, answer, as_wanted, change, fault_name, found, present, refuse, subject, tag_change, tags_of,
};

fn template(version: i64, ours: bool) -> LaunchTemplate {
    let tags = tags_of(Kind::LaunchTemplate).into_iter().filter(|_| ours);
    let tags = tags.map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
    LaunchTemplate::builder().launch_template_id("lt-1").latest_version_number(version).set_tags(Some(tags)).build()
}

fn shown(version: i64, ours: bool) -> Rule {
    answer!(Client::describe_launch_templates => DescribeLaunchTemplatesOutput { launch_templates: template(version, ours) })
}

/// The newest version, whose second volume is encrypted or not.
fn newest(encrypted: bool) -> Rule {
    newest_for("me", encrypted)
}

fn newest_for(owner: &str, encrypted: bool) -> Rule {
    let volume = |device: &str, size, encrypted| {
        let disk = LaunchTemplateEbsBlockDevice::builder().volume_size(size).encrypted(encrypted).build();
        LaunchTemplateBlockDeviceMapping::builder().device_name(device).ebs(disk).build()
    };
    let data = ResponseLaunchTemplateData::builder()
        .block_device_mappings(volume("/dev/xvdb", 20, encrypted))
        .block_device_mappings(volume("/dev/xvda", 4, true))
        .tag_specifications(
            LaunchTemplateTagSpecification::builder()
                .tags(Tag::builder().key("owner").value(owner).build())
                .tags(Tag::builder().key("landfall:platform").value("demo").build())
                .build(),
        )
        .build();
    let version = LaunchTemplateVersion::builder().launch_template_data(data).build();
    answer!(Client::describe_launch_template_versions => DescribeLaunchTemplateVersionsOutput { launch_template_versions: version })
}

#[tokio::test]
async fn a_template_is_found_by_its_name_with_its_newest_version() {
    let gone = refuse!(Client::describe_launch_templates => DescribeLaunchTemplatesError "InvalidLaunchTemplateName.NotFoundException");
    let script = Script::of([shown(3, true), newest(true), shown(3, true), newest(false), gone, shown(1, false)]);
    let (kind, subject) = (script.kind(Kind::LaunchTemplate), found(Kind::LaunchTemplate, "lt-1"));
    let actual = as_wanted(&subject, kind.observe(&subject).await.unwrap());
    assert_eq!((actual.locator.0.as_str(), actual.outputs["version"].as_str()), ("lt-1", "3"));
    let plain = present(kind.observe(&subject).await.unwrap()).properties;
    assert_eq!(plain["volumes"], json!({"/dev/xvda": 4}));
    assert_eq!(kind.observe(&subject).await, Ok(Observed::Absent));
    assert!(matches!(kind.observe(&subject).await, Ok(Observed::Foreign(_))));
}

#[tokio::test]
async fn a_template_is_asked_for_again_with_the_same_token() {
    let made = mock!(Client::create_launch_template)
        .match_requests(|request| {
            let data = request.launch_template_data().unwrap();
            let metadata = data.metadata_options().unwrap();
            request.client_token() == TOKEN
                && metadata.http_tokens().map(|tokens| tokens.as_str()) == Some("required")
                && metadata.http_put_response_hop_limit() == Some(1)
                && data.block_device_mappings().iter().all(|one| one.ebs().unwrap().encrypted() == Some(true))
                && data.tag_specifications().len() == 3
        })
        .sequence()
        .http_status(503, None)
        .output(|| CreateLaunchTemplateOutput::builder().launch_template(template(1, true)).build())
        .build();
    let there = refuse!(Client::create_launch_template => CreateLaunchTemplateError "InvalidLaunchTemplateName.AlreadyExistsException");
    let many = refuse!(Client::create_launch_template => CreateLaunchTemplateError "VersionLimitExceeded");
    let bad = refuse!(Client::create_launch_template => CreateLaunchTemplateError "InvalidParameterValue");
    let lost = mock!(Client::create_launch_template).sequence().http_status(200, Some("cut".into())).build();
    let script = Script::of([made.clone(), there, many, bad, lost]);
    let (kind, subject) = (script.kind(Kind::LaunchTemplate), subject(Kind::LaunchTemplate));
    let created = kind.create(&subject).await.unwrap();
    assert_eq!((created.locator.0.as_str(), created.progress, made.num_calls()), ("lt-1", Progress::Done, 2));
    assert_eq!(fault_name(kind.create(&subject).await), FaultName::UpdateInProgress);
    assert_eq!(fault_name(kind.create(&subject).await), FaultName::QuotaExceeded);
    assert_eq!(fault_name(kind.create(&subject).await), FaultName::CreateFailed);
    assert!(matches!(kind.create(&subject).await, Err(CallError::Unknown(_))));
}

#[tokio::test]
async fn a_change_is_a_new_version_with_the_tags_of_what_is_started() {
    let put = answer!(Client::create_tags => CreateTagsOutput {});
    let removed = answer!(Client::delete_tags => DeleteTagsOutput {});
    let version = || {
        mock!(Client::create_launch_template_version)
            .match_requests(|request| request.launch_template_id() == Some("lt-1"))
            .then_output(|| CreateLaunchTemplateVersionOutput::builder().build())
    };
    let gone = refuse!(Client::create_launch_template_version => CreateLaunchTemplateVersionError "InvalidLaunchTemplateId.NotFoundException");
    let script = Script::of([
        put,
        removed,
        newest_for("you", true),
        version(),
        newest(false),
        version(),
        newest(false),
        gone,
        newest(true),
    ]);
    let (kind, subject) = (script.kind(Kind::LaunchTemplate), found(Kind::LaunchTemplate, "lt-1"));
    let volumes = [change("volumes", json!({}), json!({"/dev/xvda": 4}))];
    assert_eq!(kind.update(&subject, &[tag_change()]).await, Ok(Progress::Pending));
    assert_eq!(kind.update(&subject, &volumes).await, Ok(Progress::Pending));
    assert_eq!(kind.update(&subject, &volumes).await, Err(CallError::NotFound));
    // The new version is there, and nothing is left to change.
    assert_eq!(kind.update(&subject, &volumes).await, Ok(Progress::Done));
}

#[tokio::test]
async fn a_template_that_is_gone_counts_as_deleted() {
    let deleted = answer!(Client::delete_launch_template => DeleteLaunchTemplateOutput {});
    let gone = refuse!(Client::delete_launch_template => DeleteLaunchTemplateError "InvalidLaunchTemplateId.NotFoundException");
    let script = Script::of([deleted, gone]);
    let (kind, subject) = (script.kind(Kind::LaunchTemplate), found(Kind::LaunchTemplate, "lt-1"));
    assert_eq!(kind.delete(&subject).await, Ok(Progress::Done));
    assert_eq!(kind.delete(&subject).await, Err(CallError::NotFound));
}
