//! Every record that was ever written is read and deleted by the kinds of today.
//!
//! `tests/golden` keeps one record of each form in which a kind was ever written, as `<Kind>.<number>.json`. Those that
//! are there never change; what is written in a new form adds a file (`tests/tests/undo/records.rs` adds it, and fails
//! without).

use std::path::{Path, PathBuf};

use aws_sdk_eks::operation::describe_cluster::DescribeClusterOutput;
use aws_sdk_iam::operation::list_role_policies::ListRolePoliciesOutput;
use aws_sdk_kms::operation::describe_key::DescribeKeyOutput;
use aws_sdk_kms::types::{KeyMetadata, KeyState};
use aws_smithy_mocks::{Rule, mock};
use domain::{Component, Kind, Record};
use engine::Subject;

use crate::support::{Script, identity};

/// An answer to a request where each of these fields has that value.
macro_rules! expects {
    ($sdk:ident, $call:ident, $output:ident, $($field:ident = $value:expr),+) => {{
        let request = ($($value.to_owned(),)+);
        mock!($sdk::Client::$call)
            .match_requests(move |asked| {
                let ($($field,)+) = &request;
                $(asked.$field() == Some($field.as_str()))&&+
            })
            .then_output(|| $sdk::operation::$call::$output::builder().build())
    }};
}

/// The calls that take the thing away, by nothing but what the record says.
fn script(record: &Record) -> Vec<Rule> {
    let id = record.locator.as_ref().unwrap().0.as_str();
    let spec = |field: &str| record.spec[field].as_str().unwrap();
    match record.kind {
        Kind::Role => vec![
            mock!(aws_sdk_iam::Client::list_role_policies)
                .then_output(|| ListRolePoliciesOutput::builder().set_policy_names(Some(Vec::new())).build().unwrap()),
            expects!(aws_sdk_iam, list_attached_role_policies, ListAttachedRolePoliciesOutput, role_name = id),
            expects!(aws_sdk_iam, delete_role, DeleteRoleOutput, role_name = id),
        ],
        Kind::LogGroup => {
            vec![expects!(aws_sdk_cloudwatchlogs, delete_log_group, DeleteLogGroupOutput, log_group_name = id)]
        }
        Kind::KmsKey => vec![
            key_of(spec("alias"), id),
            expects!(aws_sdk_kms, delete_alias, DeleteAliasOutput, alias_name = spec("alias")),
            expects!(aws_sdk_kms, schedule_key_deletion, ScheduleKeyDeletionOutput, key_id = id),
        ],
        Kind::ControlPlane => vec![
            mock!(aws_sdk_eks::Client::describe_cluster).then_output(|| {
                DescribeClusterOutput::builder().cluster(aws_sdk_eks::types::Cluster::builder().build()).build()
            }),
            expects!(aws_sdk_eks, delete_cluster, DeleteClusterOutput, name = id),
        ],
        Kind::OidcProvider => vec![expects!(
            aws_sdk_iam,
            delete_open_id_connect_provider,
            DeleteOpenIdConnectProviderOutput,
            open_id_connect_provider_arn = id
        )],
        Kind::AccessEntry => vec![expects!(
            aws_sdk_eks,
            delete_access_entry,
            DeleteAccessEntryOutput,
            cluster_name = spec("cluster"),
            principal_arn = spec("principal")
        )],
        Kind::LaunchTemplate => {
            vec![expects!(aws_sdk_ec2, delete_launch_template, DeleteLaunchTemplateOutput, launch_template_id = id)]
        }
        Kind::NodeGroup => vec![expects!(
            aws_sdk_eks,
            delete_nodegroup,
            DeleteNodegroupOutput,
            cluster_name = spec("cluster"),
            nodegroup_name = spec("name")
        )],
        Kind::FargateProfile => vec![expects!(
            aws_sdk_eks,
            delete_fargate_profile,
            DeleteFargateProfileOutput,
            cluster_name = spec("cluster"),
            fargate_profile_name = spec("name")
        )],
        Kind::Addon => vec![expects!(
            aws_sdk_eks,
            delete_addon,
            DeleteAddonOutput,
            cluster_name = spec("cluster"),
            addon_name = spec("name")
        )],
        Kind::PodIdentityAssociation => vec![expects!(
            aws_sdk_eks,
            delete_pod_identity_association,
            DeletePodIdentityAssociationOutput,
            cluster_name = spec("cluster"),
            association_id = id
        )],
        Kind::Function => vec![
            expects!(aws_sdk_lambda, get_function, GetFunctionOutput, function_name = id),
            expects!(aws_sdk_lambda, delete_function, DeleteFunctionOutput, function_name = id),
        ],
        other => panic!("{other} is not of the cluster"),
    }
}

fn key_of(alias: &str, id: &str) -> Rule {
    let (alias, id) = (alias.to_owned(), id.to_owned());
    mock!(aws_sdk_kms::Client::describe_key).match_requests(move |asked| asked.key_id() == Some(&alias)).then_output(
        move || {
            let key = KeyMetadata::builder().key_id(&id).key_state(KeyState::Enabled).build().unwrap();
            DescribeKeyOutput::builder().key_metadata(key).build()
        },
    )
}

/// The golden records of a kind.
fn golden(kind: Kind) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    (1..).map(|n| folder.join(format!("{kind}.{n}.json"))).take_while(|path| path.exists()).collect()
}

fn subject(record: &Record) -> Subject {
    Subject {
        identity: identity(),
        target: record.target.clone(),
        id: record.id.clone(),
        generation: record.generation,
        kind: record.kind,
        locator: record.locator.clone(),
        spec: record.spec.clone(),
        token: domain::Token::random(),
        adopted: record.adopted,
        changing_since: None,
        leaving: false,
    }
}

#[tokio::test]
async fn every_golden_record_is_read_and_deleted() {
    for kind in Component::Cluster.kinds() {
        let golden = golden(kind);
        assert!(!golden.is_empty(), "{kind} has no golden record");
        for path in golden {
            let text = std::fs::read_to_string(&path).unwrap();
            let record: Record = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path:?}: {error}"));
            assert_eq!(record.kind, kind, "{path:?}");
            let written = serde_json::to_value(&record).unwrap();
            let stored: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(written, stored, "{path:?} loses a field");
            let script = Script::of(script(&record));
            let deleted = script.kind(kind).delete(&subject(&record)).await;
            assert!(deleted.is_ok(), "{path:?}: {deleted:?}");
        }
    }
}

#[test]
fn no_golden_record_is_left_out() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let read: Vec<PathBuf> = Component::Cluster.kinds().flat_map(golden).collect();
    let there = std::fs::read_dir(folder).unwrap().count();
    assert_eq!(read.len(), there, "a number is missing, or a kind that was shipped is gone");
}
