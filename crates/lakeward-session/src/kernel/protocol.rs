//! What the daemon and a kernel's process say to each other: one JSON object a line.
//!
//! To the process: `{"start":{"environment":{…}}}` first, then `{"message":{…},"buffers":[base64]}`,
//! `{"interrupt":true}` and `{"restart":1}`. From it: `{"ready":true}` or `{"fatal":"reason"}` first,
//! then `{"message":{…},"buffers":[base64],"state":"busy"}`, where the last two are not always
//! there, and `{"restarted":1}`.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::KernelState;
use crate::error::SessionError;
use crate::few::Few;
use crate::line::Line;
use crate::log::{LINE_BYTES, tamed};

/// Buffers of one message; a client's may have one less.
const BUFFERS: usize = 1024;

/// The line that interrupts the kernel.
pub(super) const INTERRUPT: &[u8] = b"{\"interrupt\":true}\n";

/// One of Jupyter's messages: JSON that is passed on as it came, and binary buffers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KernelMessage {
    json: String,
    buffers: Vec<Vec<u8>>,
}

/// A client sent something that is no message for a kernel.
#[derive(Debug, thiserror::Error)]
#[error("not a Jupyter message: {0}")]
pub struct MalformedMessage(String);

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum ClientChannel {
    Shell,
    Control,
    Stdin,
}

/// What a client's message must have; the kernel's process looks closer.
#[derive(Deserialize)]
struct Outline {
    #[serde(rename = "channel")]
    _channel: ClientChannel,
    #[serde(rename = "header")]
    _header: serde::de::IgnoredAny,
}

impl KernelMessage {
    /// A client's message, with the buffers that came beside it.
    ///
    /// # Errors
    /// The text is not JSON, or names no channel that clients send on.
    pub fn from_client(json: String, buffers: Vec<Vec<u8>>) -> Result<Self, MalformedMessage> {
        serde_json::from_str::<Outline>(&json)
            .map_err(|error| MalformedMessage(error.to_string()))?;
        // Outside of its strings, and inside there can be none, JSON takes a blank for a newline.
        let json = json.replace(['\n', '\r'], " ");
        Ok(Self { json, buffers })
    }

    /// That the kernel is gone, said in its place.
    pub(super) fn dead() -> Self {
        let id = Uuid::new_v4().to_string();
        let message = json!({
            "header": {
                "msg_id": id, "msg_type": "status", "session": "", "username": "",
                "date": lakeward_wire::iso(Timestamp::now()), "version": "5.3",
            },
            "parent_header": {}, "metadata": {}, "content": {"execution_state": "dead"},
            "channel": "iopub", "msg_id": id, "msg_type": "status",
        });
        Self {
            json: message.to_string(),
            buffers: Vec::new(),
        }
    }

    /// The message without its buffers, a JSON object.
    #[must_use]
    pub fn json(&self) -> &str {
        &self.json
    }

    /// Its buffers.
    #[must_use]
    pub fn buffers(&self) -> &[Vec<u8>] {
        &self.buffers
    }

    /// What it takes to hold it.
    pub(super) fn size(&self) -> usize {
        let buffers = self.buffers.iter();
        let buffers = buffers.map(|one| one.len() + size_of::<Vec<u8>>());
        size_of::<Self>() + self.json.len() + buffers.sum::<usize>()
    }

    /// The line that hands it to the process.
    pub(super) fn line(&self) -> Result<Vec<u8>, SessionError> {
        #[derive(Serialize)]
        struct Sent<'a> {
            message: &'a RawValue,
            buffers: Vec<String>,
        }
        let sent = Sent {
            message: serde_json::from_str(&self.json).map_err(unwritten)?,
            buffers: self
                .buffers
                .iter()
                .map(|one| STANDARD.encode(one))
                .collect(),
        };
        line_of(&sent)
    }
}

/// The first line.
pub(super) fn start(environment: &BTreeMap<String, String>) -> Result<Vec<u8>, SessionError> {
    line_of(&json!({ "start": { "environment": environment } }))
}

/// The line that restarts the kernel.
pub(super) fn restart(number: u64) -> Result<Vec<u8>, SessionError> {
    line_of(&json!({ "restart": number }))
}

fn line_of(value: &impl Serialize) -> Result<Vec<u8>, SessionError> {
    let mut line = serde_json::to_vec(value).map_err(unwritten)?;
    line.push(b'\n');
    Ok(line)
}

/// What was JSON when it was read is so when it is written.
fn unwritten(error: serde_json::Error) -> SessionError {
    SessionError::KernelGone {
        reason: error.to_string(),
    }
}

/// A line of the process.
#[derive(Debug)]
pub(super) enum Told {
    /// It takes messages from now on.
    Ready,
    /// It cannot go on, and says why.
    Fatal(String),
    /// The kernel says something to its clients, and perhaps what state it is in.
    Message(KernelMessage, Option<KernelState>),
    /// The restart of that number is done.
    Restarted(u64),
    /// Anything else on its output.
    Noise(String),
}

#[derive(Deserialize)]
struct Spoken {
    ready: Option<bool>,
    fatal: Option<String>,
    message: Option<Box<RawValue>>,
    #[serde(default)]
    buffers: Few<BUFFERS>,
    state: Option<String>,
    restarted: Option<u64>,
}

