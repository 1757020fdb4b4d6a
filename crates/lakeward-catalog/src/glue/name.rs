//! Names of databases and tables.

use crate::error::CatalogError;

/// The longest name, in bytes, that Glue takes.
const MAX_NAME: usize = 255;

/// A database's or table's name as Glue keeps it: folded to lower case.
///
/// # Errors
/// The name is empty, too long, or has a slash or control character, which ARNs and the store's keys
/// can't carry.
pub(crate) fn folded_name(what: &str, name: &str) -> Result<String, CatalogError> {
    let plain = !name.contains('/') && !name.contains(char::is_control);
    if name.is_empty() || name.len() > MAX_NAME || !plain {
        return Err(CatalogError::invalid(format!(
            "{what} name `{}` must have 1 to {MAX_NAME} bytes, without slashes and control characters",
            name.escape_debug()
        )));
    }
    Ok(name.to_lowercase())
}
