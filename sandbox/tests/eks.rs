//! The emulated EKS against the service model of EKS that botocore ships, and the real Kubernetes behind it.

use std::error::Error;
use std::path::Path;

use sandbox::{Options, Sandbox};
use tokio::process::Command;

async fn up(dir: &Path) -> Result<Sandbox, Box<dyn Error>> {
    // Programs that are never run; this test is about EKS.
    let functions = dir.join("functions");
    std::fs::create_dir_all(&functions)?;
    for name in ["admit", "alert", "cluster", "fleet", "gate", "network", "settle", "teardown"] {
        std::fs::write(functions.join(name), "#!/bin/sh\nexit 1\n")?;
    }
    Ok(Sandbox::up(&Options { dir: dir.into(), scale: 1.0 / 120.0, functions: Some(functions) }).await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_of_eks_has_the_shape_and_every_error_the_code_of_the_service_model() {
    let dir = tempfile::tempdir().unwrap();
    let sandbox = up(dir.path()).await.unwrap();
    let python = sandbox::venv::python().await.unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/conformance.py");
    let run = Command::new(python).arg(script).envs(sandbox.environment()).kill_on_drop(true).output();
    let said = run.await.unwrap();
    let (out, err) = (String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
    assert!(said.status.success(), "{out}\n{err}");
    let recorded = sandbox.calls().into_iter().find(|call| call.action == "UpdateClusterVersion").unwrap();
    assert_eq!((recorded.service.as_str(), recorded.mutating), ("eks", true));
}
