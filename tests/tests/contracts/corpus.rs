//! What a fuzzer has found, and what people write, is read without a failure and in bounded time.

use std::time::{Duration, Instant};

use crate::repository::{entries, root};

/// In a build without optimization, on a busy machine. What was found to take long took minutes.
const PATIENCE: Duration = Duration::from_secs(5);

#[test]
fn the_corpus_and_every_sample_pass_their_targets() {
    for (target, run) in fuzz::TARGETS {
        for folder in [format!("fuzz/corpus/{target}")].into_iter().chain(samples(target)) {
            let files = entries(&folder);
            assert!(!files.is_empty(), "{folder}");
            for file in files {
                let bytes = std::fs::read(root().join(&folder).join(&file)).unwrap();
                let begun = Instant::now();
                run(&bytes);
                assert!(begun.elapsed() < PATIENCE, "{folder}/{file}: {:?}", begun.elapsed());
            }
        }
    }
}

/// The folders of what people write for a target.
fn samples(target: &str) -> Vec<String> {
    match target {
        "manifest" => vec!["examples".to_owned()],
        "component" => domain::Component::ALL.iter().map(|component| format!("events/{component}")).collect(),
        function => vec![format!("events/{function}")],
    }
}

#[test]
fn every_target_is_built_and_has_a_corpus() {
    let names: Vec<&str> = fuzz::TARGETS.iter().map(|(name, _)| *name).collect();
    let built: Vec<String> =
        entries("fuzz/fuzz_targets").iter().map(|file| file.trim_end_matches(".rs").to_owned()).collect();
    assert_eq!(built, names);
    assert_eq!(entries("fuzz/corpus"), names);
}
