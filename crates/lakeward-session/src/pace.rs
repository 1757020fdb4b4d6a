//! How fast a session may say things that mean nothing: each costs the daemon a little time, which
//! no limit of the session's counts.

use std::time::Duration;

use tokio::time::Instant;

use super::line::Line;
use super::log::LINE_BYTES;

/// Lines of a usual length that are taken in each [`SPAN`].
const LINES: usize = 1000;
const SPAN: Duration = Duration::from_secs(1);

/// Counts what is noise. Whoever is too fast waits for the rest of the span, and blocks when its
/// pipe is full.
pub(super) struct Pace {
    begun: Instant,
    lines: usize,
    until: Option<Instant>,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            begun: Instant::now(),
            lines: 0,
            until: None,
        }
    }
}

impl Pace {
    /// Counts a line; a long one as many.
    pub fn count(&mut self, line: &Line) {
        let now = Instant::now();
        if now.duration_since(self.begun) >= SPAN {
            *self = Self::default();
        }
        self.lines += 1 + line.bytes.len() / LINE_BYTES;
        if self.lines >= LINES {
            self.until = Some(self.begun + SPAN);
        }
    }

    /// Waits until more may come.
    pub async fn wait(&self) {
        if let Some(until) = self.until {
            tokio::time::sleep_until(until).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(length: usize) -> Line {
        Line {
            bytes: vec![b'x'; length],
            is_cut: false,
        }
    }

    /// How many such lines are taken before it has to wait.
    fn taken(length: usize) -> usize {
        let (mut pace, line) = (Pace::default(), line(length));
        // The clock of a slow machine may begin a new span; none of the spans is longer.
        let counted = (1..=10 * LINES).find(|_| {
            pace.count(&line);
            pace.until.is_some()
        });
        counted.unwrap()
    }

    #[tokio::test]
    async fn who_is_too_fast_waits() {
        assert!(taken(10) >= LINES);
        assert!(taken(10 * LINE_BYTES) < LINES);
        let mut pace = Pace::default();
        pace.count(&line(1));
        assert!(pace.until.is_none());
        pace.wait().await;
        pace.until = Some(Instant::now() + Duration::from_secs(3600));
        let waited = tokio::time::timeout(Duration::from_millis(20), pace.wait());
        assert!(waited.await.is_err());
        pace.begun = Instant::now().checked_sub(SPAN).unwrap();
        pace.count(&line(1));
        assert!(pace.until.is_none(), "a new span");
    }
}
