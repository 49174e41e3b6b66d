//! `landfall retry`: runs the newest revision again, after a failure.

use serde_json::json;

use crate::arguments::Retry;
use crate::begin::deploy;
use crate::failure::{Exit, Failure};
use crate::installation::Installation;
use crate::look;
use crate::printer::Printer;

/// Starts a deploy, and follows it.
pub async fn run(installation: &Installation, asked: &Retry, printer: Printer) -> Result<Exit, Failure> {
    let name = &asked.name;
    let platform = look::platform(&installation.ledger, name).await?;
    if let Some(lease) = &platform.lease {
        return Err(Failure::new(format!("The run {} of `{name}` is under way", lease.run))
            .hint(format!("Follow it with `landfall status {name} --watch`")));
    }
    let input = json!({"platform": name, "trigger": "Retry"});
    deploy(installation, name, &input, asked.waiting, printer).await
}
