//! Finds the installation and holds the clients that speak with it.
//!
//! `--installation NAME` names a CloudFormation stack. Without it the environment counts, in the names that the
//! functions use too; without that the stack `landfall`.

use std::collections::BTreeMap;

use aws_config::SdkConfig;
use ledger::Ledger;

use crate::arguments::Connection;
use crate::failure::Failure;
use crate::sdk;

/// The name of an installation that nobody named.
const DEFAULT_NAME: &str = "landfall";

/// One deployed Landfall.
pub struct Installation {
    /// Its name, which stands in the names of what it makes.
    pub name: String,
    /// The bucket of the manifests.
    pub bucket: String,
    /// The bucket of plans and reports.
    pub state_bucket: String,
    /// The ARN of the machine that deploys.
    pub deploy_machine: String,
    /// The ARN of the machine that takes away.
    pub teardown_machine: String,
    /// The name of the function that looks for orphans.
    pub teardown_function: String,
    /// The ARN of the role by which Landfall speaks to clusters.
    pub cluster_role: String,
    /// The name of the function of which every platform's gate is a copy.
    pub gate_function: String,
    /// What is known of the platforms.
    pub ledger: Ledger,
    /// S3.
    pub s3: aws_sdk_s3::Client,
    /// Step Functions.
    pub step_functions: aws_sdk_sfn::Client,
    /// For the clients that only one command needs.
    pub configuration: SdkConfig,
}

/// What one has to know of an installation: an environment variable, and an output of the stack.
const SETTINGS: [(&str, &str); 8] = [
    ("LANDFALL_BUCKET", "Bucket"),
    ("LANDFALL_STATE_BUCKET", "StateBucket"),
    ("LANDFALL_TABLE", "Table"),
    ("LANDFALL_DEPLOY_MACHINE", "DeployMachine"),
    ("LANDFALL_TEARDOWN_MACHINE", "TeardownMachine"),
    ("LANDFALL_TEARDOWN_FUNCTION", "TeardownFunction"),
    ("LANDFALL_CLUSTER_ROLE", "ClusterRole"),
    ("LANDFALL_GATE_FUNCTION", "GateFunction"),
];

/// The name, and a value for each of [`SETTINGS`].
type Found = (String, [String; 8]);

impl Installation {
    /// Finds it.
    pub async fn find(connection: &Connection) -> Result<Self, Failure> {
        let configuration = sdk::configuration(connection).await;
        let Some(region) = configuration.region().map(ToString::to_string) else {
            return Err(Failure::new("No region is configured")
                .hint("Name the region of the installation with `--region`, or set `AWS_REGION`"));
        };
        sdk::credentials(&configuration).await?;
        let environment = |variable: &str| std::env::var(variable).ok().filter(|value| !value.is_empty());
        let found = match &connection.installation {
            Some(stack) => of_stack(&configuration, stack, &region).await?,
            None => match of_environment(environment)? {
                Some(found) => found,
                None => of_stack(&configuration, &name_in(environment), &region).await?,
            },
        };
        Ok(Self::connect(configuration, found))
    }

    fn connect(configuration: SdkConfig, (name, settings): Found) -> Self {
        let [
            bucket,
            state_bucket,
            table,
            deploy_machine,
            teardown_machine,
            teardown_function,
            cluster_role,
            gate_function,
        ] = settings;
        // What stands behind an endpoint of one's own rarely has a host name for each bucket.
        let s3 = aws_sdk_s3::config::Builder::from(&configuration)
            .force_path_style(configuration.endpoint_url().is_some())
            .build();
        let dynamo = aws_sdk_dynamodb::Client::new(&configuration);
        Self {
            name,
            bucket,
            state_bucket,
            deploy_machine,
            teardown_machine,
            teardown_function,
            cluster_role,
            gate_function,
            ledger: Ledger::dynamo(dynamo, table),
            s3: aws_sdk_s3::Client::from_conf(s3),
            step_functions: aws_sdk_sfn::Client::new(&configuration),
            configuration,
        }
    }

    /// The account of the installation, from the ARN of a machine.
    pub fn account(&self) -> &str {
        self.deploy_machine.split(':').nth(4).unwrap_or_default()
    }
}

fn name_in(variable: impl Fn(&str) -> Option<String>) -> String {
    variable("LANDFALL_INSTALLATION").unwrap_or_else(|| DEFAULT_NAME.to_owned())
}

/// All settings from the environment, or none if none is there.
fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Found>, Failure> {
    let found = SETTINGS.map(|(name, _)| variable(name));
    if found.iter().all(Option::is_none) {
        return Ok(None);
    }
    let settings = complete(found, "The environment does not name the whole installation", |(name, _)| name)
        .map_err(|failure| failure.hint("Set them all, or none of them and use `--installation`"))?;
    Ok(Some((name_in(variable), settings)))
}

async fn of_stack(configuration: &SdkConfig, stack: &str, region: &str) -> Result<Found, Failure> {
    let client = aws_sdk_cloudformation::Client::new(configuration);
    let answer = client.describe_stacks().stack_name(stack).send().await.map_err(|error| {
        let failure = sdk::failure(format!("The installation `{stack}` was not found in {region}"), &error);
        if failure.hints.is_empty() {
            failure.hint(
                "Name its stack with `--installation` and its region with `--region`, or install it: see the README",
            )
        } else {
            failure
        }
    })?;
    let outputs: BTreeMap<&str, &str> = answer
        .stacks()
        .iter()
        .flat_map(|stack| stack.outputs())
        .filter_map(|output| Some((output.output_key()?, output.output_value()?)))
        .collect();
    let output = |key: &str| outputs.get(key).map(|value| (*value).to_owned());
    let message = format!("The stack `{stack}` is no Landfall, or an older one");
    let settings = complete(SETTINGS.map(|(_, key)| output(key)), &message, |(_, key)| key)?;
    Ok((output("Installation").unwrap_or_else(|| stack.to_owned()), settings))
}

fn complete(
    found: [Option<String>; 8],
    message: &str,
    name: fn((&'static str, &'static str)) -> &'static str,
) -> Result<[String; 8], Failure> {
    let missing: Vec<&str> =
        SETTINGS.iter().zip(&found).filter(|(_, value)| value.is_none()).map(|(setting, _)| name(*setting)).collect();
    if missing.is_empty() {
        Ok(found.map(Option::unwrap_or_default))
    } else {
        Err(Failure::new(format!("{message}: missing {}", missing.join(", "))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_names_all_or_nothing() {
        assert_eq!(of_environment(|_| None), Ok(None));
        let only_its_name = |name: &str| (name == "LANDFALL_INSTALLATION").then(|| "mine".to_owned());
        assert_eq!(of_environment(only_its_name), Ok(None));
        let (name, settings) = of_environment(|name| Some(name.to_lowercase())).unwrap().unwrap();
        assert_eq!((name.as_str(), settings[2].as_str()), ("landfall_installation", "landfall_table"));
        let failure = of_environment(|name| (name != "LANDFALL_TABLE").then(String::new)).unwrap_err();
        assert_eq!(failure.message, "The environment does not name the whole installation: missing LANDFALL_TABLE");
    }
}
