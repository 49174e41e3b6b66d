//! One module a command.

mod apply;
mod approve;
mod cancel;
mod completions;
mod describe;
mod destroy;
mod diagnostics;
mod events;
mod explain;
mod history;
mod init;
mod kubeconfig;
mod list;
mod orphans;
mod pause;
mod plan;
mod reject;
mod report;
mod resume;
mod retry;
mod rollback;
mod schema;
mod shell;
mod status;
mod token;
mod unprotect;
mod validate;

use crate::arguments::{Arguments, Command};
use crate::failure::{Exit, Failure};
use crate::installation::Installation;
use crate::printer::Printer;

/// Does what the command line asks for.
pub async fn run(arguments: Arguments, printer: Printer) -> Result<Exit, Failure> {
    let connection = &arguments.connection;
    let found = || Installation::find(connection);
    match &arguments.command {
        // What needs no installation.
        Command::Init(asked) => init::run(connection, asked, printer).await,
        Command::Validate(asked) => validate::run(asked, printer),
        Command::Explain(asked) => explain::run(asked, printer),
        Command::Schema => schema::run(printer),
        Command::Completions(asked) => completions::run(asked, printer),
        // What looks at a file first.
        Command::Plan(asked) => plan::run(connection, asked, printer).await,
        Command::Apply(asked) => apply::run(connection, asked, printer).await,
        // What is about a platform that is there.
        Command::List(asked) => list::run(&found().await?, asked, printer).await,
        Command::Status(asked) => status::run(&found().await?, asked, printer).await,
        Command::History(asked) => history::run(&found().await?, asked, printer).await,
        Command::Events(asked) => events::run(&found().await?, asked, printer).await,
        Command::Describe(asked) => describe::run(&found().await?, asked, printer).await,
        Command::Diagnostics(asked) => diagnostics::run(&found().await?, asked, printer).await,
        Command::Kubeconfig(asked) => kubeconfig::run(&found().await?, connection, asked, printer).await,
        Command::Shell(asked) => shell::run(&found().await?, connection, asked, printer).await,
        Command::Token(asked) => token::run(connection, asked, printer).await,
        Command::Approve(asked) => approve::run(&found().await?, asked, printer).await,
        Command::Reject(asked) => reject::run(&found().await?, asked, printer).await,
        Command::Rollback(asked) => rollback::run(&found().await?, asked, printer).await,
        Command::Pause(asked) => pause::run(&found().await?, asked, printer).await,
        Command::Resume(asked) => resume::run(&found().await?, asked, printer).await,
        Command::Cancel(asked) => cancel::run(&found().await?, asked, printer).await,
        Command::Retry(asked) => retry::run(&found().await?, asked, printer).await,
        Command::Unprotect(asked) => unprotect::run(&found().await?, asked, printer).await,
        Command::Destroy(asked) => destroy::run(&found().await?, asked, printer).await,
        Command::Report(asked) => report::run(&found().await?, asked, printer).await,
        Command::Orphans(asked) => orphans::run(&found().await?, asked, printer).await,
    }
}
