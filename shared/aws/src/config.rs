//! One SDK configuration for all: every call ends in time, and retries are the standard ones.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, ConfigLoader, SdkConfig};
use domain::Region;

/// How long one attempt of one call may take.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(8);

/// How long one call may take with all its retries. Less than what the engine allows for one step.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(11);

/// The configuration from the environment: credentials, region and endpoints as the SDK finds them.
pub async fn config() -> SdkConfig {
    bounded().load().await
}

/// The same, in a region of our choice.
pub async fn config_in(region: &Region) -> SdkConfig {
    bounded().region(aws_config::Region::new(region.as_str().to_owned())).load().await
}

/// No retries by the SDK: for creates that take no client token. A second attempt there could make a second thing, so
/// only the engine decides on one, after it looked. Use it in a call's `config_override`.
pub fn once() -> RetryConfig {
    RetryConfig::disabled()
}

fn bounded() -> ConfigLoader {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(3))
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(CALL_TIMEOUT)
        .build();
    let loader = aws_config::defaults(BehaviorVersion::latest())
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .timeout_config(timeouts);
    match AppName::new("landfall") {
        Ok(name) => loader.app_name(name),
        Err(_) => loader,
    }
}
