//! A Lambda function in the platform's VPC: a copy of one of the installation's.

use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;
use aws_sdk_ec2::types::{Filter, NetworkInterface};
use aws_sdk_lambda::Client;
use aws_sdk_lambda::config::{Builder, Config};
use aws_sdk_lambda::error::ProvideErrorMetadata;
use aws_sdk_lambda::operation::get_function::GetFunctionOutput;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{
    Architecture, Environment, EnvironmentResponse, FunctionCode, FunctionConfiguration, LastUpdateStatus, Layer,
    LogFormat, LoggingConfig, Runtime, State, VpcConfig,
};
use domain::{Fault, FaultName, Locator, Outputs, Tags};
use engine::{Actual, CallError, Created, Observed, Progress, Resource, Subject};
use jiff::{SignedDuration, Timestamp};
use plan::cluster::FunctionSpec;
use plan::{FieldChange, Ref};
use resources::seen::{Phase, Seen, changed, in_order_of, is_subject, observed, outputs, texts};
use serde_json::{Value, json};

use crate::eks;

/// What every program of ours is packaged as.
const HANDLER: &str = "bootstrap";

/// For how long Lambda may not yet know a new role.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency>
const ROLE_IS_NEW: SignedDuration = SignedDuration::from_mins(2);

/// [`domain::Kind::Function`]. Its locator is its name.
///
/// Idempotent because a region has a function's name once; one without our tags is foreign. Leaves behind on failure a
/// function in the state `Failed`, which can be deleted. Lambda changes one thing at a time: an update asks for the code
/// first, and is asked again for the rest. It is gone only when its network interfaces are: Lambda releases them up to 20
/// minutes later, in the name of its role, and until then they hold its subnets and groups.
///
/// Permissions: `lambda:CreateFunction`, `lambda:TagResource`, `lambda:UntagResource`, `lambda:GetFunction`,
/// `lambda:ListTags`, `lambda:UpdateFunctionCode`, `lambda:UpdateFunctionConfiguration`, `lambda:DeleteFunction`, `iam:PassRole`,
/// `iam:GetRole`, and `lambda:GetFunction` on what it is a copy of; for its interfaces `ec2:DescribeNetworkInterfaces`, and to stand
/// in a VPC `ec2:DescribeSecurityGroups`, `ec2:DescribeSubnets`, `ec2:DescribeVpcs`.
/// <https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html>,
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html>
pub(crate) struct Function {
    /// AWS Lambda.
    pub(crate) lambda: Client,
    /// Amazon EC2, for what Lambda leaves behind in the VPC.
    pub(crate) ec2: aws_sdk_ec2::Client,
    /// IAM, for the age of a role.
    pub(crate) iam: aws_sdk_iam::Client,
    /// The name of the function that it is a copy of.
    pub(crate) source: String,
}

#[async_trait]
impl Resource for Function {
    async fn observe(&self, subject: &Subject) -> Result<Observed, CallError> {
        let spec: FunctionSpec = subject.spec()?;
        let Some(found) = self.find(&spec.name).await? else {
            let is_left = subject.leaving && !self.interfaces(&spec).await?.is_empty();
            return Ok(if is_left { Observed::Present(nothing_but_interfaces(spec.name)) } else { Observed::Absent });
        };
        let tags = tags(&found)?;
        if !is_subject(subject, &tags) {
            return Ok(Observed::Foreign(Locator(spec.name)));
        }
        let Some(configuration) = found.configuration() else { return Ok(Observed::Absent) };
        let mut properties = self.shown(&spec, configuration).await?;
        properties["tags"] = json!(aws::shown_tags(&spec.tags, &tags));
        let (phase, outputs) = (phase(configuration), known(&spec.name, configuration.function_arn()));
        Ok(observed(subject, vec![Seen { id: spec.name, phase, tags, properties, outputs }]))
    }

