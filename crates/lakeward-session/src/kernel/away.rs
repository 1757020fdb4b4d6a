//! What a kernel says while no client listens, for the one that left last.
//!
//! Jupyter Server keeps such messages and gives them to the client that comes back with the same
//! `session_id` (its setting `buffer_offline_messages`). Here they are bounded.

use std::collections::VecDeque;
use std::sync::Arc;

use super::protocol::KernelMessage;

/// Bytes kept; beyond them the oldest messages go.
const AWAY_BYTES: usize = 8 << 20;
/// What a message counts for at least.
const LEAST_BYTES: usize = 1 << 10;

/// What a message counts for.
pub(super) fn weight(message: &KernelMessage) -> usize {
    message.size().max(LEAST_BYTES)
}

/// The messages that wait for a client to come back.
pub(super) struct Away {
    session_id: Box<str>,
    messages: VecDeque<Arc<KernelMessage>>,
    bytes: usize,
}

impl Away {
    pub fn new(session_id: &str) -> Self {
        Self {
            session_id: session_id.into(),
            messages: VecDeque::new(),
            bytes: 0,
        }
    }

    pub fn keep(&mut self, message: Arc<KernelMessage>) {
        self.bytes += weight(&message);
        self.messages.push_back(message);
        while self.bytes > AWAY_BYTES
            && let Some(oldest) = self.messages.pop_front()
        {
            self.bytes = self.bytes.saturating_sub(weight(&oldest));
        }
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Who they are for.
    pub fn session_id(&self) -> &str {
        &self.session_id
    }

    /// The messages, when this is the client that they are kept for.
    pub fn of(self, session_id: &str) -> VecDeque<Arc<KernelMessage>> {
        match &*self.session_id == session_id {
            true => self.messages,
            false => VecDeque::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(length: usize) -> Arc<KernelMessage> {
        let text = format!(
            r#"{{"channel":"shell","header":{{}},"x":"{}"}}"#,
            "x".repeat(length)
        );
        Arc::new(KernelMessage::from_client(text, Vec::new()).unwrap())
    }

    fn held(away: &Away) -> usize {
        away.messages.iter().map(|message| weight(message)).sum()
    }

    #[test]
    fn what_is_kept_is_bounded_and_the_newest_stays() {
        let mut away = Away::new("s");
        for _ in 0..20_000 {
            away.keep(message(1));
        }
        assert_eq!((away.bytes(), held(&away)), (AWAY_BYTES, AWAY_BYTES));
        for length in 0..100 {
            away.keep(message(1_000_000 + length));
        }
        assert_eq!(away.bytes(), held(&away));
        assert!(away.bytes() <= AWAY_BYTES && away.bytes() > AWAY_BYTES / 2);
        let newest = away.messages.back().unwrap().json().len();
        assert_eq!(newest, message(1_000_099).json().len());
        away.keep(message(AWAY_BYTES));
        assert_eq!((away.bytes(), away.messages.len()), (0, 0));
    }

    #[test]
    fn they_are_for_the_one_that_left() {
        for (session_id, expected) in [("s", 1), ("t", 0), ("", 0)] {
            let mut away = Away::new("s");
            away.keep(message(1));
            assert_eq!(away.of(session_id).len(), expected);
        }
    }
}
