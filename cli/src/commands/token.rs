//! `landfall token`: who somebody is to a platform's cluster, in the form that `kubectl` asks for.
//!
//! With `--in` it speaks with nobody but whoever hands out credentials: `kubectl` calls it each time it runs.

use domain::Region;
use jiff::Timestamp;
use kube::BearerToken;
use serde_json::{Value, json};

use crate::arguments::{Connection, Token};
use crate::failure::{Exit, Failure};
use crate::installation::Installation;
use crate::printer::Printer;
use crate::{cluster, look, sdk};

/// Makes one and prints it.
pub async fn run(connection: &Connection, asked: &Token, printer: Printer) -> Result<Exit, Failure> {
    let region = match &asked.place {
        Some(region) => region.clone(),
        None => region_of(connection, asked).await?,
    };
    let credentials = sdk::credentials(&sdk::configuration(connection).await).await?;
    let token = kube::token(&credentials, &region, asked.name.as_str(), Timestamp::now()).await;
    let token = token.map_err(|error| {
        Failure::new(format!("No token could be made for the cluster of `{}`", asked.name)).caused_by(&error)
    })?;
    printer.json(&credential(&token))?;
    Ok(Exit::Done)
}

async fn region_of(connection: &Connection, asked: &Token) -> Result<Region, Failure> {
    let installation = Installation::find(connection).await?;
    let platform = look::platform(&installation.ledger, &asked.name).await?;
    let records = look::records(&installation.ledger, &asked.name).await?;
    Ok(cluster::of(&platform, &records)?.region)
}

/// <https://kubernetes.io/docs/reference/config-api/client-authentication.v1/>
pub fn credential(token: &BearerToken) -> Value {
    json!({
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "spec": {"interactive": false},
        "status": {"expirationTimestamp": token.expires(), "token": token.reveal()},
    })
}
