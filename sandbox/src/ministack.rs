//! The MiniStack process: IAM enforced, its data and log in the sandbox's folder, gone when the sandbox is gone.

use std::fs::File;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::ec2::ACCOUNT;
use crate::program::tail;
use crate::{ACCESS_KEY, Error, REGION, SECRET_KEY};

/// A running MiniStack with all the functions that it runs.
#[derive(Debug)]
pub(crate) struct MiniStack {
    /// `http://127.0.0.1:<port>`.
    pub(crate) address: String,
    process: Child,
    log: PathBuf,
}

impl MiniStack {
    /// Starts MiniStack and waits until it answers. Its functions call `gateway`.
    pub(crate) async fn start(python: &Path, dir: &Path, gateway: &str, scale: f64) -> Result<Self, Error> {
        let port = free_port()?;
        let log = dir.join("ministack.log");
        let temporary = dir.join("tmp");
        std::fs::create_dir_all(&temporary).map_err(Error::file(&temporary))?;
        let out = File::create(&log).map_err(Error::file(&log))?;
        let err = out.try_clone().map_err(Error::file(&log))?;
        let mut command = Command::new(python);
        command
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("python/launch.py"))
            .env_clear()
            .envs(["PATH", "HOME", "LANG"].iter().filter_map(|name| Some((name, std::env::var_os(name)?))))
            .envs([
                ("AUTH", "true"),
                ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
                ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
                ("AWS_DEFAULT_REGION", REGION),
                ("AWS_EC2_METADATA_DISABLED", "true"),
                ("AWS_ENDPOINT_URL", gateway),
                ("BIND_HOST", "127.0.0.1"),
                ("GATEWAY_PORT", &port.to_string()),
                ("LOG_LEVEL", "INFO"),
                ("MINISTACK_ACCOUNT_ID", ACCOUNT),
                ("MINISTACK_HOST", "127.0.0.1"),
                ("MINISTACK_REGION", REGION),
                ("PYTHONDONTWRITEBYTECODE", "1"),
                ("PYTHONUNBUFFERED", "1"),
                ("SFN_WAIT_SCALE", &scale.to_string()),
            ])
            .env("TMPDIR", &temporary)
            .current_dir(dir)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(out)
            .stderr(err);
        let process =
            command.spawn().map_err(|source| Error::Start { program: python.display().to_string(), source })?;
        let mut started = Self { address: format!("http://127.0.0.1:{port}"), process, log };
        started.wait().await?;
        Ok(started)
    }

    async fn wait(&mut self) -> Result<(), Error> {
        let health = format!("{}/_ministack/health", self.address);
        let client = crate::http().build().map_err(|error| Error::Gateway(error.into()))?;
        let deadline = Instant::now() + Duration::from_secs(60);
        while Instant::now() < deadline && matches!(self.process.try_wait(), Ok(None)) {
            if client.get(&health).send().await.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        Err(Error::MiniStack { log: self.log.clone(), tail: tail(&text, 20) })
    }
}

impl Drop for MiniStack {
    /// Closing its standard input ends MiniStack's process group, functions and all (see `python/launch.py`).
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let deadline = Instant::now() + Duration::from_secs(5);
        while matches!(self.process.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                // Only the process itself: this is for a MiniStack that hangs before it listens.
                let _ = self.process.kill();
                let _ = self.process.wait();
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn free_port() -> Result<u16, Error> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    listener.map(|address| address.port()).map_err(|source| Error::Gateway(source.into()))
}
