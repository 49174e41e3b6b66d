//! The documents: complete, without dead links, and what they show can be typed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use domain::FaultName;

use crate::repository::{entries, root, text};

#[test]
fn every_fault_has_a_page_and_every_page_a_fault() {
    let pages: BTreeSet<_> =
        entries("docs/errors").into_iter().map(|file| file.trim_end_matches(".md").to_owned()).collect();
    assert_eq!(pages, FaultName::ALL.iter().map(|name| name.to_string()).collect());
    for name in FaultName::ALL {
        let page = text(&format!("docs/errors/{name}.md"));
        let start = format!("# {name}\n\n> {}\n\n## What happened\n", name.sentence());
        assert!(page.starts_with(&start), "{name} starts otherwise than with:\n{start}");
        for heading in ["## Why", "## What Landfall did", "## What to do"] {
            assert!(page.contains(heading), "{name}: {heading}");
        }
    }
}

#[test]
fn every_link_leads_somewhere() {
    for path in documents() {
        let text = fs::read_to_string(&path).unwrap();
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
        for target in targets.filter(|target| !target.starts_with("http")) {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let place = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            assert!(place.exists(), "{}: {target}", path.display());
            if !anchor.is_empty() {
                assert!(anchors(&place).contains(anchor), "{}: {target}", path.display());
            }
        }
    }
}

#[test]
fn every_manifest_is_valid_and_so_is_every_part_of_one() {
    let mut count = 0;
    for path in documents() {
        for block in blocks(&fs::read_to_string(&path).unwrap(), "yaml") {
            let whole = match block.split(':').next() {
                Some("apiVersion") => block,
                Some("cluster" | "compute" | "network" | "safety" | "updates") => under_spec(&block),
                _ => continue,
            };
            if let Err(problems) = manifest::parse(whole.as_bytes()) {
                panic!("{}:\n{whole}\n{problems:?}", path.display());
            }
            count += 1;
        }
    }
    assert!(count > 5, "{count}");
}

#[test]
fn every_command_is_one() {
    let known: BTreeSet<String> = text("docs/reference/cli.md")
        .lines()
        .filter_map(|line| Some(line.strip_prefix("### `landfall ")?.trim_end_matches('`').to_owned()))
        .collect();
    let mut count = 0;
    for path in documents() {
        for block in blocks(&fs::read_to_string(&path).unwrap(), "console") {
            for line in block.lines().filter_map(|line| line.trim().strip_prefix("$ landfall ")) {
                let mut words = line.split_whitespace().skip_while(|word| word.starts_with("--"));
                assert!(words.any(|word| known.contains(word)), "{}: {line}", path.display());
                count += 1;
            }
        }
    }
    assert!(count > 40, "{count}");
}

/// Every document, but those that tools put beside the code.
fn documents() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "sandbox/README.md"]
            .iter()
            .map(|path| root().join(path))
            .collect();
    let mut folders = vec![root().join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "md") {
                found.push(path);
            }
        }
    }
    found
}

/// What stands between fences of this language, without what it is indented by.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(indent) = line.strip_suffix(&format!("```{language}")) else { continue };
        let inside = lines.by_ref().take_while(|line| line.trim() != "```");
        let inside = inside.map(|line| line.strip_prefix(indent).unwrap_or(line));
        found.push(inside.collect::<Vec<_>>().join("\n") + "\n");
    }
    found
}

/// The anchors that a document's headings make.
fn anchors(path: &Path) -> BTreeSet<String> {
    let heading = |line: &str| line.starts_with('#').then(|| line.trim_start_matches('#').trim().to_lowercase());
    let text = fs::read_to_string(path).unwrap();
    let kept = |one: &char| one.is_alphanumeric() || matches!(one, ' ' | '-' | '_');
    text.lines()
        .filter_map(heading)
        .map(|title| title.chars().filter(kept).collect::<String>().replace(' ', "-"))
        .collect()
}

fn under_spec(part: &str) -> String {
    let inside: String = part.lines().map(|line| format!("  {line}\n")).collect();
    let start =
        "apiVersion: landfall.dev/v1alpha1\nkind: Platform\nmetadata: {name: demo}\nspec:\n  region: eu-west-1\n";
    format!("{start}{inside}")
}
