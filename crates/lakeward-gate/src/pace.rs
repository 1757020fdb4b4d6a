//! How slowly a request's body may arrive: whoever sends less holds a connection and a half-written
//! blob for nothing.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use futures::Stream;
use s3s::{
    Body, StdError,
    stream::{ByteStream, DynByteStream, RemainingLength},
};
use thiserror::Error;
use tokio::time::{Sleep, sleep};

/// The least that must arrive in a while.
#[derive(Clone, Copy)]
struct Pace {
    bytes: usize,
    within: Duration,
}

const SLOWEST: Pace = Pace {
    bytes: 16 << 10,
    within: Duration::from_secs(60),
};

/// A body came more slowly than is waited for.
#[derive(Debug, Error)]
#[error("the body arrives too slowly")]
pub(crate) struct TooSlow;

impl TooSlow {
    /// Whether `error` tells of it: the codec puts its own errors, whose types are not public,
    /// around those of the body.
    pub(crate) fn is_in(error: &(dyn std::error::Error + 'static)) -> bool {
        error.to_string().contains(&Self.to_string())
    }
}

/// The body, which fails with [`TooSlow`] when it stalls.
pub(crate) fn paced(body: Body) -> Body {
    // What is here already isn't waited for.
    if body.bytes().is_some() {
        return body;
    }
    let stream: DynByteStream = Box::pin(Paced::new(body, SLOWEST));
    Body::from(stream)
}

struct Paced {
    body: Body,
    pace: Pace,
    /// What has arrived since the last time it was enough.
    arrived: usize,
    /// Runs from the first wait after that.
    patience: Option<Pin<Box<Sleep>>>,
}

impl Paced {
    fn new(body: Body, pace: Pace) -> Self {
        Self {
            body,
            pace,
            arrived: 0,
            patience: None,
        }
    }

    fn count(&mut self, bytes: usize) {
        self.arrived = self.arrived.saturating_add(bytes);
        if self.arrived >= self.pace.bytes {
            self.arrived = 0;
            self.patience = None;
        }
    }
}

impl Stream for Paced {
    type Item = Result<Bytes, StdError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if let Poll::Ready(next) = Pin::new(&mut this.body).poll_next(cx) {
            if let Some(Ok(bytes)) = &next {
                this.count(bytes.len());
            }
            return Poll::Ready(next);
        }
        let within = this.pace.within;
        let patience = this.patience.get_or_insert_with(|| Box::pin(sleep(within)));
        ready!(patience.as_mut().poll(cx));
        Poll::Ready(Some(Err(Box::new(TooSlow))))
    }
}

impl ByteStream for Paced {
    fn remaining_length(&self) -> RemainingLength {
        self.body.remaining_length()
    }
}

#[cfg(test)]
mod tests {
    use futures::{StreamExt, stream};
    use s3s::dto::StreamingBlob;

    use super::*;

    fn part() -> Result<Bytes, std::io::Error> {
        Ok(Bytes::from_static(b"x"))
    }

    /// A body that sends `bytes` one by one, without waiting, and stalls then or ends.
    fn paced_body(bytes: usize, stalls: bool, enough: usize) -> Paced {
        let sent = stream::iter(0..bytes).map(|_| part());
        let rest = if stalls {
            stream::pending().left_stream()
        } else {
            stream::empty().right_stream()
        };
        let pace = Pace {
            bytes: enough,
            within: Duration::from_millis(5),
        };
        let body = StreamingBlob::wrap(sent.chain(rest));
        Paced::new(Body::from(body), pace)
    }

    #[tokio::test]
    async fn a_body_that_stalls_fails() {
        for (sent, enough) in [(0, 1), (3, 10), (10, 3), (9, 3)] {
            let body = paced_body(sent, true, enough);
            let parts: Vec<_> = body.take(sent + 1).collect().await;
            let (last, before) = parts.split_last().unwrap();
            assert!(before.iter().all(Result::is_ok));
            assert!(TooSlow::is_in(&**last.as_ref().unwrap_err()), "{sent}");
        }
    }

    #[tokio::test]
    async fn a_trickle_fails_too() {
        let trickle = stream::unfold((), |()| async {
            sleep(Duration::from_millis(1)).await;
            Some((part(), ()))
        });
        let pace = Pace {
            bytes: 1 << 20,
            within: Duration::from_millis(20),
        };
        let body = Paced::new(Body::from(StreamingBlob::wrap(trickle)), pace);
        let failed = body.any(|part| async move { part.is_err() });
        assert!(failed.await);
    }

    #[tokio::test]
    async fn a_body_that_ends_is_passed_on() {
        let parts: Vec<_> = paced_body(20, false, 3).collect().await;
        assert_eq!(parts.len(), 20);
        assert!(parts.iter().all(Result::is_ok));
    }
}
