//! `cargo xtask sandbox up` and `down`: a sandbox that stays until it is told to go.
//!
//! `up` starts this program again as `sandbox serve` in a process group of its own, and returns when the installation is
//! complete; `down` asks the gateway of the sandbox in the folder to stop.

use std::error::Error;
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ::sandbox::{Options, Sandbox};
use clap::{Args, Subcommand};

/// `cargo xtask sandbox …`
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Starts a sandbox; source `<dir>/env` and use `aws` and `landfall` as ever.
    Up(Place),
    /// Ends the sandbox of this folder.
    Down {
        /// The sandbox's folder.
        #[arg(long, default_value = ".sandbox")]
        dir: PathBuf,
    },
    /// Runs a sandbox in the foreground until `down` or Ctrl-C.
    Serve(Place),
}

#[derive(Debug, Args)]
struct Place {
    /// What AWS's durations are multiplied by, as a fraction or a number.
    #[arg(long, default_value = "1/60", value_parser = scale)]
    scale: f64,
    /// The sandbox's folder; several sandboxes run side by side in different folders.
    #[arg(long, default_value = ".sandbox")]
    dir: PathBuf,
    /// Where the functions' programs lie, if they are built already.
    #[arg(long)]
    functions: Option<PathBuf>,
}

type Done = Result<(), Box<dyn Error>>;

pub(crate) async fn run(arguments: Arguments) -> Done {
    match arguments.task {
        Task::Up(place) => up(&place).await,
        Task::Down { dir } => down(&dir).await,
        Task::Serve(place) => serve(place).await,
    }
}

async fn up(place: &Place) -> Done {
    std::fs::create_dir_all(&place.dir)?;
    if let Some(endpoint) = endpoint(&place.dir) {
        if alive(&endpoint).await {
            return Err(format!("a sandbox runs in {}; `cargo xtask sandbox down` ends it", place.dir.display()).into());
        }
        std::fs::remove_file(place.dir.join("env"))?;
    }
    let started = Instant::now();
    let log = place.dir.join("sandbox.log");
    let mut process = start(place, &log)?;
    say(&format!("starting a sandbox in {} (log: {})", place.dir.display(), log.display()));
    while endpoint(&place.dir).is_none() {
        if let Some(status) = process.try_wait()? {
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            return Err(format!("the sandbox did not come up ({status}):\n{text:.4000}").into());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    say(&format!("ready after {} s: source {}/env", started.elapsed().as_secs(), place.dir.display()));
    Ok(())
}

async fn down(dir: &Path) -> Done {
    let endpoint = endpoint(dir).ok_or_else(|| format!("no sandbox runs in {}", dir.display()))?;
    if alive(&endpoint).await {
        client()?.post(format!("{endpoint}/_sandbox/stop")).send().await?;
        while alive(&endpoint).await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    std::fs::remove_file(dir.join("env"))?;
    say("the sandbox is gone");
    Ok(())
}

async fn serve(place: Place) -> Done {
    tracing_subscriber::fmt().with_ansi(false).with_writer(std::io::stderr).with_env_filter("info,aws_=warn").init();
    let sandbox = Sandbox::up(&Options { dir: place.dir, scale: place.scale, functions: place.functions }).await?;
    tokio::select! {
        () = sandbox.stopped() => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    Ok(())
}

fn start(place: &Place, log: &Path) -> Result<Child, std::io::Error> {
    let out = File::create(log)?;
    Command::new(std::env::current_exe()?)
        .args(["sandbox", "serve", "--scale", &place.scale.to_string(), "--dir"])
        .arg(&place.dir)
        .args(place.functions.iter().flat_map(|folder| [OsStr::new("--functions"), folder.as_os_str()]))
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(out.try_clone()?)
        .stderr(out)
        .spawn()
}

// The endpoint that `env` names; `env` is there as soon as the sandbox is ready.
fn endpoint(dir: &Path) -> Option<String> {
    let text = std::fs::read_to_string(dir.join("env")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("export AWS_ENDPOINT_URL="))?;
    Some(line.trim_matches('\'').to_owned())
}

async fn alive(endpoint: &str) -> bool {
    let Ok(client) = client() else { return false };
    client.get(format!("{endpoint}/_sandbox/health")).send().await.is_ok()
}

// The sandbox is on this machine, whatever proxy leads out of it.
fn client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder().no_proxy().build()
}

pub(crate) fn scale(text: &str) -> Result<f64, String> {
    let number = |text: &str| text.trim().parse::<f64>().map_err(|error| format!("{text}: {error}"));
    let scale = match text.split_once('/') {
        Some((above, below)) => number(above)? / number(below)?,
        None => number(text)?,
    };
    if scale > 0.0 && scale <= 1.0 {
        Ok(scale)
    } else {
        Err("a scale is more than 0 and at most 1; 1/60 makes a minute a second".into())
    }
}

#[expect(clippy::print_stdout, reason = "a command speaks to a person")]
fn say(text: &str) {
    println!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_is_a_fraction_or_a_number() {
        assert_eq!(scale("1/4"), Ok(0.25));
        assert_eq!(scale("0.5"), Ok(0.5));
        for wrong in ["0", "60", "1/0", "slow"] {
            assert!(scale(wrong).is_err(), "{wrong}");
        }
    }
}
