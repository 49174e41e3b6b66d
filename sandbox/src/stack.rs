//! The installation: the SAM template made plain, its functions uploaded, its stack created.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_cloudformation::types::{Capability, OnFailure, Parameter, StackStatus};
use aws_sdk_s3::primitives::ByteStream;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::functions::workspace;
use crate::program::tail;
use crate::{Error, REGION};

const ARTIFACTS: &str = "landfall-artifacts";
const STACK: &str = "landfall";
const TEMPLATE: &str = "template.json";

/// Creates the installation and answers its outputs.
pub(crate) async fn create(
    config: &SdkConfig,
    python: &Path,
    zips: &[(String, PathBuf)],
    scale: f64,
    dir: &Path,
) -> Result<BTreeMap<String, String>, Error> {
    let parameters = parameters(scale);
    let template = plain(python, &parameters).await?;
    let path = dir.join("template.json");
    std::fs::write(&path, &template).map_err(Error::file(&path))?;
    upload(
        config,
        zips.iter().map(|(name, path)| (format!("{name}.zip"), path.clone())).chain([(TEMPLATE.to_owned(), path)]),
    )
    .await?;
    let client = aws_sdk_cloudformation::Client::new(config);
    client
        .create_stack()
        .stack_name(STACK)
        // Too long for the request, as on AWS: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
        .template_url(format!("https://s3.{REGION}.amazonaws.com/{ARTIFACTS}/{TEMPLATE}"))
        .capabilities(Capability::CapabilityNamedIam)
        .capabilities(Capability::CapabilityIam)
        .on_failure(OnFailure::DoNothing)
        .set_parameters(Some(
            parameters
                .iter()
                .map(|(name, value)| Parameter::builder().parameter_key(name).parameter_value(value).build())
                .collect(),
        ))
        .send()
        .await
        .map_err(Error::aws("CreateStack"))?;
    wait(&client).await
}

// The functions take as long as they take, and only waiting is scaled: what the installation waits for is as in
// production, except what stands for AWS's own lag: of the 30 s of settling, 12 are what a call may take.
fn parameters(scale: f64) -> BTreeMap<String, String> {
    let settling = (12.0 + 18.0 * scale).ceil();
    [
        ("Installation", "landfall".to_owned()),
        ("SettlingSeconds", settling.to_string()),
        ("QuarantineSeconds", "90".to_owned()),
        // What is ready in Kubernetes, is at once.
        ("HealthSeconds", "30".to_owned()),
        ("FleetSchedule", "rate(1 minute)".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

async fn upload(config: &SdkConfig, files: impl Iterator<Item = (String, PathBuf)>) -> Result<(), Error> {
    let settings = aws_sdk_s3::config::Builder::from(config).force_path_style(true).build();
    let client = aws_sdk_s3::Client::from_conf(settings);
    let place = aws_sdk_s3::types::CreateBucketConfiguration::builder().location_constraint(REGION.into()).build();
    client
        .create_bucket()
        .bucket(ARTIFACTS)
        .create_bucket_configuration(place)
        .send()
        .await
        .map_err(Error::aws("CreateBucket"))?;
    futures::future::try_join_all(files.map(async |(key, path)| {
        let body = ByteStream::from_path(path).await.map_err(Error::aws("reading an artifact"))?;
        client.put_object().bucket(ARTIFACTS).key(key).body(body).send().await.map_err(Error::aws("PutObject"))
    }))
    .await?;
    Ok(())
}

async fn plain(python: &Path, parameters: &BTreeMap<String, String>) -> Result<String, Error> {
    let failed = |source| Error::Start { program: python.display().to_string(), source };
    let mut process = Command::new(python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("python/transform.py"))
        .arg(workspace().join("sam/template.yaml"))
        .args([ARTIFACTS, REGION])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    if let Some(mut input) = process.stdin.take() {
        let text = serde_json::json!(parameters).to_string();
        input.write_all(text.as_bytes()).await.map_err(failed)?;
    }
    let output = process.wait_with_output().await.map_err(failed)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Error::Program { program: "the SAM translator".into(), output: tail(&said, 30) });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

async fn wait(client: &aws_sdk_cloudformation::Client) -> Result<BTreeMap<String, String>, Error> {
    loop {
        let answer = client.describe_stacks().stack_name(STACK).send().await.map_err(Error::aws("DescribeStacks"))?;
        let Some(stack) = answer.stacks().first() else { return Err(Error::Stack("it is gone".into())) };
        match stack.stack_status() {
            Some(StackStatus::CreateComplete) => {
                let pair = |output: &aws_sdk_cloudformation::types::Output| {
                    Some((output.output_key()?.to_owned(), output.output_value()?.to_owned()))
                };
                return Ok(stack.outputs().iter().filter_map(pair).collect());
            }
            Some(StackStatus::CreateInProgress) => tokio::time::sleep(Duration::from_millis(200)).await,
            _ => return Err(Error::Stack(reasons(client).await)),
        }
    }
}

async fn reasons(client: &aws_sdk_cloudformation::Client) -> String {
    let answer = client.describe_stack_events().stack_name(STACK).send().await;
    let events = answer.map(|answer| answer.stack_events.unwrap_or_default()).unwrap_or_default();
    let failed =
        events.iter().filter(|event| event.resource_status().is_some_and(|status| status.as_str().ends_with("FAILED")));
    let lines: Vec<String> = failed
        .map(|event| {
            format!(
                "{} ({}): {}",
                event.logical_resource_id().unwrap_or_default(),
                event.resource_type().unwrap_or_default(),
                event.resource_status_reason().unwrap_or_default()
            )
        })
        .collect();
    if lines.is_empty() { "no resource says why".into() } else { lines.join("\n") }
}
