//! Tags of a cluster and the condition keys they fill.

use lakeward_policy::Context;
use serde::{Deserialize, Serialize};

use crate::emr::error::EmrError;

const MOST_TAGS: usize = 50;
const LONGEST_KEY: usize = 128;
const LONGEST_VALUE: usize = 256;

/// A tag. A value that isn't given is empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    /// At most 128 characters.
    pub key: String,
    /// At most 256 characters.
    #[serde(default)]
    pub value: String,
}

/// `current` with `added` written over it; a key that is there already takes the new value.
///
/// Two keys that differ only in case are refused: IAM compares the tag keys in condition keys
/// without regard to case, so such a pair would make a policy's answer a matter of luck.
///
/// # Errors
/// A key or value that AWS wouldn't take, too many tags, or keys that differ only in case.
pub(crate) fn merge(current: &[Tag], added: &[Tag]) -> Result<Vec<Tag>, EmrError> {
    let mut tags = current.to_vec();
    for tag in added {
        validate(tag)?;
        match tags
            .iter_mut()
            .find(|existing| existing.key.to_lowercase() == tag.key.to_lowercase())
        {
            Some(existing) if existing.key == tag.key => existing.value.clone_from(&tag.value),
            Some(existing) => return Err(case_clash(&existing.key, &tag.key)),
            None => tags.push(tag.clone()),
        }
    }
    if tags.len() > MOST_TAGS {
        return Err(EmrError::invalid_request(format!(
            "A resource can have at most {MOST_TAGS} tags."
        )));
    }
    Ok(tags)
}

/// `current` without the tags named in `keys`.
pub(crate) fn remove(current: &[Tag], keys: &[String]) -> Vec<Tag> {
    let mut tags = current.to_vec();
    tags.retain(|tag| !keys.contains(&tag.key));
    tags
}

fn case_clash(existing: &str, added: &str) -> EmrError {
    EmrError::invalid_request(format!(
        "The tag keys '{existing}' and '{added}' differ only in case. Policies compare tag keys \
         without regard to case, so use one of them."
    ))
}

fn validate(tag: &Tag) -> Result<(), EmrError> {
    let key_length = tag.key.chars().count();
    if key_length == 0 || key_length > LONGEST_KEY {
        return Err(EmrError::invalid_request(format!(
            "A tag key must have 1 to {LONGEST_KEY} characters."
        )));
    }
    if tag.value.chars().count() > LONGEST_VALUE {
        return Err(EmrError::invalid_request(format!(
            "The value of the tag '{}' is longer than {LONGEST_VALUE} characters.",
            tag.key
        )));
    }
    let reserved = tag
        .key
        .get(..4)
        .is_some_and(|start| start.eq_ignore_ascii_case("aws:"));
    if reserved {
        return Err(EmrError::invalid_request(
            "Tag keys that begin with 'aws:' are reserved.",
        ));
    }
    if !tag.key.chars().chain(tag.value.chars()).all(may_appear) {
        return Err(EmrError::invalid_request(format!(
            "The tag '{}' may only hold letters, digits, spaces and _ . : / = + - @.",
            tag.key
        )));
    }
    Ok(())
}

fn may_appear(character: char) -> bool {
    character.is_alphanumeric() || character == ' ' || "_.:/=+-@".contains(character)
}

/// The condition keys of a resource that has `tags` now.
pub(crate) fn resource_context(tags: &[Tag]) -> Context {
    let mut context = Context::new();
    for tag in tags {
        for prefix in ["aws:ResourceTag/", "elasticmapreduce:ResourceTag/"] {
            context.insert(&format!("{prefix}{}", tag.key), vec![tag.value.clone()]);
        }
    }
    context
}

/// Adds the condition keys of a request that sets `tags`. Nothing is added for no tags: the keys
/// are absent then, as in AWS.
pub(crate) fn add_request_tags(mut context: Context, tags: &[Tag]) -> Context {
    for tag in tags {
        for prefix in ["aws:RequestTag/", "elasticmapreduce:RequestTag/"] {
            context.insert(&format!("{prefix}{}", tag.key), vec![tag.value.clone()]);
        }
    }
    add_tag_keys(context, tags.iter().map(|tag| tag.key.clone()))
}

/// Adds `aws:TagKeys`.
pub(crate) fn add_tag_keys(mut context: Context, keys: impl Iterator<Item = String>) -> Context {
    let keys: Vec<String> = keys.collect();
    if !keys.is_empty() {
        context.insert("aws:TagKeys", keys);
    }
    context
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(key: &str, value: &str) -> Tag {
        Tag {
            key: key.to_owned(),
            value: value.to_owned(),
        }
    }

    #[test]
    fn adding_overwrites_the_value_of_a_key() {
        let tags = merge(&[tag("team", "a")], &[tag("team", "b"), tag("cost", "")]).unwrap();
        assert_eq!(tags, [tag("team", "b"), tag("cost", "")]);
        assert_eq!(remove(&tags, &["team".to_owned()]), [tag("cost", "")]);
    }

    #[test]
    fn keys_that_differ_in_case_are_refused() {
        assert!(merge(&[tag("team", "a")], &[tag("Team", "b")]).is_err());
        assert!(merge(&[], &[tag("team", "a"), tag("TEAM", "b")]).is_err());
    }

    #[test]
    fn keys_and_values_keep_to_the_rules() {
        for bad in [
            tag("", "x"),
            tag("aws:x", "x"),
            tag("AWS:x", "x"),
            tag(&"k".repeat(129), "x"),
            tag("k", &"v".repeat(257)),
            tag("k*", "v"),
            tag("k", "line\nbreak"),
        ] {
            assert!(merge(&[], std::slice::from_ref(&bad)).is_err(), "{bad:?}");
        }
        let many: Vec<_> = (0..51).map(|n| tag(&format!("k{n}"), "")).collect();
        assert!(merge(&[], &many).is_err());
        assert!(merge(&[], &many[..50]).is_ok());
    }

    #[test]
    fn fill_the_condition_keys() {
        let context = resource_context(&[tag("Team", "red")]);
        for key in ["aws:resourcetag/team", "elasticmapreduce:ResourceTag/Team"] {
            assert_eq!(context.get(key), Some(&["red".to_owned()][..]), "{key}");
        }
        let context = add_request_tags(Context::new(), &[tag("a", "1"), tag("b", "2")]);
        assert_eq!(context.get("aws:TagKeys").map(<[_]>::len), Some(2));
        assert_eq!(context.get("aws:RequestTag/b"), Some(&["2".to_owned()][..]));
        assert!(
            add_request_tags(Context::new(), &[])
                .get("aws:TagKeys")
                .is_none()
        );
    }
}
