//! Functions in a VPC, from their creation until nothing of them is left.

use std::path::Path;

use sandbox::{Options, Sandbox};
use tokio::process::Command;

/// A minute of AWS takes half a second.
const SCALE: f64 = 1.0 / 120.0;

#[tokio::test(flavor = "multi_thread")]
async fn functions_in_a_vpc_are_made_reach_their_cluster_and_end_as_on_aws() {
    let dir = tempfile::tempdir().unwrap();
    // Programs that are never run; the functions of this test are its own.
    let functions = dir.path().join("functions");
    std::fs::create_dir_all(&functions).unwrap();
    for name in ["admit", "alert", "cluster", "fleet", "gate", "network", "settle", "teardown"] {
        std::fs::write(functions.join(name), "#!/bin/sh\nexit 1\n").unwrap();
    }
    let options = Options { dir: dir.path().into(), scale: SCALE, functions: Some(functions) };
    let sandbox = Sandbox::up_without_kubernetes(&options).await.unwrap();
    let python = sandbox::venv::python().await.unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/functions_in_vpc.py");
    let mut run = Command::new(python);
    let run = run.arg(script).envs(sandbox.environment()).env("SCALE", SCALE.to_string()).kill_on_drop(true).output();
    let said = run.await.unwrap();
    let (out, err) = (String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
    assert!(said.status.success(), "{out}\n{err}");
    let made = sandbox.calls().into_iter().find(|call| call.action == "CreateFunction" && call.status == 201).unwrap();
    assert_eq!((made.service.as_str(), made.mutating), ("lambda", true));
}
