//! Jupyter's messages in WebSocket frames: text, or binary when there are buffers.
//!
//! A binary frame is, big-endian and 32 bits each, the number of its parts and the place where
//! each begins; then the parts, of which the first is the JSON and the others are the buffers
//! (Jupyter Server documentation, "WebSocket kernel wire protocols", the default protocol).

use axum::extract::ws::{Message, Utf8Bytes};
use lakeward_session::{KernelMessage, MalformedMessage};

/// Parts of one frame.
const PARTS: usize = 1024;

/// Why a frame is no message.
#[derive(Debug, thiserror::Error)]
pub(super) enum FrameError {
    /// The parts of a binary frame are not where it says.
    #[error("a binary frame must hold the places of its parts, in order, and JSON first")]
    Layout,
    /// The JSON is none of Jupyter's.
    #[error(transparent)]
    Message(#[from] MalformedMessage),
}

/// The frame of a kernel's message. The JSON gets the empty list of buffers that clients expect.
pub(super) fn encode(message: &KernelMessage) -> Message {
    let json = message.json().trim_end();
    let json = match json.strip_suffix('}') {
        Some("{") | None => json.to_owned(),
        Some(open) => format!("{open},\"buffers\":[]}}"),
    };
    if message.buffers().is_empty() {
        return Message::Text(Utf8Bytes::from(json));
    }
    let parts: Vec<&[u8]> = std::iter::once(json.as_bytes())
        .chain(message.buffers().iter().map(Vec::as_slice))
        .collect();
    let count = number(parts.len());
    let mut frame = count.to_be_bytes().to_vec();
    let mut place = 4 * (parts.len() + 1);
    for part in &parts {
        frame.extend_from_slice(&number(place).to_be_bytes());
        place += part.len();
    }
    for part in parts {
        frame.extend_from_slice(part);
    }
    Message::Binary(frame.into())
}

/// Messages are far smaller than 4 GiB.
fn number(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}

/// A client's message in a text frame.
pub(super) fn decode_text(text: &str) -> Result<KernelMessage, FrameError> {
    Ok(KernelMessage::from_client(text.to_owned(), Vec::new())?)
}

/// A client's message in a binary frame.
pub(super) fn decode_binary(frame: &[u8]) -> Result<KernelMessage, FrameError> {
    let parts = parts_of(frame).ok_or(FrameError::Layout)?;
    let (json, buffers) = parts.split_first().ok_or(FrameError::Layout)?;
    let json = std::str::from_utf8(json).map_err(|_| FrameError::Layout)?;
    let buffers = buffers.iter().map(|buffer| buffer.to_vec()).collect();
    Ok(KernelMessage::from_client(json.to_owned(), buffers)?)
}

fn parts_of(frame: &[u8]) -> Option<Vec<&[u8]>> {
    let (count, rest) = frame.split_first_chunk::<4>()?;
    let count = usize::try_from(u32::from_be_bytes(*count)).ok()?;
    if count == 0 || count > PARTS {
        return None;
    }
    let mut places = Vec::with_capacity(count + 1);
    for place in rest.get(..4 * count)?.chunks_exact(4) {
        let place = u32::from_be_bytes(place.try_into().ok()?);
        places.push(usize::try_from(place).ok()?);
    }
    places.push(frame.len());
    if places.first() != Some(&(4 * (count + 1))) {
        return None;
    }
    places
        .windows(2)
        .map(|ends| match ends {
            [from, to] => frame.get(*from..*to),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const JSON: &str = r#"{"channel":"shell","header":{"msg_id":"é"}}"#;

    #[test]
    fn a_message_without_buffers_is_text_and_has_an_empty_list_of_them() {
        let message = decode_text(JSON).unwrap();
        let Message::Text(text) = encode(&message) else {
            panic!("not text");
        };
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["buffers"], serde_json::json!([]));
        assert_eq!(value["header"]["msg_id"], "é");
    }

    #[test]
    fn the_layout_is_jupyters() {
        let mut frame = vec![0, 0, 0, 2, 0, 0, 0, 12, 0, 0, 0, 12];
        let end = 12 + JSON.len();
        frame[11] = u8::try_from(end).unwrap();
        frame.extend_from_slice(JSON.as_bytes());
        frame.extend_from_slice(b"\xff\x00");
        let message = decode_binary(&frame).unwrap();
        assert_eq!(message.json(), JSON);
        assert_eq!(message.buffers(), [vec![255, 0]]);
    }

    #[test]
    fn frames_that_lie_about_their_parts_are_refused() {
        for frame in [
            &[][..],
            &[0, 0, 0, 0],
            &[0, 0, 0, 1],
            &[0, 0, 0, 1, 0, 0, 0, 4],
            &[0, 0, 0, 1, 0, 0, 0, 9],
            &[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 8],
            &[0, 0, 0, 2, 0, 0, 0, 12, 0, 0, 0, 11],
            &[0, 0, 0, 2, 0, 0, 0, 12, 0xff, 0, 0, 0],
            &[0, 0, 0, 1, 0, 0, 0, 8, 0xff],
        ] {
            assert!(decode_binary(frame).is_err(), "{frame:?}");
        }
    }

    proptest! {
        #[test]
        fn no_frame_panics(frame: Vec<u8>) {
            let _ = decode_binary(&frame);
        }

        #[test]
        fn buffers_go_there_and_back(buffers in proptest::collection::vec(any::<Vec<u8>>(), 1..5)) {
            let message = KernelMessage::from_client(JSON.to_owned(), buffers.clone()).unwrap();
            let Message::Binary(frame) = encode(&message) else {
                return Err(TestCaseError::fail("not binary"));
            };
            let back = decode_binary(&frame).unwrap();
            prop_assert_eq!(back.buffers(), buffers);
        }
    }
}
