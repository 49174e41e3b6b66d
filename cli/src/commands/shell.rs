//! `landfall shell`: a shell whose `kubectl` speaks with a platform's cluster, and of which nothing stays.
//!
//! It guarantees: the configuration of `kubectl` lies in a folder that only its owner reads, and goes with the shell;
//! the credentials of a role that was taken on for it are in the shell's environment alone, and end after an hour.
//!
//! Who has an access entry uses the cluster as who they are. Who has none takes on a role of the manifest's access
//! entries: the one that `--role` names, or the first by name that they may assume.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::ExitStatus;

use aws_sdk_sts::error::SdkError;
use aws_sdk_sts::types::Credentials;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::arguments::{Connection, SubShell};
use crate::cluster::Cluster;
use crate::failure::{Exit, Failure};
use crate::installation::Installation;
use crate::kubeconfig::{Exec, merged, write};
use crate::output::access::{Who, entry_hint, opened};
use crate::printer::Printer;
use crate::{caller, cluster, look, sdk};

/// The variables by which an identity is given on.
const KEYS: [&str; 3] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
const PROFILES: [&str; 2] = ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"];
/// The platform that a shell is for; set in it, for a prompt that shows it.
const SHELL_OF: &str = "LANDFALL_SHELL";

/// Starts it and waits for its end.
pub async fn run(
    installation: &Installation,
    connection: &Connection,
    asked: &SubShell,
    printer: Printer,
) -> Result<Exit, Failure> {
    let platform = look::platform(&installation.ledger, &asked.name).await?;
    let records = look::records(&installation.ledger, &asked.name).await?;
    let cluster = cluster::of(&platform, &records)?;
    let caller = sdk::caller(&installation.configuration).await?;
    let role = role(installation, &cluster, &caller, asked.role.as_deref()).await?;
    let profile = connection.profile.as_ref().filter(|_| role.is_none());
    let exec = match &role {
        Some(_) => Exec { profile_of_environment: None, ..Exec::of_process(None)? },
        None => Exec::of_process(profile)?,
    };
    let folder = private_folder()?;
    let config = folder.path().join("kubeconfig");
    write(&config, &merged("", &cluster, &exec)?)?;

    printer.note(&opened(&cluster, role.as_ref().map_or(Who::Caller(&caller), |(name, _)| Who::Role(name))));
    cluster::tell_if_unreached(&cluster, printer).await;
    let mut command = command(&config, asked.name.as_str());
    match (&role, profile) {
        (Some((_, credentials)), _) => take_on(&mut command, credentials),
        (None, Some(profile)) => {
            remove(&mut command, &KEYS);
            command.env(PROFILES[0], profile);
        }
        (None, None) => {}
    }
    let shell = command.spawn().map_err(|error| {
        let program = command.as_std().get_program().display().to_string();
        Failure::new(format!("The shell `{program}` could not be started"))
            .caused_by(&error)
            .hint("Name another one in the variable `SHELL`")
    })?;
    let status = end_of(shell).await?;
    printer.note(&format!("The shell on `{}` has ended", asked.name));
    Ok(if status.success() { Exit::Done } else { Exit::Failed })
}

/// A folder that only its owner may look into, and that goes when this is dropped.
fn private_folder() -> Result<TempDir, Failure> {
    let folder = tempfile::Builder::new().prefix("landfall-").permissions(Permissions::from_mode(0o700)).tempdir();
    folder.map_err(|error| Failure::new("There is no folder for the shell").caused_by(&error))
}

fn command(config: &Path, platform: &str) -> Command {
    let shell = std::env::var_os("SHELL").filter(|shell| !shell.is_empty()).unwrap_or_else(|| "/bin/sh".into());
    let mut command = Command::new(shell);
    command.env("KUBECONFIG", config).env(SHELL_OF, platform);
    command
}

fn take_on(command: &mut Command, credentials: &Credentials) {
    remove(command, &PROFILES);
    let values = [credentials.access_key_id(), credentials.secret_access_key(), credentials.session_token()];
    command.envs(KEYS.iter().zip(values));
}

fn remove(command: &mut Command, variables: &[&str]) {
    for name in variables {
        command.env_remove(name);
    }
}

/// Waits for the shell. Ctrl-C is for what runs in it; if this process is told to end, so is the shell.
async fn end_of(mut shell: Child) -> Result<ExitStatus, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let lost = |error: std::io::Error| Failure::new("The shell was lost").caused_by(&error);
    let mut hung_up = signal(SignalKind::hangup()).map_err(lost)?;
    let mut terminated = signal(SignalKind::terminate()).map_err(lost)?;
    loop {
        tokio::select! {
            status = shell.wait() => return status.map_err(lost),
            _ = tokio::signal::ctrl_c() => {}
            _ = hung_up.recv() => shell.start_kill().map_err(lost)?,
            _ = terminated.recv() => shell.start_kill().map_err(lost)?,
        }
    }
}