    async fn create(&self, subject: &Subject) -> Result<Created, CallError> {
        let spec: FunctionSpec = subject.spec()?;
        let call = self
            .lambda
            .create_function()
            .function_name(&spec.name)
            .description(&spec.description)
            .role(spec.role.as_str())
            .runtime(Runtime::Providedal2023)
            .handler(HANDLER)
            .architectures(Architecture::Arm64)
            .code(FunctionCode::builder().zip_file(self.code().await?).build())
            .set_layers(Some(spec.layers.clone()))
            .environment(environment(&spec))
            .memory_size(count(spec.memory))
            .timeout(count(spec.timeout))
            .logging_config(logging(&spec))
            .vpc_config(network(&spec))
            .set_tags(Some(pairs(subject.create_tags(&spec.tags))));
        let answer = call.customize().config_override(once()).send().await;
        let refused_for = |code| answer.as_ref().is_err_and(|error| error.code() == Some(code));
        // Lambda says so of a role that it cannot take on, and of much else.
        if refused_for("InvalidParameterValueException") && self.is_role_new(spec.role.as_str()).await? {
            let message = "the function's role is new, and Lambda may not know it yet";
            return Err(CallError::Fault(Fault::new(FaultName::UpdateInProgress, message)));
        }
        let answer = answer.map_err(aws::creating("lambda:CreateFunction"))?;
        let outputs = known(&spec.name, answer.function_arn());
        Ok(Created { locator: Locator(spec.name), outputs, progress: Progress::Pending })
    }

    async fn update(&self, subject: &Subject, changes: &[FieldChange]) -> Result<Progress, CallError> {
        let spec: FunctionSpec = subject.spec()?;
        let Some(found) = self.find(&spec.name).await? else { return Err(CallError::NotFound) };
        let Some(configuration) = found.configuration() else { return Err(CallError::NotFound) };
        none_failed(subject, configuration)?;
        self.retag(configuration.function_arn().unwrap_or_default(), changes).await?;
        let changes = &eks::left(changes, &self.shown(&spec, configuration).await?);
        if changed(changes, "code") {
            let call = self.lambda.update_function_code().function_name(&spec.name);
            let call = call.architectures(Architecture::Arm64).zip_file(self.code().await?);
            call.send().await.map_err(aws::changing("lambda:UpdateFunctionCode"))?;
            return Ok(Progress::Pending);
        }
        if changes.iter().all(|change| change.field == "tags") {
            return Ok(Progress::Done);
        }
        let call = self
            .lambda
            .update_function_configuration()
            .function_name(&spec.name)
            .description(&spec.description)
            .role(spec.role.as_str())
            .set_layers(Some(spec.layers.clone()))
            .environment(environment(&spec))
            .memory_size(count(spec.memory))
            .timeout(count(spec.timeout))
            .logging_config(logging(&spec))
            .vpc_config(network(&spec));
        call.send().await.map_err(aws::changing("lambda:UpdateFunctionConfiguration"))?;
        Ok(Progress::Pending)
    }

    /// What is gone has no tags by which it may be deleted: so it is looked for first.
    async fn delete(&self, subject: &Subject) -> Result<Progress, CallError> {
        let name = subject.locator()?;
        if self.find(name).await?.is_some() {
            let call = self.lambda.delete_function().function_name(name);
            call.send().await.map_err(aws::deleting("lambda:DeleteFunction"))?;
            return Ok(Progress::Pending);
        }
        let interfaces = self.interfaces(&subject.spec()?).await?;
        if interfaces.is_empty() {
            return Err(CallError::NotFound);
        }
        let message = format!("Lambda has not released {} yet, which takes up to 20 minutes", interfaces.join(", "));
        Err(CallError::Fault(Fault::new(FaultName::DependencyStillThere, message)))
    }
}

