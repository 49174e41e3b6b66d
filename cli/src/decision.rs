//! Somebody's word on a plan that waits: what is shown before it is given, and how it reaches the execution.
//!
//! The ledger comes first: it takes a word only for the plan that was shown. Then the execution is told.

use std::io::IsTerminal;
use std::time::Duration;

use domain::PlatformName;
use jiff::Timestamp;
use ledger::{Decided, Decision, Pending, TaskToken};
use plan::{PlanNumber, diff};
use serde_json::json;

use crate::failure::Failure;
use crate::installation::Installation;
use crate::output::approval::question;
use crate::output::plan::PlanView;
use crate::output::time::Clock;
use crate::printer::Printer;
use crate::{documents, look, sdk};

/// For how long an execution that asked a moment ago may not wait yet.
const PATIENCE: Duration = Duration::from_secs(20);

/// What somebody is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// The platform.
    pub name: PlatformName,
    /// The plan that waits.
    pub plan: PlanNumber,
    /// Until when.
    pub until: Timestamp,
    /// What it would change.
    pub view: PlanView,
}

impl Question {
    /// What waits for approval; `expected` is its plan, if somebody named one.
    pub async fn find(
        installation: &Installation,
        name: &PlatformName,
        expected: Option<PlanNumber>,
    ) -> Result<Self, Failure> {
        let platform = look::platform(&installation.ledger, name).await?;
        let Some(pending) = platform.approval.as_ref().filter(|pending| pending.is_open(Timestamp::now())) else {
            return Err(Failure::new(format!("No plan of `{name}` waits for approval"))
                .hint(format!("See how it is with `landfall status {name}`")));
        };
        let (plan, until) = (pending.plan, pending.until);
        if let Some(expected) = expected.filter(|expected| *expected != plan) {
            return Err(not_waiting(name, expected));
        }
        let request = installation.ledger.request(name, plan).await?;
        let stored = documents::plan(installation, name, plan).await?;
        let stored = stored.ok_or_else(|| Failure::new(format!("Plan {plan} of `{name}` is not in the bucket")))?;
        let changes = diff(&stored, &look::records(&installation.ledger, name).await?);
        let approval = request.map(|request| request.reasons).unwrap_or_default();
        let view = PlanView::new(name.as_str(), platform.revision, approval, changes);
        Ok(Self { name: name.clone(), plan, until, view })
    }
}

/// Shows what waits and has its number typed.
pub fn ask(about: &Question, verb: &str, printer: Printer) -> Result<(), Failure> {
    printer.note(&question(printer.note_paint(), &Clock::system(), about));
    let (name, plan) = (&about.name, about.plan);
    if !std::io::stdin().is_terminal() {
        return Err(Failure::new("Nobody is here to confirm")
            .hint(format!("Run `landfall {verb} {name} --plan {plan} --yes` to {verb} it without a question")));
    }
    printer.ask(&format!("Type the number of the plan to {verb} it: "));
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    read.map_err(|error| Failure::new("The answer could not be read").caused_by(&error))?;
    if answer.trim() == plan.to_string() {
        return Ok(());
    }
    Err(Failure::new("That is not the number of the plan, so it goes on waiting"))
}

/// Writes the word down, and tells the execution.
pub async fn give(
    installation: &Installation,
    name: &PlatformName,
    plan: PlanNumber,
    approved: bool,
) -> Result<Pending, Failure> {
    let by = sdk::caller(&installation.configuration).await?;
    let decision = Decision { approved, by, at: Timestamp::now() };
    let asked = tokio::time::Instant::now();
    let (pending, token) = loop {
        match installation.ledger.decide(name, plan, &decision).await? {
            Decided::Tell(pending, token) => break (pending, token),
            Decided::TooEarly if asked.elapsed() < PATIENCE => tokio::time::sleep(Duration::from_secs(1)).await,
            Decided::TooEarly | Decided::NotWaiting => return Err(not_waiting(name, plan)),
        }
    };
    tell(installation, name, plan, &decision, &token).await?;
    Ok(pending)
}

async fn tell(
    installation: &Installation,
    name: &PlatformName,
    plan: PlanNumber,
    decision: &Decision,
    token: &TaskToken,
) -> Result<(), Failure> {
    let client = &installation.step_functions;
    let message = "The execution that waits could not be told";
    if decision.approved {
        let output = json!({"approved": true}).to_string();
        let told = client.send_task_success().task_token(token.reveal()).output(output).send().await;
        match told {
            Err(error) if !error.as_service_error().is_some_and(|error| error.is_task_timed_out()) => {
                Err(sdk::failure(message, &error))
            }
            _ => Ok(()),
        }
    } else {
        let cause = format!("plan {plan} of {name} was rejected by {}", decision.by);
        let told = client.send_task_failure().task_token(token.reveal()).error("Rejected").cause(cause).send().await;
        match told {
            Err(error) if !error.as_service_error().is_some_and(|error| error.is_task_timed_out()) => {
                Err(sdk::failure(message, &error))
            }
            _ => Ok(()),
        }
    }
}

fn not_waiting(name: &PlatformName, plan: PlanNumber) -> Failure {
    Failure::new(format!("Plan {plan} of `{name}` does not wait for approval"))
        .hint(format!("See which does, if any, with `landfall status {name}`"))
}
