//! Clients of AWS whose answers are scripted.

/// A client of an SDK crate that is answered by these [`Rule`](aws_smithy_mocks::Rule)s and reaches nothing else. It
/// tries again as often as a real one, without waiting.
#[macro_export]
macro_rules! mocked {
    ($sdk:ident, $mode:ident, $rules:expr) => {{
        let mock = $crate::mocks::MockResponseInterceptor::new().rule_mode($crate::mocks::RuleMode::$mode);
        let mock = $rules.into_iter().fold(mock, |mock, rule| mock.with_rule(rule));
        let backoff = ::std::time::Duration::from_millis(1);
        let config = $sdk::Config::builder()
            .behavior_version($sdk::config::BehaviorVersion::latest())
            .region($sdk::config::Region::new("eu-west-1"))
            .credentials_provider($sdk::config::Credentials::new("id", "secret", None, None, "test"))
            .retry_config($sdk::config::retry::RetryConfig::standard().with_initial_backoff(backoff))
            .http_client($crate::mocks::create_mock_http_client())
            .interceptor(mock);
        $sdk::Client::from_conf(config.build())
    }};
}