/// The role for the shell and its credentials; none if the caller needs none.
async fn role(
    installation: &Installation,
    cluster: &Cluster,
    caller: &str,
    asked: Option<&str>,
) -> Result<Option<(String, Credentials)>, Failure> {
    let Some(roles) = candidates(cluster, caller, &installation.cluster_role, asked)? else { return Ok(None) };
    let client = aws_sdk_sts::Client::new(&installation.configuration);
    let mut refused = Failure::new(format!("{caller} has no way into the cluster of `{}`", cluster.platform));
    for arn in roles {
        let name = caller::role_name(arn).unwrap_or(arn);
        let call = client.assume_role().role_arn(arn).role_session_name(caller::session_name(caller));
        match call.send().await {
            Ok(answer) => return Ok(answer.credentials.map(|credentials| (name.to_owned(), credentials))),
            Err(error @ SdkError::ServiceError(_)) => {
                refused
                    .causes
                    .extend(sdk::failure("", &error).causes.into_iter().map(|said| format!("{name}: {said}")));
            }
            Err(error) => return Err(sdk::failure(format!("The role {name} could not be taken on"), &error)),
        }
    }
    Err(refused.hint(entry_hint()).hint("Or have a role that is named there trust you, with `sts:AssumeRole`"))
}

/// The roles to be tried, in order; none if the caller has an entry and asked for no role.
fn candidates<'a>(
    cluster: &'a Cluster,
    caller: &str,
    own: &str,
    asked: Option<&str>,
) -> Result<Option<Vec<&'a str>>, Failure> {
    if asked.is_none() && cluster.principals.iter().any(|principal| caller::is(caller, principal)) {
        return Ok(None);
    }
    let all = cluster.principals.iter().map(String::as_str).filter(|arn| caller::can_be_assumed(arn, own));
    let mut roles: Vec<&str> = all.collect();
    roles.sort_by_key(|arn| caller::role_name(arn));
    let Some(asked) = asked else { return Ok(Some(roles)) };
    let names: Vec<&str> = roles.iter().filter_map(|arn| caller::role_name(arn)).collect();
    let found: Vec<&str> = roles.iter().filter(|arn| caller::role_name(arn) == Some(asked)).copied().collect();
    if found.is_empty() {
        let failure = Failure::new(format!("No access entry of `{}` is for a role {asked}", cluster.platform));
        return Err(failure.hint(match names.is_empty() {
            true => entry_hint().to_owned(),
            false => format!("Those that can be taken on: {}", names.join(", ")),
        }));
    }
    Ok(Some(found))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    const ADA: &str = "arn:aws:iam::123456789012:user/ada";
    const BOB: &str = "arn:aws:iam::123456789012:user/bob";
    const OWN: &str = "arn:aws:iam::123456789012:role/landfall/landfall/landfall-cluster";

    fn cluster() -> Cluster {
        let mut cluster = cluster::of(&fixtures::platform(), &fixtures::cluster_records()).unwrap();
        cluster.principals.push("arn:aws:iam::123456789012:role/auditor".to_owned());
        cluster
    }

    #[test]
    fn who_has_an_entry_stays_who_they_are_unless_they_ask_for_a_role() {
        let cluster = cluster();
        assert_eq!(candidates(&cluster, ADA, OWN, None).unwrap(), None);
        let deployer = "arn:aws:iam::123456789012:role/teams/deployer";
        assert_eq!(candidates(&cluster, ADA, OWN, Some("deployer")).unwrap(), Some(vec![deployer]));
    }

    #[test]
    fn who_has_none_tries_the_roles_by_name_but_never_landfalls_own() {
        let cluster = cluster();
        let tried = candidates(&cluster, BOB, OWN, None).unwrap().unwrap();
        let names: Vec<_> = tried.into_iter().filter_map(caller::role_name).collect();
        assert_eq!(names, ["auditor", "deployer"]);
    }

    #[test]
    fn nobody_else_looks_into_the_folder_of_a_shell() {
        let folder = private_folder().unwrap();
        assert_eq!(folder.path().metadata().unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_role_that_the_manifest_does_not_name_is_not_taken_on() {
        let failure = candidates(&cluster(), BOB, OWN, Some("landfall-cluster")).unwrap_err();
        assert_eq!(failure.message, "No access entry of `demo` is for a role landfall-cluster");
        assert_eq!(failure.hints, ["Those that can be taken on: auditor, deployer"]);
    }
}
