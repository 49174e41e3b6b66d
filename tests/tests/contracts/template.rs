//! The template: everything in it, nothing open, and the same names as in the machines and the code.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::machine::tasks;
use crate::repository::{functions, machines, strings, substitutions, template};

/// What may stand in the environment of a function. `LANDFALL_INSTALLATION` is on each.
const ENVIRONMENT: &[&str] = &[
    "LANDFALL_ALERT_TOPIC",
    "LANDFALL_BUCKET",
    "LANDFALL_CLUSTER_ROLE",
    "LANDFALL_DEPLOY_MACHINE",
    "LANDFALL_GATE_FUNCTION",
    "LANDFALL_HEALTH_SECONDS",
    "LANDFALL_INSTALLATION",
    "LANDFALL_QUARANTINE_SECONDS",
    "LANDFALL_REDEPLOY_MACHINE",
    "LANDFALL_SETTLING_SECONDS",
    "LANDFALL_STATE_BUCKET",
    "LANDFALL_TABLE",
    "LANDFALL_TEARDOWN_MACHINE",
];

#[test]
fn every_function_stands_in_it_with_its_zip_role_and_log() {
    let template = template();
    let resources = template["Resources"].as_object().unwrap();
    let declared: BTreeSet<_> =
        of_type(resources, "AWS::Serverless::Function").map(|(name, _)| name.to_owned()).collect();
    assert_eq!(declared, functions().iter().map(|name| logical(name, "Function")).collect());
    for name in functions() {
        let properties = &resources[&logical(&name, "Function")]["Properties"];
        assert_eq!(properties["FunctionName"], format!("${{Installation}}-{name}"));
        assert_eq!(properties["CodeUri"], format!("../dist/{name}.zip"));
        assert_eq!(properties["Role"], format!("{}.Arn", logical(&name, "Role")));
        assert_eq!(properties["LoggingConfig"]["LogGroup"], logical(&name, "Logs"));
        let environment = properties["Environment"]["Variables"].as_object().unwrap();
        assert!(environment.contains_key("LANDFALL_INSTALLATION"), "{name}");
        for variable in environment.keys() {
            assert!(ENVIRONMENT.contains(&variable.as_str()), "{name}: {variable}");
        }
    }
}

#[test]
fn every_state_machine_stands_in_it_with_its_role_and_log() {
    let template = template();
    let resources = template["Resources"].as_object().unwrap();
    let declared: BTreeSet<_> =
        of_type(resources, "AWS::Serverless::StateMachine").map(|(name, _)| name.to_owned()).collect();
    assert_eq!(declared, machines().keys().map(|name| logical(name, "Machine")).collect());
    for name in machines().keys() {
        let properties = &resources[&logical(name, "Machine")]["Properties"];
        assert_eq!(properties["Name"], format!("${{Installation}}-{name}"));
        assert_eq!(
            properties["Type"], "STANDARD",
            "an Express machine has no status events and ends after five minutes"
        );
        assert_eq!(properties["DefinitionUri"], format!("../state-machines/{name}.asl.json"));
        assert_eq!(properties["Role"], format!("{}.Arn", logical(name, "MachineRole")));
        assert!(strings(&properties["Logging"]).contains(&format!("{}.Arn", logical(name, "MachineLogs")).as_str()));
    }
}

#[test]
fn machines_and_template_agree_on_every_substitution() {
    let template = template();
    for (name, definition) in machines() {
        let wanted: BTreeSet<_> = strings(&definition).into_iter().flat_map(substitutions).collect();
        let properties = &template["Resources"][logical(&name, "Machine")]["Properties"];
        let given = properties["DefinitionSubstitutions"].as_object().unwrap();
        assert_eq!(wanted, given.keys().map(String::as_str).collect(), "{name}");
        for (key, value) in given {
            let value = value.as_str().unwrap();
            assert_eq!(value.trim_end_matches(".Arn"), key, "{name}");
            assert_eq!(value.ends_with(".Arn"), key.ends_with("Function"), "{name}: {key}");
        }
    }
}

#[test]
fn a_function_ends_before_its_task_and_before_the_quarantine() {
    let template = template();
    let timeout = template["Globals"]["Function"]["Timeout"].as_u64().unwrap();
    for (name, function) in of_type(template["Resources"].as_object().unwrap(), "AWS::Serverless::Function") {
        assert!(function["Properties"]["Timeout"].is_null(), "{name} has a timeout of its own");
    }
    for (machine, definition) in machines() {
        for task in tasks(&machine, &definition).iter().filter(|task| task.function().is_some()) {
            assert!(timeout < task.timeout(), "{} ends before its function", task.place);
        }
    }
    assert!(Some(timeout) < template["Parameters"]["QuarantineSeconds"]["MinValue"].as_u64());
}

