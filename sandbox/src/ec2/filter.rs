//! `Filter.N`: the same rules for every Describe call.
//!
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Filter.html>: the values of one filter are joined by
//! OR, filters by AND; `*` and `?` are wildcards; an unknown filter name is an error.

use serde_json::Value;

use super::request::{Refusal, Request};
use super::store::Record;

/// One filter of a request.
#[derive(Debug)]
pub(super) struct Filter<'a> {
    pub(super) name: &'a str,
    pub(super) values: Vec<&'a str>,
}

/// A filter name and the path of the field that it looks at.
pub(super) type Field = (&'static str, &'static str);

pub(super) fn filters(request: &Request) -> Vec<Filter<'_>> {
    (1..)
        .map_while(|index| {
            let name = request.get(&format!("Filter.{index}.Name"))?;
            Some(Filter { name, values: request.list(&format!("Filter.{index}.Value")) })
        })
        .collect()
}

/// Whether the printed document passes all filters.
pub(super) fn passes(document: &Value, filters: &[Filter<'_>], fields: &[Field]) -> Result<bool, Refusal> {
    for filter in filters {
        let actual = actual(document, filter.name, fields)?;
        if !actual.iter().any(|actual| filter.values.iter().any(|pattern| matches(pattern, actual))) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Refuses a filter that the call does not have, whatever there is to list.
pub(super) fn known(filters: &[Filter<'_>], fields: &[Field]) -> Result<(), Refusal> {
    filters.iter().try_for_each(|filter| actual(&Value::Null, filter.name, fields).map(|_| ()))
}

/// Whether the record may pass, judged without what only printing adds: most records of a region fail here, and printing
/// is what costs.
pub(super) fn may_pass(record: &Record, filters: &[Filter<'_>], fields: &[Field]) -> bool {
    let any = |filter: &Filter<'_>, actual: &str| filter.values.iter().any(|pattern| matches(pattern, actual));
    filters.iter().all(|filter| {
        if let Some(key) = filter.name.strip_prefix("tag:") {
            return record.tags.get(key).is_some_and(|value| any(filter, value));
        }
        let path = fields.iter().find(|(known, _)| *known == filter.name).map(|(_, path)| *path);
        match path.map(|path| (path, &record.document[path])) {
            Some((_, Value::String(actual))) => any(filter, actual),
            _ => true,
        }
    })
}

fn actual(document: &Value, name: &str, fields: &[Field]) -> Result<Vec<String>, Refusal> {
    if let Some(key) = name.strip_prefix("tag:") {
        let tags = document["tagSet"].as_array().map_or(&[][..], Vec::as_slice);
        return Ok(tags.iter().filter(|tag| tag["key"] == key).flat_map(|tag| texts(&tag["value"], "")).collect());
    }
    let path = match name {
        "tag-key" => "tagSet/key",
        "tag-value" => "tagSet/value",
        _ => fields
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, path)| *path)
            .ok_or_else(|| Refusal::invalid(format!("The filter '{name}' is invalid")))?,
    };
    Ok(texts(document, path))
}

/// The texts at a path; a list on the way stands for all its elements.
pub(super) fn texts(value: &Value, path: &str) -> Vec<String> {
    if let Value::Array(items) = value {
        return items.iter().flat_map(|item| texts(item, path)).collect();
    }
    if path.is_empty() {
        return match value {
            Value::Null | Value::Object(_) => Vec::new(),
            Value::String(text) => vec![text.clone()],
            other => vec![other.to_string()],
        };
    }
    let (head, rest) = path.split_once('/').unwrap_or((path, ""));
    texts(&value[head], rest)
}

fn matches(pattern: &str, text: &str) -> bool {
    match pattern.chars().next() {
        None => text.is_empty(),
        Some('*') => {
            let rest = &pattern[1..];
            (0..=text.len()).filter(|at| text.is_char_boundary(*at)).any(|at| matches(rest, &text[at..]))
        }
        Some(wanted) => text.chars().next().is_some_and(|first| {
            (wanted == '?' || wanted == first) && matches(&pattern[wanted.len_utf8()..], &text[first.len_utf8()..])
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn wildcards_and_lists_are_understood() {
        assert!(matches("a*c", "abbc") && matches("a?c", "abc") && !matches("a?c", "ac") && matches("*", ""));
        let document = json!({"set": [{"id": "one"}, {"id": "two"}], "tagSet": [{"key": "k", "value": "v"}]});
        assert_eq!(texts(&document, "set/id"), ["one", "two"]);
        let filter = |name, value| [Filter { name, values: vec![value] }];
        assert!(passes(&document, &filter("x", "t*"), &[("x", "set/id")]).unwrap());
        assert!(passes(&document, &filter("tag:k", "v"), &[]).unwrap());
        assert!(!passes(&document, &filter("tag:other", "*"), &[]).unwrap());
        assert!(passes(&document, &filter("typo", "v"), &[]).is_err());
    }
}