impl Function {
    async fn find(&self, name: &str) -> Result<Option<GetFunctionOutput>, CallError> {
        let call = self.lambda.get_function().function_name(name);
        match call.send().await.map_err(aws::reading("lambda:GetFunction")) {
            Ok(answer) => Ok(Some(answer)),
            Err(CallError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What it is a copy of.
    async fn source(&self) -> Result<GetFunctionOutput, CallError> {
        let found = self.find(&self.source).await?;
        found.ok_or_else(|| {
            let message = format!("the installation has no function {} of which this could be a copy", self.source);
            let fault = Fault::new(FaultName::CreateFailed, message);
            CallError::Fault(fault.next("bring the installation up to this version of Landfall"))
        })
    }

    /// The package of the installation's function, from where Lambda says that it is.
    async fn code(&self) -> Result<Blob, CallError> {
        let source = self.source().await?;
        let place = source.code().and_then(|code| code.location()).unwrap_or_default();
        let client = aws::https().timeout(aws::ATTEMPT_TIMEOUT).build().map_err(|error| undelivered(&error))?;
        let answer = client.get(place).send().await.and_then(reqwest::Response::error_for_status);
        let package = answer.map_err(|error| undelivered(&error))?.bytes().await;
        Ok(Blob::new(package.map_err(|error| undelivered(&error))?))
    }

    /// What Lambda shows of the spec, but for the tags. Code that is not as planned is as good if the installation has it
    /// by now: no other can be had.
    async fn shown(&self, spec: &FunctionSpec, configuration: &FunctionConfiguration) -> Result<Value, CallError> {
        let mut code = configuration.code_sha256().unwrap_or_default().to_owned();
        if code != spec.code {
            let source = self.source().await?;
            if source.configuration().and_then(|source| source.code_sha256()) == Some(&code) {
                code.clone_from(&spec.code);
            }
        }
        let network = configuration.vpc_config();
        let listed = |spec: &[Ref], listed: Option<&[String]>| {
            in_order_of(spec, &listed.unwrap_or_default().iter().cloned().collect::<BTreeSet<_>>())
        };
        Ok(json!({
            "name": configuration.function_name(),
            "description": configuration.description().unwrap_or_default(),
            "role": configuration.role(),
            "logGroup": configuration.logging_config().and_then(|logging| logging.log_group()),
            "subnets": listed(&spec.subnets, network.map(|network| network.subnet_ids())),
            "securityGroups": listed(&spec.security_groups, network.map(|network| network.security_group_ids())),
            "code": code,
            "layers": configuration.layers().iter().filter_map(Layer::arn).collect::<Vec<_>>(),
            "environment": configuration.environment().and_then(EnvironmentResponse::variables).cloned().unwrap_or_default(),
            "memory": configuration.memory_size(),
            "timeout": configuration.timeout(),
        }))
    }

    async fn is_role_new(&self, arn: &str) -> Result<bool, CallError> {
        let name = arn.rsplit('/').next().unwrap_or_default();
        let answer = self.iam.get_role().role_name(name).send().await.map_err(aws::reading("iam:GetRole"))?;
        let made = answer.role().and_then(|role| Timestamp::from_second(role.create_date().secs()).ok());
        Ok(made.is_some_and(|made| made + ROLE_IS_NEW > Timestamp::now()))
    }

    /// <https://docs.aws.amazon.com/lambda/latest/api/API_TagResource.html>
    async fn retag(&self, arn: &str, changes: &[FieldChange]) -> Result<(), CallError> {
        let Some(change) = resources::tag_change(changes) else { return Ok(()) };
        if !change.put.is_empty() {
            let call = self.lambda.tag_resource().resource(arn).set_tags(Some(pairs(change.put)));
            call.send().await.map_err(aws::changing("lambda:TagResource"))?;
        }
        if !change.remove.is_empty() {
            let call = self.lambda.untag_resource().resource(arn).set_tag_keys(Some(change.remove));
            call.send().await.map_err(aws::changing("lambda:UntagResource"))?;
        }
        Ok(())
    }

    /// The ids of the interfaces in its groups, which nobody else has. Not by their type or description: functions with the same
    /// subnets and groups share interfaces, and one that Lambda has detached is no longer of its type, but still to be deleted by
    /// it, in the name of the function's role.
    async fn interfaces(&self, spec: &FunctionSpec) -> Result<Vec<String>, CallError> {
        let groups = Some(texts(&spec.security_groups).into_iter().collect());
        let in_groups = Filter::builder().name("group-id").set_values(groups).build();
        let call = self.ec2.describe_network_interfaces().filters(in_groups);
        let listed: Result<Vec<NetworkInterface>, _> = call.into_paginator().items().send().collect().await;
        let listed = listed.map_err(aws::reading("ec2:DescribeNetworkInterfaces"))?;
        Ok(listed.into_iter().filter_map(|one| one.network_interface_id).collect())
    }
}

/// No retries by the SDK: the create takes no client token.
fn once() -> Builder {
    Config::builder().retry_config(aws::once())
}

/// Lambda leaves them out for who may not list them, who would then take it for somebody else's.
fn tags(found: &GetFunctionOutput) -> Result<Tags, CallError> {
    if let Some(error) = found.tags_error() {
        let message = format!("AWS denied lambda:ListTags ({}): {}", error.error_code(), error.message());
        let next = "allow lambda:ListTags to the function's role, then retry";
        return Err(CallError::Fault(Fault::new(FaultName::AccessDenied, message).next(next)));
    }
    Ok(eks::tags(found.tags()))
}

fn phase(configuration: &FunctionConfiguration) -> Phase {
    match (configuration.state(), configuration.last_update_status()) {
        (Some(State::Failed), _) => {
            let code = configuration.state_reason_code().map_or("no code", |code| code.as_str());
            Phase::Failed(format!("{code}: {}", configuration.state_reason().unwrap_or("Lambda gave no reason")))
        }
        (Some(State::Active), Some(LastUpdateStatus::InProgress)) => Phase::Working,
        // One that is inactive was not called for long; the next call brings it back.
        (Some(State::Active | State::Inactive), _) => Phase::Resting,
        _ => Phase::Working,
    }
}

/// Fails if an update ended as failed since this phase began to change it: the same again would end the same way.
fn none_failed(subject: &Subject, configuration: &FunctionConfiguration) -> Result<(), CallError> {
    let modified = configuration.last_modified().and_then(|at| Timestamp::strptime("%Y-%m-%dT%H:%M:%S%.f%z", at).ok());
    // In whole seconds, as some of its clocks tell them.
    let of_this_phase = matches!((subject.changing_since, modified),
        (Some(since), Some(modified)) if since.as_second() <= modified.as_second());
    if configuration.last_update_status() != Some(&LastUpdateStatus::Failed) || !of_this_phase {
        return Ok(());
    }
    let code = configuration.last_update_status_reason_code().map_or("no code", |code| code.as_str());
    let reason = configuration.last_update_status_reason().unwrap_or("Lambda gave no reason");
    Err(CallError::Fault(Fault::new(FaultName::UpdateFailed, format!("its update ended as failed: {code}: {reason}"))))
}

/// Of a function that is gone, only its name is known.
fn nothing_but_interfaces(name: String) -> Actual {
    Actual { locator: Locator(name), properties: json!({}), outputs: Outputs::new() }
}

fn known(name: &str, arn: Option<&str>) -> Outputs {
    outputs([("arn", arn.unwrap_or_default()), ("name", name)])
}

fn logging(spec: &FunctionSpec) -> LoggingConfig {
    LoggingConfig::builder().log_format(LogFormat::Json).log_group(spec.log_group.as_str()).build()
}

fn environment(spec: &FunctionSpec) -> Environment {
    Environment::builder().set_variables(Some(spec.environment.clone().into_iter().collect())).build()
}

fn network(spec: &FunctionSpec) -> VpcConfig {
    let all = |listed: &[Ref]| Some(listed.iter().map(|one| one.as_str().to_owned()).collect());
    VpcConfig::builder().set_subnet_ids(all(&spec.subnets)).set_security_group_ids(all(&spec.security_groups)).build()
}

fn pairs(tags: Tags) -> HashMap<String, String> {
    tags.into_iter().collect()
}

fn count(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// Not with the URL: it is signed.
fn undelivered(error: &reqwest::Error) -> CallError {
    let what = if error.is_timeout() { "no answer in time" } else { "no package came" };
    let status = error.status().map(|status| format!(" (status {})", status.as_u16())).unwrap_or_default();
    CallError::Fault(Fault::new(FaultName::ServiceUnavailable, format!("the code of the gate: {what}{status}")))
}