impl Told {
    pub fn parse(line: &Line) -> Self {
        let spoken = (!line.is_cut)
            .then(|| serde_json::from_slice::<Spoken>(&line.bytes).ok())
            .flatten();
        spoken
            .and_then(Spoken::told)
            .unwrap_or_else(|| Self::noise(line))
    }

    fn noise(line: &Line) -> Self {
        let kept = line.bytes.get(..LINE_BYTES).unwrap_or(&line.bytes);
        Self::Noise(String::from_utf8_lossy(kept).trim_end().to_owned())
    }
}

impl Spoken {
    fn told(self) -> Option<Told> {
        if let Some(reason) = self.fatal {
            return Some(Told::Fatal(tamed(&reason)));
        }
        if let Some(number) = self.restarted {
            return Some(Told::Restarted(number));
        }
        let Some(message) = self.message else {
            return (self.ready == Some(true)).then_some(Told::Ready);
        };
        if self.buffers.left_out > 0 {
            return Some(Told::Noise(format!(
                "a message with more than {BUFFERS} buffers was not passed on"
            )));
        }
        let texts = self.buffers.texts.iter();
        let buffers: Result<_, _> = texts.map(|one| STANDARD.decode(one)).collect();
        let message = KernelMessage {
            json: Box::<str>::from(message).into_string(),
            buffers: buffers.ok()?,
        };
        if !message.json.starts_with('{') {
            return None;
        }
        Some(Told::Message(message, self.state.as_deref().and_then(word)))
    }
}

fn word(state: &str) -> Option<KernelState> {
    match state {
        "starting" | "idle" => Some(KernelState::Idle),
        "busy" => Some(KernelState::Busy),
        "restarting" => Some(KernelState::Restarting),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn client(text: &str) -> Result<KernelMessage, MalformedMessage> {
        KernelMessage::from_client(text.to_owned(), Vec::new())
    }

    fn told(text: &str) -> Told {
        Told::parse(&Line {
            bytes: text.as_bytes().to_vec(),
            is_cut: false,
        })
    }

    #[test]
    fn a_message_is_one_line_whatever_its_layout() {
        let text = "{\"channel\": \"shell\",\r\n \"header\": {\"msg_id\": \"a\\nb\"}}\n";
        let line = client(text).unwrap().line().unwrap();
        let newlines = line.iter().filter(|byte| **byte == b'\n').count();
        assert_eq!((newlines, line.last()), (1, Some(&b'\n')));
        let value: serde_json::Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(value["message"]["header"]["msg_id"], "a\nb");
    }

    #[test]
    fn what_clients_do_not_send_is_refused() {
        for text in [
            "",
            "[]",
            "{}",
            r#"{"channel":"iopub","header":{}}"#,
            r#"{"channel":"shell"}"#,
            r#"{"channel":"shell","channel":"stdin","header":{}}"#,
            r#"{"channel":"shell","header":{}} {"restart":1}"#,
            "{\"channel\":\"shell\",\"header\":{\"a\":\"\n\"}}",
        ] {
            assert!(client(text).is_err(), "{text}");
        }
    }

    #[test]
    fn buffers_go_there_and_back() {
        let text = r#"{"channel":"shell","header":{}}"#.to_owned();
        let sent = KernelMessage::from_client(text, vec![vec![0, 255], Vec::new()]).unwrap();
        let line = sent.line().unwrap();
        let back = Told::parse(&Line {
            bytes: line,
            is_cut: false,
        });
        assert!(matches!(back, Told::Message(message, None) if message == sent));
    }

    #[test]
    fn a_size_counts_the_buffers_and_these_are_bounded() {
        let line = |count: usize| {
            let buffers = vec!["\"\""; count].join(",");
            told(&format!(r#"{{"message":{{}},"buffers":[{buffers}]}}"#))
        };
        let Told::Message(message, _) = line(BUFFERS) else {
            panic!("not a message");
        };
        assert!(message.size() >= message.buffers.capacity() * size_of::<Vec<u8>>());
        assert!(matches!(line(BUFFERS + 1), Told::Noise(text) if text.contains("1024 buffers")));
        assert!(matches!(line(2_000_000), Told::Noise(_)));
    }

    #[test]
    fn the_process_says_where_the_kernel_is() {
        assert!(matches!(
            told(r#"{"ready":true,"kind":"kernel"}"#),
            Told::Ready
        ));
        assert!(matches!(told(r#"{"fatal":"no"}"#), Told::Fatal(reason) if reason == "no"));
        assert!(matches!(told(r#"{"restarted":3}"#), Told::Restarted(3)));
        assert!(matches!(
            told(r#"{"message":{"a":1},"state":"busy"}"#),
            Told::Message(_, Some(KernelState::Busy))
        ));
        for noise in [
            "x",
            "{}",
            r#"{"message":[]}"#,
            r#"{"message":{},"buffers":["!"]}"#,
        ] {
            assert!(matches!(told(noise), Told::Noise(_)), "{noise}");
        }
    }

    proptest! {
        #[test]
        fn no_line_panics(bytes: Vec<u8>, is_cut: bool) {
            let _ = Told::parse(&Line { bytes, is_cut });
        }
    }
}
