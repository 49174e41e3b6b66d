//! Tags, compared the same way for every service.
//!
//! We hold the tags that the manifest names and leave all others alone: accounts have robots that tag, and a tag that
//! somebody else put is no drift of ours. What the manifest named before and names no longer is taken away.

use domain::{Identity, Tags};

/// What to do with the tags of a thing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TagChange {
    /// To put, in the place of what may be there.
    pub put: Tags,
    /// The keys to take away.
    pub remove: Vec<String>,
}

impl TagChange {
    /// From the tags that are there to those that are wanted. Keys that are ours or AWS's ([`Identity::user_tags`]) are
    /// never touched.
    pub fn between(there: &Tags, wanted: &Tags) -> Self {
        let (there, wanted) = (Identity::user_tags(there), Identity::user_tags(wanted));
        Self {
            remove: there.keys().filter(|key| !wanted.contains_key(*key)).cloned().collect(),
            put: wanted.into_iter().filter(|(key, value)| there.get(key) != Some(value)).collect(),
        }
    }
}

/// The `tags` of a spec as AWS shows them: the spec's keys, with the values that are there.
///
/// Keys that are ours or AWS's ([`Identity::user_tags`]) are shown as the spec has them, because they are never changed.
pub fn shown_tags(spec: &Tags, actual: &Tags) -> Tags {
    let changeable = Identity::user_tags(spec);
    let shown = |key: &String, value: &String| match changeable.contains_key(key) {
        true => actual.get(key).cloned(),
        false => Some(value.clone()),
    };
    spec.iter().filter_map(|(key, value)| Some((key.clone(), shown(key, value)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(text: &str) -> Tags {
        text.split_whitespace().filter_map(|pair| pair.split_once('=')).map(|(k, v)| (k.into(), v.into())).collect()
    }

    #[test]
    fn changes() {
        for (there, wanted, put, remove) in [
            ("", "", "", &[][..]),
            ("a=1", "a=1", "", &[]),
            ("a=1", "a=2", "a=2", &[]),
            ("a=1 b=2", "b=2 c=3", "c=3", &["a"]),
            ("Name=x landfall:platform=demo aws:cloudformation:stack=s", "Name=y", "", &[]),
        ] {
            let expected = TagChange { put: tags(put), remove: remove.iter().map(|key| (*key).to_owned()).collect() };
            assert_eq!(TagChange::between(&tags(there), &tags(wanted)), expected, "{there} → {wanted}");
        }
    }

    #[test]
    fn what_is_shown() {
        for (spec, actual, shown) in [
            ("a=1", "a=1 robot=x landfall:platform=demo", "a=1"),
            ("a=1 b=2", "a=9", "a=9"),
            ("Name=mine", "Name=demo-vpc", "Name=mine"),
            ("", "a=1", ""),
        ] {
            assert_eq!(shown_tags(&tags(spec), &tags(actual)), tags(shown), "{spec} / {actual}");
        }
    }
}
