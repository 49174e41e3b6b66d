//! `landfall init`: a commented manifest to begin with.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::Path;

use domain::PlatformName;

use crate::arguments::{Connection, Init};
use crate::failure::{Exit, Failure};
use crate::printer::Printer;
use crate::sdk;

/// Writes the file, or prints it for `-`.
pub async fn run(connection: &Connection, arguments: &Init, printer: Printer) -> Result<Exit, Failure> {
    let configuration = sdk::configuration(connection).await;
    let region = configuration.region().map(AsRef::as_ref);
    let text = starter(&arguments.name, region);
    if arguments.file == Path::new("-") {
        printer.raw(&text);
        return Ok(Exit::Done);
    }
    write(&arguments.file, &text, arguments.force)?;
    let file = arguments.file.display();
    printer.note(&format!("Wrote `{file}`\n"));
    if region.is_none() {
        printer.warn("No region is configured, so the manifest says `eu-west-1`");
    }
    printer.note(&format!("Next: edit it, look at it with `landfall plan -f {file}`, then `landfall apply -f {file}`"));
    Ok(Exit::Done)
}

fn write(path: &Path, text: &str, force: bool) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true);
    if force {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    let written = options.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| {
        let file = path.display();
        if error.kind() == ErrorKind::AlreadyExists {
            return Failure::new(format!("`{file}` is there already"))
                .hint(format!("Name another file, or overwrite it with `landfall init {file} --force`"));
        }
        Failure::new(format!("`{file}` could not be written")).caused_by(&error)
    })
}

/// A manifest that is valid as it stands, with what most people change next in comments.
fn starter(name: &PlatformName, region: Option<&str>) -> String {
    let region = region.unwrap_or("eu-west-1");
    include_str!("init/platform.yaml").replace("{name}", name.as_str()).replace("{region}", region)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name() -> PlatformName {
        PlatformName::parse("demo").unwrap()
    }

    #[test]
    fn the_starter_is_valid_with_and_without_its_comments() {
        let text = starter(&name(), Some("eu-central-1"));
        manifest::parse(text.as_bytes()).unwrap();
        // A comment that is a setting begins with `#` and no space.
        let everything: String = text
            .lines()
            .map(|line| match line.trim_start().strip_prefix('#') {
                Some(setting) if !setting.starts_with(' ') => line.replacen('#', "", 1) + "\n",
                _ => line.to_owned() + "\n",
            })
            .collect();
        manifest::parse(everything.as_bytes()).unwrap();
    }

    #[test]
    fn nothing_is_overwritten_unasked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("platform.yaml");
        write(&path, "first, and longer", false).unwrap();
        let failure = write(&path, "second", false).unwrap_err();
        assert!(failure.message.ends_with("is there already"), "{failure:?}");
        write(&path, "third", true).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "third");
    }
}
