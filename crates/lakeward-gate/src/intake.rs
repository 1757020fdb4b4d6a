//! Receiving bytes: into a durable blob, counted, hashed and compared with what the sender claims.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use s3s::{
    S3Error, S3ErrorCode, S3Result, StdError, TrailingHeaders,
    checksum::ChecksumHasher,
    crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256},
    dto::Checksum,
    s3_error,
};

use crate::{
    blob::{BlobGuard, BlobWriter, Blobs},
    error::{GateError, internal, timed_out},
    pace::TooSlow,
    record::Format,
};

/// The largest object or part that one request may carry, 5 GiB as in S3.
const MAX_BYTES: u64 = 5 << 30;
const MAGIC: &[u8; 4] = b"PAR1";

/// What the sender claims about the bytes.
#[derive(Default)]
pub(crate) struct Claims {
    pub(crate) length: Option<i64>,
    pub(crate) content_md5: Option<String>,
    pub(crate) checksum: Checksum,
    /// The algorithm announced (`x-amz-sdk-checksum-algorithm`, `x-amz-trailer`).
    pub(crate) algorithms: Vec<String>,
    pub(crate) trailers: Option<TrailingHeaders>,
}

impl Claims {
    /// Whether a checksum was announced that can still come behind the body.
    fn awaits(&self, algorithm: &str) -> bool {
        let mut announced = self.algorithms.iter();
        self.trailers.is_some() && announced.any(|name| name.eq_ignore_ascii_case(algorithm))
    }
}

/// Bytes that have arrived and are durable.
pub(crate) struct Received {
    pub(crate) blob: BlobGuard,
    pub(crate) size: u64,
    pub(crate) md5: [u8; 16],
    pub(crate) checksum: Checksum,
    pub(crate) format: Format,
}

/// Takes a body in. Nothing remains of it when it breaks off or is not what was claimed.
pub(crate) async fn receive<S>(blobs: &Blobs, body: S, claims: Claims) -> S3Result<Received>
where
    S: Stream<Item = Result<Bytes, StdError>> + Unpin,
{
    if claims
        .length
        .is_some_and(|length| length as u64 > MAX_BYTES)
    {
        return Err(too_large());
    }
    let mut hashes = Hashes::new(&claims);
    let blob = drain(blobs, body, &mut hashes).await?;
    let (size, format) = (hashes.size, hashes.format());
    let (md5, checksum) = hashes.finish();
    verify(&claims, size, &md5, &checksum)?;
    Ok(Received {
        blob,
        size,
        md5,
        checksum,
        format,
    })
}

async fn drain<S>(blobs: &Blobs, body: S, hashes: &mut Hashes) -> S3Result<BlobGuard>
where
    S: Stream<Item = Result<Bytes, StdError>> + Unpin,
{
    let mut writer = blobs.create().await?;
    match pour(body, hashes, &mut writer).await {
        Ok(()) => Ok(writer.finish().await?),
        Err(error) => {
            writer.discard().await;
            Err(error)
        }
    }
}

async fn pour<S>(mut body: S, hashes: &mut Hashes, writer: &mut BlobWriter) -> S3Result<()>
where
    S: Stream<Item = Result<Bytes, StdError>> + Unpin,
{
    while let Some(bytes) = body.next().await {
        let bytes = bytes.map_err(|error| broken_body(&error))?;
        hashes.update(&bytes);
        if hashes.size > MAX_BYTES {
            return Err(too_large());
        }
        writer.write(bytes).await?;
    }
    Ok(())
}

/// Everything that is computed while bytes pass.
struct Hashes {
    md5: Md5,
    checksum: ChecksumHasher,
    size: u64,
    head: Vec<u8>,
    tail: Vec<u8>,
}

