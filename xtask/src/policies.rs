//! Writes every `functions/<name>/policy.json` into the role that has it in `sam/template.yaml`.
//!
//! A policy file is the one place where a function's permissions are written and reviewed. CloudFormation cannot read
//! it from there without a macro, which neither `cfn-lint` nor the sandbox follows; so the text between the markers
//! `# >>> <path>` and `# <<< <path>` of the template is made from it. Nothing else of the template is touched.

use serde_json::Value;

/// In which order fields are written; any other follow by name.
const FIELDS: &[&str] = &["Version", "Statement", "Sid", "Effect", "Action", "Resource", "Condition"];

/// The template with each marked place filled from the policy whose path the marker names.
///
/// # Errors
/// A sentence, if a policy cannot be read (`read` says why) or a marker is not closed.
pub(crate) fn inline(template: &str, read: impl Fn(&str) -> Result<Value, String>) -> Result<String, String> {
    let mut written = String::new();
    let mut lines = template.lines();
    while let Some(line) = lines.next() {
        written.push_str(line);
        written.push('\n');
        let Some((indent, marked)) = line.split_once("# >>> ") else { continue };
        let path = marked.split(',').next().unwrap_or(marked).trim();
        let end = format!("# <<< {path}");
        let Some(last) = lines.find(|line| line.trim() == end) else {
            return Err(format!("sam/template.yaml: `{end}` is missing"));
        };
        written.push_str(indent);
        written.push_str("PolicyDocument:\n");
        block(&mut written, &read(path)?, indent.len() + 2);
        written.push_str(last);
        written.push('\n');
    }
    Ok(written)
}

/// A value as YAML lines, each indented.
fn block(written: &mut String, value: &Value, indent: usize) {
    let pad = " ".repeat(indent);
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| {
                (FIELDS.iter().position(|field| field == name).unwrap_or(FIELDS.len()), *name)
            });
            for (name, inner) in fields {
                written.push_str(&format!("{pad}{}:", scalar(&Value::from(name.as_str()))));
                follow(written, inner, indent);
            }
        }
        Value::Array(items) => {
            for item in items {
                let start = written.len();
                block(written, item, indent + 2);
                written.replace_range(start + indent..start + indent + 2, "- ");
            }
        }
        _ => written.push_str(&format!("{pad}{}\n", scalar(value))),
    }
}

/// What follows `name:`: on the same line if it is a scalar, else below.
fn follow(written: &mut String, value: &Value, indent: usize) {
    if value.is_object() || value.is_array() {
        written.push('\n');
        block(written, value, indent + 2);
    } else {
        written.push_str(&format!(" {}\n", scalar(value)));
    }
}

/// Plain where YAML cannot take it for anything else, substituted by CloudFormation where it asks for it.
fn scalar(value: &Value) -> String {
    match value.as_str() {
        Some(text) if text.contains("${") => format!("!Sub {value}"),
        Some(text) if is_plain(text) => text.to_owned(),
        _ => value.to_string(),
    }
}

fn is_plain(text: &str) -> bool {
    let words = ["true", "false", "null", "yes", "no", "on", "off"];
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|one| one.is_ascii_alphanumeric() || ":/._-".contains(one))
        && !text.ends_with(':')
        && !words.contains(&text.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TEMPLATE: &str = "Role:\n  Policies:\n    - PolicyName: a\n      # >>> a.json, by us\n      old: 1\n      # <<< a.json\nNext: 1\n";

    #[test]
    fn a_policy_is_written_between_its_markers() {
        let policy = json!({
            "Statement": [{"Resource": "${Table.Arn}", "Action": ["s3:GetObject", "s3:*"], "Effect": "Allow"}],
            "Version": "2012-10-17",
        });
        let written = inline(TEMPLATE, |path| if path == "a.json" { Ok(policy.clone()) } else { Err(path.to_owned()) });
        let expected = [
            "Role:",
            "  Policies:",
            "    - PolicyName: a",
            "      # >>> a.json, by us",
            "      PolicyDocument:",
            "        Version: \"2012-10-17\"",
            "        Statement:",
            "          - Effect: Allow",
            "            Action:",
            "              - s3:GetObject",
            "              - \"s3:*\"",
            "            Resource: !Sub \"${Table.Arn}\"",
            "      # <<< a.json",
            "Next: 1",
            "",
        ];
        assert_eq!(written, Ok(expected.join("\n")));
        let twice = written.and_then(|once| inline(&once, |_| Ok(policy.clone())));
        assert_eq!(twice, Ok(expected.join("\n")));
    }

    #[test]
    fn a_marker_without_an_end_is_refused() {
        let refused = inline("# >>> a.json\n", |_| Ok(Value::Null));
        assert_eq!(refused, Err("sam/template.yaml: `# <<< a.json` is missing".to_owned()));
    }
}
