//! The `Principal` and `NotPrincipal` elements.

use super::reading::{malformed, object, one_or_many, string};
use crate::document::MalformedPolicy;
use crate::json::{Node, Value};
use crate::principal::Principals;

/// Compiles the element, and gives its kinds and names as written.
pub(super) fn read(node: Node<'_>) -> Result<(Principals, Vec<(String, String)>), MalformedPolicy> {
    let members = match node.value()? {
        Value::String(text) if text == "*" => {
            let written = vec![("*".to_owned(), "*".to_owned())];
            return Ok((Principals::everyone(), written));
        }
        Value::String(text) => return Err(invalid(node, format!(": \"{text}\""))),
        _ => object(node, "Principal")?,
    };
    let mut principals = Principals::default();
    let mut written = Vec::new();
    for (kind, at) in members {
        for item in one_or_many(at)? {
            let value = string(item, "a principal")?;
            if !principals.add(&kind, &value) {
                return Err(invalid(item, format!(": \"{kind}\":\"{value}\"")));
            }
            written.push((kind.clone(), value));
        }
    }
    match principals.is_empty() {
        true => Err(invalid(node, String::new())),
        false => Ok((principals, written)),
    }
}

fn invalid(at: Node<'_>, what: String) -> MalformedPolicy {
    let message = format!("Invalid principal in policy{what}");
    malformed(at, message, "nobody has that name")
}
