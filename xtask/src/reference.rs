//! Writes `docs/reference/manifest.md`: every field, from what the types say of it.

use manifest::{Explanation, explain};

use crate::generate::sorted;

const START: &str = "\
# The manifest

Every field of a manifest, as `landfall explain` tells it. `cargo xtask generate` writes this page from the types.
Whole manifests stand in [examples](../../examples). Unknown fields are errors; all errors of a file are reported at once.
";

/// Stands in the path of a map for any name in it.
const ANY: &str = "NAME";

/// The page.
pub(crate) fn page() -> String {
    let mut page = START.to_owned();
    section(&mut page, "");
    page
}

/// A table of the fields at `path`, and after it those below each of them.
fn section(page: &mut String, path: &str) {
    let Ok(here) = explain(path) else { return };
    if !here.fields.is_empty() {
        let title = if path.is_empty() { "The file".to_owned() } else { format!("`{path}`") };
        page.push_str(&format!("\n## {title}\n\n{}\n\n", here.description));
        page.push_str("| field | what may stand there | default | what it is for |\n| --- | --- | --- | --- |\n");
    }
    let mut fields: Vec<_> = here.fields.iter().filter_map(|(name, _)| explain(&under(path, name)).ok()).collect();
    // Not as the types list them: whether JSON keeps that order is decided by who else is built along.
    fields.sort_by(|a, b| a.path.cmp(&b.path));
    for field in &fields {
        page.push_str(&row(field));
    }
    for field in &fields {
        section(page, &field.path);
    }
    if here.fields.is_empty() && here.expects == "map" {
        section(page, &under(path, ANY));
    }
}

fn under(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn row(field: &Explanation) -> String {
    let name = field.path.rsplit('.').next().unwrap_or_default();
    // What has fields of its own says its defaults there.
    let default = field.default.as_ref().filter(|default| !default.is_null() && field.fields.is_empty());
    let default = default.map_or_else(String::new, |default| format!("`{}`", sorted(default.clone())));
    let values = field.values.iter().filter(|(_, meaning)| *meaning != field.description);
    let values: String = values.map(|(word, meaning)| format!("<br>`{word}`: {meaning}")).collect();
    let examples: Vec<String> = field.examples.iter().map(|example| format!("`{}`", sorted(example.clone()))).collect();
    let examples = if examples.is_empty() { String::new() } else { format!("<br>Such as {}.", examples.join(", ")) };
    let cells =
        [format!("`{name}`"), field.expects.clone(), default, format!("{}{values}{examples}", field.description)];
    format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|")).join(" | "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::workspace;

    #[test]
    fn the_page_is_what_the_types_say() {
        let checked_in = std::fs::read_to_string(workspace().join("docs/reference/manifest.md")).unwrap_or_default();
        assert!(checked_in == page(), "the manifest has changed: run `cargo xtask generate`");
    }

    #[test]
    fn fields_in_maps_are_there_too() {
        assert!(page().contains("## `spec.network.routes.NAME`"), "{}", page());
    }
}
