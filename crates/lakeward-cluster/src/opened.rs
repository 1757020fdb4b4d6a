//! What a request opens that its client may never learn of.

/// Ends what was opened when it is dropped, unless it is kept first.
pub(crate) struct Opened<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> Opened<F> {
    /// Something that was opened; `end` ends it.
    pub fn new(end: F) -> Self {
        Self(Some(end))
    }

    /// It may stay.
    pub fn keep(mut self) {
        self.0 = None;
    }
}

impl<F: FnOnce()> Drop for Opened<F> {
    fn drop(&mut self) {
        if let Some(end) = self.0.take() {
            end();
        }
    }
}
