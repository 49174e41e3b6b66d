//! `landfall kubeconfig`: adds a platform's cluster to the configuration of `kubectl`.

use std::path::Path;

use crate::arguments::{Connection, Kubeconfig};
use crate::cluster::Cluster;
use crate::failure::{Exit, Failure};
use crate::installation::Installation;
use crate::kubeconfig::{Exec, merged, place, read, write};
use crate::output::access::{added, entry_hint, no_entry};
use crate::printer::Printer;
use crate::{caller, cluster, look, sdk};

/// Writes it, or prints it for `-`, and says what stands in the way of using it.
pub async fn run(
    installation: &Installation,
    connection: &Connection,
    asked: &Kubeconfig,
    printer: Printer,
) -> Result<Exit, Failure> {
    let platform = look::platform(&installation.ledger, &asked.name).await?;
    let records = look::records(&installation.ledger, &asked.name).await?;
    let cluster = cluster::of(&platform, &records)?;
    let exec = Exec::of_process(connection.profile.as_ref())?;
    if asked.file.as_deref() == Some(Path::new("-")) {
        printer.raw(&merged("", &cluster, &exec)?);
        return Ok(Exit::Done);
    }
    let path = match &asked.file {
        Some(file) => file.clone(),
        None => place(std::env::var_os("KUBECONFIG"), std::env::home_dir(), asked.name.as_str())?,
    };
    write(&path, &merged(&read(&path)?, &cluster, &exec)?)?;
    let caller = sdk::caller(&installation.configuration).await?;
    printer.note(&added(&cluster, &path, &caller));
    tell_obstacles(&cluster, &caller, printer).await;
    Ok(Exit::Done)
}

async fn tell_obstacles(cluster: &Cluster, caller: &str, printer: Printer) {
    if !cluster.principals.iter().any(|principal| caller::is(caller, principal)) {
        printer.warn(&no_entry(cluster, caller));
        printer.hint(entry_hint());
    }
    cluster::tell_if_unreached(cluster, printer).await;
}