impl Hashes {
    fn new(claims: &Claims) -> Self {
        let wants = |name: &str, claimed: &Option<String>| {
            claimed.is_some()
                || claims
                    .algorithms
                    .iter()
                    .any(|a| a.eq_ignore_ascii_case(name))
        };
        let claimed = &claims.checksum;
        let checksum = ChecksumHasher {
            crc32: wants("crc32", &claimed.checksum_crc32).then(Crc32::new),
            crc32c: wants("crc32c", &claimed.checksum_crc32c).then(Crc32c::new),
            sha1: wants("sha1", &claimed.checksum_sha1).then(Sha1::new),
            sha256: wants("sha256", &claimed.checksum_sha256).then(Sha256::new),
            crc64nvme: wants("crc64nvme", &claimed.checksum_crc64nvme).then(Crc64Nvme::new),
        };
        Self {
            md5: Md5::new(),
            checksum,
            size: 0,
            head: Vec::with_capacity(MAGIC.len()),
            tail: Vec::with_capacity(2 * MAGIC.len()),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        self.checksum.update(bytes);
        self.size += bytes.len() as u64;
        let wanted = MAGIC.len() - self.head.len();
        self.head.extend(bytes.iter().take(wanted));
        let kept = bytes.len().saturating_sub(MAGIC.len());
        self.tail.extend(bytes.iter().skip(kept));
        let surplus = self.tail.len().saturating_sub(MAGIC.len());
        self.tail.drain(..surplus);
    }

    fn format(&self) -> Format {
        // Twelve bytes are the magic twice and the footer's length.
        if self.size >= 12 && self.head == MAGIC && self.tail == MAGIC {
            Format::Parquet
        } else {
            Format::Other
        }
    }

    fn finish(self) -> ([u8; 16], Checksum) {
        (self.md5.finalize(), self.checksum.finalize())
    }
}

fn verify(claims: &Claims, size: u64, md5: &[u8; 16], computed: &Checksum) -> S3Result<()> {
    if claims
        .length
        .is_some_and(|length| u64::try_from(length) != Ok(size))
    {
        return Err(incomplete());
    }
    if let Some(claimed) = &claims.content_md5 {
        verify_md5(claimed, md5)?;
    }
    let claimed = &claims.checksum;
    let pairs = [
        ("CRC32", &claimed.checksum_crc32, &computed.checksum_crc32),
        (
            "CRC32C",
            &claimed.checksum_crc32c,
            &computed.checksum_crc32c,
        ),
        ("SHA1", &claimed.checksum_sha1, &computed.checksum_sha1),
        (
            "SHA256",
            &claimed.checksum_sha256,
            &computed.checksum_sha256,
        ),
        (
            "CRC64NVME",
            &claimed.checksum_crc64nvme,
            &computed.checksum_crc64nvme,
        ),
    ];
    for (name, claimed, computed) in pairs {
        let trailer = trailing(claims.trailers.as_ref(), name);
        if trailer.is_none() && claimed.is_none() && claims.awaits(name) {
            return Err(no_trailer());
        }
        for claimed in [claimed.as_ref(), trailer.as_ref()].into_iter().flatten() {
            if computed.as_ref() != Some(claimed) {
                return Err(s3_error!(
                    BadDigest,
                    "The {name} you specified did not match the calculated checksum."
                ));
            }
        }
    }
    Ok(())
}

fn verify_md5(claimed: &str, md5: &[u8; 16]) -> S3Result<()> {
    match STANDARD.decode(claimed) {
        Ok(claimed) if claimed == md5 => Ok(()),
        Ok(claimed) if claimed.len() == md5.len() => Err(s3_error!(
            BadDigest,
            "The Content-MD5 you specified did not match what we received."
        )),
        _ => Err(s3_error!(
            InvalidDigest,
            "The Content-MD5 you specified is not valid."
        )),
    }
}

fn trailing(trailers: Option<&TrailingHeaders>, algorithm: &str) -> Option<String> {
    let name = format!("x-amz-checksum-{}", algorithm.to_ascii_lowercase());
    trailers?.read(|headers| Some(headers.get(name)?.to_str().ok()?.to_owned()))?
}

fn incomplete() -> S3Error {
    s3_error!(
        IncompleteBody,
        "You did not provide the number of bytes specified by the Content-Length HTTP header."
    )
}

fn too_large() -> S3Error {
    s3_error!(
        EntityTooLarge,
        "Your proposed upload exceeds the maximum allowed size"
    )
}

/// S3's answer to a body that broke off or whose signature is wrong. The codec's error types are
/// not public, so their names are read.
fn broken_body(error: &StdError) -> S3Error {
    let text = error.to_string();
    if text.contains("Sha256Mismatch") {
        return payload_hash_mismatch();
    }
    if text.contains("SignatureMismatch") {
        return s3_error!(
            SignatureDoesNotMatch,
            "The request signature we calculated does not match the signature you provided. Check your key and signing method."
        );
    }
    if TooSlow::is_in(&**error) {
        return timed_out();
    }
    if error.downcast_ref::<GateError>().is_some() {
        return internal(text);
    }
    tracing::debug!(error = text, "a request body broke off");
    incomplete()
}

/// S3's answer to a body without the trailer that was announced: someone may have cut it off.
fn no_trailer() -> S3Error {
    let mut error = S3Error::with_message(
        S3ErrorCode::Custom("MalformedTrailerError".into()),
        "The request contained trailing data that was not well-formed or did not conform to our published schema.",
    );
    error.set_status_code(http::StatusCode::BAD_REQUEST);
    error
}

/// S3's answer to a body that is not the one that was signed.
pub(crate) fn payload_hash_mismatch() -> S3Error {
    let mut error = S3Error::with_message(
        S3ErrorCode::Custom("XAmzContentSHA256Mismatch".into()),
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
    );
    error.set_status_code(http::StatusCode::BAD_REQUEST);
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn take(chunks: Vec<&'static [u8]>, claims: Claims) -> S3Result<Received> {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::local(folder.path()).unwrap();
        let body = futures::stream::iter(chunks).map(|chunk| Ok(Bytes::from_static(chunk)));
        receive(&blobs, body, claims).await
    }

    #[tokio::test]
    async fn parquet_is_known_by_both_ends_however_it_is_cut() {
        for (chunks, format) in [
            (vec![&b"PAR1....PAR1"[..]], Format::Parquet),
            (
                vec![b"PA", b"R1", b"....P", b"A", b"R", b"1"],
                Format::Parquet,
            ),
            (vec![b"PAR1", b"PAR1"], Format::Other),
            (vec![b"PAR1....PAR"], Format::Other),
            (vec![b"a,b\n1,2\nPAR1"], Format::Other),
            (vec![], Format::Other),
        ] {
            let received = take(chunks, Claims::default()).await.unwrap();
            assert_eq!(received.format, format);
        }
    }

    #[tokio::test]
    async fn a_body_that_is_not_what_was_claimed_is_refused() {
        let md5 = |claimed: &str| Claims {
            content_md5: Some(claimed.to_owned()),
            ..Claims::default()
        };
        let crc = |claimed: &str| Claims {
            checksum: Checksum {
                checksum_crc32: Some(claimed.to_owned()),
                ..Checksum::default()
            },
            ..Claims::default()
        };
        let length = |length| Claims {
            length: Some(length),
            ..Claims::default()
        };
        for (claims, code) in [
            (md5("XUFAKrxLKna5cZ2REBfFkg=="), None),
            (
                md5("XUFAKrxLKna5cZ2REBfFkQ=="),
                Some(S3ErrorCode::BadDigest),
            ),
            (md5("nonsense"), Some(S3ErrorCode::InvalidDigest)),
            (crc("NhCmhg=="), None),
            (crc("NhCmhA=="), Some(S3ErrorCode::BadDigest)),
            (length(5), None),
            (length(6), Some(S3ErrorCode::IncompleteBody)),
            (length(-1), Some(S3ErrorCode::EntityTooLarge)),
        ] {
            let answer = take(vec![b"hel", b"lo"], claims).await;
            assert_eq!(answer.err().map(|error| error.code().clone()), code);
        }
    }

    #[test]
    fn a_slow_body_is_told_from_one_that_broke_off() {
        let wrapped = |error: StdError| StdError::from(format!("Underlying: {error}"));
        for (error, code) in [
            (TooSlow.into(), S3ErrorCode::RequestTimeout),
            (wrapped(TooSlow.into()), S3ErrorCode::RequestTimeout),
            ("broke off".into(), S3ErrorCode::IncompleteBody),
        ] {
            assert_eq!(*broken_body(&error).code(), code);
        }
    }
}
