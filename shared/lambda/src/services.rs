//! The environment, and what nearly every function makes of it.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_config::SdkConfig;
use domain::{Fault, FaultName};
use engine::CallError;
use ledger::Ledger;

/// The environment variables, read once.
#[derive(Debug, Clone, Default)]
pub struct Variables(BTreeMap<String, String>);

impl Variables {
    /// Those of this process.
    pub fn read() -> Self {
        Self(std::env::vars().collect())
    }

    /// Those given: for tests.
    pub fn of(pairs: &[(&str, &str)]) -> Self {
        Self(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    /// One that may be missing.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// One that the function cannot do without.
    pub fn text(&self, name: &str) -> Result<String, Fault> {
        self.get(name).map(str::to_owned).ok_or_else(|| {
            let message = format!("the function's environment lacks {name}");
            Fault::new(FaultName::Internal, message).next("deploy sam/template.yaml again: it sets this variable")
        })
    }

    /// A number of seconds.
    pub fn seconds(&self, name: &str) -> Result<Duration, Fault> {
        let text = self.text(name)?;
        text.parse().map(Duration::from_secs).map_err(|_| {
            let message = format!("{name} is `{text}`, and must be a whole number of seconds");
            Fault::new(FaultName::Internal, message)
        })
    }
}

/// What nearly every function needs.
#[derive(Clone)]
pub struct Services {
    /// The installation's name.
    pub installation: String,
    /// The SDK's configuration, to make clients from.
    pub config: SdkConfig,
    /// The ledger.
    pub ledger: Ledger,
}

impl Services {
    /// From `LANDFALL_INSTALLATION` and `LANDFALL_TABLE`.
    pub async fn start(variables: &Variables) -> Result<Self, Fault> {
        let installation = variables.text("LANDFALL_INSTALLATION")?;
        let table = variables.text("LANDFALL_TABLE")?;
        let config = aws::config().await;
        let ledger = Ledger::dynamo(aws_sdk_dynamodb::Client::new(&config), table);
        Ok(Self { installation, config, ledger })
    }
}

/// The fault of a call that is no step of the engine. Something that must be there and is not is a defect.
pub fn call_fault(error: CallError) -> Fault {
    match error {
        CallError::Unknown(fault) | CallError::Fault(fault) => fault,
        CallError::NotFound => Fault::new(FaultName::Internal, "AWS does not know what was asked for"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_variable_is_named() {
        let fault = Variables::of(&[("A", "")]).text("A").unwrap_err();
        assert_eq!(fault.message, "the function's environment lacks A");
        let fault = Variables::of(&[("A", "soon")]).seconds("A").unwrap_err();
        assert_eq!(fault.message, "A is `soon`, and must be a whole number of seconds");
        assert_eq!(Variables::of(&[("A", "90")]).seconds("A").unwrap(), Duration::from_secs(90));
    }
}
