//! Contracts between Rust, ASL, SAM and IAM, and end-to-end runs.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// The folder of a sandbox that lives until its process ends. It goes when a later one is made: nothing of a process runs
/// at its very end.
#[derive(Debug)]
pub struct Folder {
    /// Where it is.
    pub path: PathBuf,
    // Others take the folder as long as this is locked; the system unlocks it with the end of the process.
    _lock: File,
}

impl Folder {
    /// A new folder under `parent`, where those of processes that have ended are removed.
    pub fn new(parent: &Path) -> std::io::Result<Self> {
        fs::create_dir_all(parent)?;
        for old in fs::read_dir(parent)? {
            let old = old?.path();
            // One without a lock is being made just now.
            let is_left = File::open(old.join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok());
            if is_left {
                fs::remove_dir_all(old)?;
            }
        }
        let path = tempfile::tempdir_in(parent)?.keep();
        // Locked before it has its name, so that nobody finds it free.
        let lock = File::create(path.join("new"))?;
        lock.lock()?;
        fs::rename(path.join("new"), path.join(LOCK))?;
        Ok(Self { path, _lock: lock })
    }
}

const LOCK: &str = "lock";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_goes_once_nobody_holds_it() {
        let parent = tempfile::tempdir().unwrap();
        let first = Folder::new(parent.path()).unwrap();
        let second = Folder::new(parent.path()).unwrap();
        assert!(first.path.exists() && second.path.exists());
        let left = first.path.clone();
        drop(first);
        let _third = Folder::new(parent.path()).unwrap();
        assert!(!left.exists() && second.path.exists());
    }
}
