//! What AWS answered, as a failure that a person can act on.

use std::error::Error;

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};

use crate::arguments::Connection;
use crate::failure::Failure;

/// `message`, and below it what AWS said: code and text of a service's answer, or why none came.
pub fn failure<E, R>(message: impl Into<String>, error: &SdkError<E, R>) -> Failure
where
    E: ProvideErrorMetadata + Error + 'static,
    R: std::fmt::Debug + 'static,
{
    let mut failure = Failure::new(message);
    if let SdkError::ServiceError(answer) = error {
        let code = answer.err().code().unwrap_or("no code");
        failure.causes.push(format!("{code}: {}", answer.err().message().unwrap_or("no message")));
        return match code {
            "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" => {
                failure.hint("Give these credentials the permission, or choose others with `--profile`")
            }
            "ExpiredToken" | "ExpiredTokenException" | "InvalidClientTokenId" | "UnrecognizedClientException" => {
                failure.hint("Log in again, for example with `aws sso login`")
            }
            _ => failure,
        };
    }
    failure.caused_by(error).hint("Check the network, and the region")
}

/// The credentials; fails if there are none, before anything else fails of that.
pub async fn credentials(configuration: &SdkConfig) -> Result<Credentials, Failure> {
    let missing = || {
        Failure::new("No AWS credentials were found")
            .hint("Choose a profile with `--profile`, or log in, for example with `aws sso login`")
    };
    let provider = configuration.credentials_provider().ok_or_else(missing)?;
    match provider.provide_credentials().await {
        Ok(found) => Ok(found),
        // Nothing is configured: the list of what was tried helps nobody.
        Err(CredentialsError::CredentialsNotLoaded(_)) => Err(missing()),
        Err(error) => Err(missing().caused_by(&error)),
    }
}

/// The ARN of whoever these credentials belong to.
pub async fn caller(configuration: &SdkConfig) -> Result<String, Failure> {
    let answer = aws_sdk_sts::Client::new(configuration).get_caller_identity().send().await;
    let answer = answer.map_err(|error| self::failure("AWS did not say whose credentials these are", &error))?;
    Ok(answer.arn.unwrap_or_default())
}

/// The configuration of the AWS SDK. A profile that is named on the command line wins over credentials in the
/// environment, as it does in the AWS CLI.
pub async fn configuration(connection: &Connection) -> SdkConfig {
    let mut loader = aws_config::defaults(aws_config::BehaviorVersion::latest());
    if let Some(profile) = &connection.profile {
        let credentials = aws_config::profile::ProfileFileCredentialsProvider::builder().profile_name(profile).build();
        loader = loader.profile_name(profile).credentials_provider(credentials);
    }
    if let Some(region) = &connection.region {
        loader = loader.region(aws_config::Region::new(region.clone()));
    }
    loader.load().await
}