#[test]
fn every_role_has_the_path_of_the_installation_and_its_boundary() {
    let template = template();
    let resources = template["Resources"].as_object().unwrap();
    for (name, role) in of_type(resources, "AWS::IAM::Role") {
        assert_eq!(role["Properties"]["Path"], "/landfall/${Installation}/", "{name}");
        assert_eq!(role["Properties"]["PermissionsBoundary"][0], "IsBounded", "{name}");
        assert!(role["Properties"]["ManagedPolicyArns"].is_null(), "{name} has policies that are not ours");
        let users =
            resources.values().flat_map(strings).filter(|text| *text == format!("{name}.Arn")).collect::<BTreeSet<_>>();
        assert_eq!(users.len(), 1, "{name} is of no use");
    }
}

#[test]
fn buckets_are_versioned_encrypted_private_and_stay() {
    let template = template();
    let resources = template["Resources"].as_object().unwrap();
    for (name, bucket) in of_type(resources, "AWS::S3::Bucket") {
        let properties = &bucket["Properties"];
        assert_eq!(bucket["DeletionPolicy"], "Retain", "{name}");
        assert_eq!(properties["VersioningConfiguration"]["Status"], "Enabled", "{name}");
        assert!(strings(&properties["BucketEncryption"]).contains(&"AES256"), "{name}");
        let block = properties["PublicAccessBlockConfiguration"].as_object().unwrap();
        assert!(block.len() == 4 && block.values().all(|value| value == true), "{name}");
        let policy =
            of_type(resources, "AWS::S3::BucketPolicy").find(|(_, policy)| policy["Properties"]["Bucket"] == name);
        assert!(denies_plain_http(&policy.unwrap().1["Properties"]["PolicyDocument"]), "{name}");
    }
}

#[test]
fn the_ledger_cannot_be_lost() {
    let table = &template()["Resources"]["Table"];
    let properties = &table["Properties"];
    assert_eq!(table["DeletionPolicy"], "Retain");
    assert_eq!(properties["BillingMode"], "PAY_PER_REQUEST");
    assert_eq!(properties["DeletionProtectionEnabled"], true);
    assert_eq!(properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"], true);
    assert_eq!(properties["TimeToLiveSpecification"]["AttributeName"], "expires");
    assert_eq!(properties["GlobalSecondaryIndexes"][0]["IndexName"], "open");
}

#[test]
fn no_event_and_no_log_is_lost_or_kept_for_ever() {
    let template = template();
    let resources = template["Resources"].as_object().unwrap();
    for (name, rule) in of_type(resources, "AWS::Events::Rule") {
        for target in rule["Properties"]["Targets"].as_array().unwrap() {
            assert_eq!(target["DeadLetterConfig"]["Arn"], "DeadLetters.Arn", "{name}");
        }
    }
    for (_, permission) in of_type(resources, "AWS::Lambda::Permission") {
        let function = permission["Properties"]["FunctionName"].as_str().unwrap();
        let failed = &resources[function]["Properties"]["EventInvokeConfig"]["DestinationConfig"]["OnFailure"];
        assert_eq!(failed["Destination"], "DeadLetters.Arn", "{function}");
    }
    for (name, group) in of_type(resources, "AWS::Logs::LogGroup") {
        assert!(group["Properties"]["RetentionInDays"].as_u64() > Some(0), "{name}");
    }
}

#[test]
fn outputs_are_what_the_command_line_looks_for() {
    let outputs = template()["Outputs"].as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    let wanted = [
        "AlertTopic",
        "Bucket",
        "ClusterRole",
        "DeployMachine",
        "GateFunction",
        "Installation",
        "RedeployMachine",
        "StateBucket",
        "Table",
        "TeardownFunction",
        "TeardownMachine",
    ];
    assert_eq!(outputs, wanted.map(str::to_owned).into());
}

/// The resources of one type, by logical id.
pub(crate) fn of_type<'a>(resources: &'a Map<String, Value>, kind: &str) -> impl Iterator<Item = (&'a str, &'a Value)> {
    resources
        .iter()
        .filter(move |(_, resource)| resource["Type"] == kind)
        .map(|(name, resource)| (name.as_str(), resource))
}

/// The logical id of something that belongs to a function or a machine: `network`, `Role` → `NetworkRole`.
pub(crate) fn logical(name: &str, suffix: &str) -> String {
    let (first, rest) = name.split_at(1);
    format!("{}{rest}{suffix}", first.to_uppercase())
}

fn denies_plain_http(policy: &Value) -> bool {
    policy["Statement"].as_array().unwrap().iter().any(|statement| {
        statement["Effect"] == "Deny"
            && statement["Principal"] == "*"
            && statement["Condition"]["Bool"]["aws:SecureTransport"] == "false"
    })
}
