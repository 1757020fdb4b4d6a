//! Lists in pages: a token is the key after which the next page begins.

use crate::error::CatalogError;

/// One page and the token of the next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page<T> {
    pub items: Vec<T>,
    pub next_token: Option<String>,
}

/// Cuts a page from `items`, which are in the order of their keys.
///
/// # Errors
/// `MaxResults` isn't between 1 and `most`.
pub(crate) fn page<T>(
    items: impl IntoIterator<Item = (String, T)>,
    max_results: Option<usize>,
    next_token: Option<&str>,
    most: usize,
) -> Result<Page<T>, CatalogError> {
    let limit = max_results.unwrap_or(most);
    if limit == 0 || limit > most {
        return Err(CatalogError::invalid(format!(
            "MaxResults must be between 1 and {most}"
        )));
    }
    let mut rest = items
        .into_iter()
        .skip_while(|(key, _)| next_token.is_some_and(|after| key.as_str() <= after))
        .peekable();
    let mut page = Page {
        items: Vec::new(),
        next_token: None,
    };
    for (key, item) in rest.by_ref().take(limit) {
        page.items.push(item);
        page.next_token = Some(key);
    }
    if rest.peek().is_none() {
        page.next_token = None;
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items() -> impl Iterator<Item = (String, u32)> {
        [("a", 1), ("b", 2), ("c", 3)]
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
    }

    #[test]
    fn pages_join_up_to_the_whole_list() {
        let first = page(items(), Some(2), None, 100).unwrap();
        assert_eq!(first.items, [1, 2]);
        let second = page(items(), Some(2), first.next_token.as_deref(), 100).unwrap();
        assert_eq!(second.items, [3]);
        assert_eq!(second.next_token, None);
        assert!(page(items(), Some(0), None, 100).is_err());
        assert!(page(items(), Some(101), None, 100).is_err());
    }
}
