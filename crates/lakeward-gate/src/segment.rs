//! Bodies made of segments: ranges of a blob, bytes at hand, and zeros, in large chunks.
//!
//! A raw object is one segment, a filtered one is many; both go through the same reader, so a
//! filtered body costs what a raw one costs.

use std::{
    collections::VecDeque,
    fs::File,
    future::Future,
    io::{self, Read, Seek, SeekFrom},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures::Stream;
use lakeward_parquet::Piece;
use prometheus_client::metrics::counter::Counter;
use s3s::{
    StdError,
    dto::StreamingBlob,
    stream::{ByteStream, RemainingLength},
};
use tokio::task::JoinHandle;

use crate::blob::Blob;

/// Bytes read by one task.
const CHUNK: u64 = 1 << 20;
/// Bytes at hand and zeros of at least this length are sent as they are, without a copy.
const WHOLE: u64 = 32 << 10;

static ZEROS: [u8; 1 << 18] = [0; 1 << 18];

/// A run of a body's bytes.
#[derive(Clone, Debug)]
pub(crate) enum Segment {
    /// A range of the blob.
    Blob { offset: u64, length: u64 },
    /// Bytes at hand.
    Inline(Bytes),
    /// Zeros.
    Zeros(u64),
}

impl From<Piece> for Segment {
    fn from(piece: Piece) -> Self {
        match piece {
            Piece::Original { offset, len } => Self::Blob {
                offset,
                length: len,
            },
            Piece::Inline(bytes) => Self::Inline(bytes),
            Piece::Zeros(length) => Self::Zeros(length),
        }
    }
}

impl Segment {
    fn length(&self) -> u64 {
        match self {
            Self::Blob { length, .. } | Self::Zeros(length) => *length,
            Self::Inline(bytes) => bytes.len() as u64,
        }
    }

    /// Cuts off the first `count` bytes, at most the whole.
    fn split(&mut self, count: u64) -> Self {
        match self {
            Self::Blob { offset, length } => {
                let head = Self::Blob {
                    offset: *offset,
                    length: count,
                };
                *offset += count;
                *length -= count;
                head
            }
            Self::Inline(bytes) => {
                let count = usize::try_from(count).unwrap_or(bytes.len());
                Self::Inline(bytes.split_to(count.min(bytes.len())))
            }
            Self::Zeros(length) => {
                *length -= count;
                Self::Zeros(count)
            }
        }
    }
}

/// What comes next: bytes that need no reading, or a task that gathers them.
enum Chunk {
    Ready(Bytes),
    Reading(JoinHandle<io::Result<Bytes>>),
}

/// A body as a stream. One chunk is read ahead while another is being sent.
pub(crate) struct SegmentStream {
    file: Arc<File>,
    segments: VecDeque<Segment>,
    remaining: u64,
    next: Option<Chunk>,
    /// Counts the bytes that left.
    served: Counter,
}

impl SegmentStream {
    /// The body that `segments` of `blob` make up. The stream reads through the file's cursor,
    /// so `blob` must have been opened for it alone.
    pub(crate) fn new(blob: &Blob, segments: impl IntoIterator<Item = Segment>) -> Self {
        let segments: VecDeque<_> = segments
            .into_iter()
            .filter(|segment| segment.length() > 0)
            .collect();
        Self {
            file: Arc::clone(&blob.file),
            remaining: segments.iter().map(Segment::length).sum(),
            segments,
            next: None,
            served: Counter::default(),
        }
    }

    /// Adds the bytes that leave to a counter.
    pub(crate) fn counted_by(mut self, served: &Counter) -> Self {
        self.served = served.clone();
        self
    }

    /// The range `offset..offset + length` of `blob`.
    pub(crate) fn range(blob: &Blob, offset: u64, length: u64) -> Self {
        Self::new(blob, [Segment::Blob { offset, length }])
    }

    pub(crate) fn into_body(self) -> StreamingBlob {
        StreamingBlob::new(self)
    }

    fn advance(&mut self) -> Option<Chunk> {
        let front = self.segments.front_mut()?;
        match front {
            Segment::Inline(bytes) if bytes.len() as u64 >= WHOLE => {
                let bytes = std::mem::take(bytes);
                self.segments.pop_front();
                Some(Chunk::Ready(bytes))
            }
            Segment::Zeros(length) if *length >= WHOLE => {
                let count = (*length).min(ZEROS.len() as u64);
                *length -= count;
                if *length == 0 {
                    self.segments.pop_front();
                }
                let count = usize::try_from(count).unwrap_or(ZEROS.len());
                Some(Chunk::Ready(Bytes::from_static(&ZEROS).slice(..count)))
            }
            _ => {
                let batch = self.batch();
                let file = Arc::clone(&self.file);
                Some(Chunk::Reading(tokio::task::spawn_blocking(move || {
                    gather(&file, batch)
                })))
            }
        }
    }

    /// Takes the segments of the next chunk: small ones together, large ones in pieces.
    fn batch(&mut self) -> Vec<Segment> {
        let mut batch = Vec::new();
        let mut room = CHUNK;
        while let Some(front) = self.segments.front_mut() {
            let large = !matches!(front, Segment::Blob { .. }) && front.length() >= WHOLE;
            if room == 0 || (large && !batch.is_empty()) {
                break;
            }
            let head = front.split(front.length().min(room));
            room -= head.length();
            if front.length() == 0 {
                self.segments.pop_front();
            }
            batch.push(head);
        }
        batch
    }
}

/// Reads a chunk's segments into one buffer.
fn gather(mut file: &File, batch: Vec<Segment>) -> io::Result<Bytes> {
    let length: u64 = batch.iter().map(Segment::length).sum();
    let mut buffer = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    for segment in batch {
        match segment {
            Segment::Blob { offset, length } => {
                file.seek(SeekFrom::Start(offset))?;
                if file.take(length).read_to_end(&mut buffer)? as u64 != length {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            Segment::Inline(bytes) => buffer.extend_from_slice(&bytes),
            Segment::Zeros(length) => {
                let length = usize::try_from(length).map_err(io::Error::other)?;
                buffer.resize(buffer.len() + length, 0);
            }
        }
    }
    Ok(buffer.into())
}

impl Stream for SegmentStream {
    type Item = Result<Bytes, StdError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.next.is_none() {
            this.next = this.advance();
        }
        let bytes = match &mut this.next {
            None => return Poll::Ready(None),
            Some(Chunk::Ready(bytes)) => std::mem::take(bytes),
            Some(Chunk::Reading(task)) => match ready!(Pin::new(task).poll(context)) {
                Ok(Ok(bytes)) => bytes,
                Ok(Err(error)) => return this.fail(error.into()),
                Err(error) => return this.fail(error.into()),
            },
        };
        this.remaining = this.remaining.saturating_sub(bytes.len() as u64);
        this.served.inc_by(bytes.len() as u64);
        this.next = this.advance();
        Poll::Ready(Some(Ok(bytes)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, None)
    }
}

impl SegmentStream {
    fn fail(&mut self, error: StdError) -> Poll<Option<Result<Bytes, StdError>>> {
        tracing::error!(%error, "an object body broke off");
        self.segments.clear();
        self.next = None;
        Poll::Ready(Some(Err(error)))
    }
}

impl ByteStream for SegmentStream {
    fn remaining_length(&self) -> RemainingLength {
        usize::try_from(self.remaining)
            .map_or_else(|_| RemainingLength::unknown(), RemainingLength::new_exact)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use futures::TryStreamExt;
    use proptest::prelude::*;

    use super::*;

    fn blob(bytes: &[u8]) -> Blob {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        Blob {
            file: Arc::new(file),
            size: bytes.len() as u64,
        }
    }

    async fn collected(stream: SegmentStream) -> Result<Vec<u8>, StdError> {
        let promised = stream.remaining_length().exact();
        let chunks: Vec<Bytes> = stream.try_collect().await?;
        let bytes = chunks.concat();
        assert_eq!(promised, Some(bytes.len()));
        Ok(bytes)
    }

    fn naive(source: &[u8], segments: &[Segment]) -> Vec<u8> {
        let mut out = Vec::new();
        for segment in segments {
            match segment {
                Segment::Blob { offset, length } => {
                    out.extend_from_slice(&source[*offset as usize..(*offset + *length) as usize])
                }
                Segment::Inline(bytes) => out.extend_from_slice(bytes),
                Segment::Zeros(length) => out.resize(out.len() + *length as usize, 0),
            }
        }
        out
    }

    fn a_segment(size: u64) -> impl Strategy<Value = Segment> {
        prop_oneof![
            (0..size, 0..size).prop_map(move |(offset, length)| Segment::Blob {
                offset,
                length: length.min(size - offset),
            }),
            (0_usize..80_000, any::<u8>())
                .prop_map(|(length, byte)| Segment::Inline(vec![byte; length].into())),
            (0_u64..700_000).prop_map(Segment::Zeros),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn a_body_is_the_concatenation_of_its_segments(
            segments in prop::collection::vec(a_segment(3_000_000), 0..12),
        ) {
            let source: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let expected = naive(&source, &segments);
            let stream = SegmentStream::new(&blob(&source), segments);
            let got = runtime.block_on(collected(stream)).unwrap();
            prop_assert!(got == expected);
        }
    }

    #[tokio::test]
    async fn a_range_past_the_end_breaks_off() {
        let stream = SegmentStream::range(&blob(b"short"), 2, 10);
        assert!(stream.try_collect::<Vec<_>>().await.is_err());
    }
}
