//! Holds `docs/reference/cli.md` to what the command does: every block behind a mark is what the code says now.
//!
//! `<!-- help: plan -->` stands before the help of a command, `<!-- json: status -->` before the shape of its output.
//! `INSTA_UPDATE=always cargo test -p landfall` writes what differs.

use std::path::Path;

use clap::CommandFactory;
use serde::Serialize;

use crate::arguments::Arguments;
use crate::output::cluster::cluster_view;
use crate::output::describe::views as describe_views;
use crate::output::events::views as event_views;
use crate::output::plan::PlanView;
use crate::output::platform::PlatformView;
use crate::output::run::RunView;
use crate::output::status::StatusView;
use crate::{fixtures, look};

const DOCUMENT: &str = "../docs/reference/cli.md";

#[tokio::test]
async fn the_reference_says_what_the_command_does() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(DOCUMENT);
    let written = std::fs::read_to_string(&path).unwrap();
    let mut now = String::new();
    let mut lines = written.lines();
    while let Some(line) = lines.next() {
        now.push_str(&format!("{line}\n"));
        let Some(mark) = line.strip_prefix("<!-- ").and_then(|line| line.strip_suffix(" -->")) else { continue };
        let (language, content) = match mark.split_once(": ") {
            Some(("help", command)) => ("text", help(command)),
            Some(("json", command)) => ("json", shape(command).await),
            _ => panic!("{mark} is no mark"),
        };
        assert_eq!(lines.next(), Some(format!("```{language}").as_str()), "a block follows {mark}");
        lines.by_ref().find(|line| *line == "```").unwrap();
        now.push_str(&format!("```{language}\n{}\n```\n", content.trim_end()));
    }
    if std::env::var("INSTA_UPDATE").as_deref() == Ok("always") {
        std::fs::write(&path, &now).unwrap();
    } else {
        assert_eq!(written, now, "run INSTA_UPDATE=always cargo test -p landfall");
    }
    for command in Arguments::command().get_subcommands() {
        assert!(now.contains(&format!("<!-- help: {} -->", command.get_name())), "{} is described", command.get_name());
    }
}

fn help(command: &str) -> String {
    let mut all = Arguments::command().term_width(100);
    all.build();
    let command = all.find_subcommand_mut(command).unwrap();
    let help = command.render_help().to_string();
    // The global options are the same everywhere, and stand at the head of the page.
    let own = help.split("\nGlobal options:").next().unwrap().trim_end();
    own.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

async fn shape(command: &str) -> String {
    let (ledger, run) = fixtures::under_way().await;
    let name = fixtures::name();
    let clock = fixtures::clock();
    let platform = ledger.platform(&name).await.unwrap().unwrap();
    match command {
        "validate" => {
            let found = manifest::parse(b"apiVersion: landfall.dev/v1alpha1\nkind: Platform\nmetadata: {name: demo}\nspec: {region: eu-west-1, netwrk: {}}\n");
            let problems = found.unwrap_err().0;
            json(&crate::output::problems::ValidateView { file: "platform.yaml", valid: false, problems: &problems })
        }
        "explain" => json(&manifest::explain("network.nat").unwrap()),
        "plan" => {
            let changes = fixtures::changes();
            let view = PlanView::new(name.as_str(), 1, Vec::new(), changes);
            json(&PlanView { upgrade: Some(fixtures::upgrade()), insights: Some(fixtures::insights()), ..view })
        }
        "list" => json(&[PlatformView::new(&platform, None, &clock)]),
        "status" => {
            let view = look::status(&ledger, &platform, Some(run), Some(&fixtures::wanted()), None, &clock).await;
            let facts = fixtures::cluster_facts();
            let cluster = cluster_view(&fixtures::cluster_records(), Some(&facts), clock.today());
            json(&StatusView { cluster, ..view.unwrap() })
        }
        "history" => {
            let (ledger, _) = fixtures::failed(true).await;
            let runs = ledger.runs(&name, 1).await.unwrap();
            json(&runs.iter().map(RunView::new).collect::<Vec<_>>())
        }
        "events" => json(&event_views(&ledger.events(run).await.unwrap())),
        "describe" => {
            let records = look::records(&ledger, &name).await.unwrap();
            json(&describe_views(&fixtures::id("nat-2"), &records))
        }
        "diagnostics" => {
            let mut found = fixtures::diagnostics().await;
            // Enough to see the shape; records and events are as in `describe` and `events`.
            found.open.clear();
            found.events.clear();
            json(&found)
        }
        "report" => json(&fixtures::report()),
        "orphans" => json(&fixtures::orphans()),
        other => panic!("{other} has no JSON"),
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap()
}
