//! What the daemon and an interpreter say to each other: one JSON object a line.
//!
//! The interpreter speaks first: `{"warm":true}`, or `{"fatal":"reason"}`. `{"begin":{…}}` tells it whose
//! it is (see `start.rs`), and it answers `{"ready":true}`. Then each request
//! `{"id":1,"code":"…"}` is answered by `{"id":1,"status":"ok","data":{mime: value}}` or
//! `{"id":1,"status":"error","ename":…,"evalue":…,"traceback":[…]}`, before which any number of
//! `{"id":1,"progress":0.5}` may come. `{"id":2,"complete":{"code":"…","cursor":3}}` is answered by
//! `{"id":2,"candidates":["…"]}`. A batch's script, `{"id":0,"script":{…}}`, is answered by any
//! number of `{"id":0,"stdout":"…"}` and `{"id":0,"stderr":"…"}`, then `{"id":0,"exited":0}`, or an
//! error when it could not be begun. Any other line is noise and goes to the session's log.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::batch::Script;
use super::few::Few;
use super::line::Line;
use super::log::tamed;
use super::printed::Stream;
use super::statement::{Language, Output};

/// Bytes kept of a reply that is too long: enough to see which statement it answers.
pub(super) const CUT_REPLY_BYTES: usize = 256;
/// Lines taken of a traceback, and candidates of a completion.
const TRACEBACK_LINES: usize = 1000;
const CANDIDATES: usize = 1000;

/// A message from the interpreter.
#[derive(Debug)]
pub(super) enum Message {
    /// It is started, and waits to be told whose it is.
    Warm,
    /// It takes statements from now on.
    Ready,
    /// It cannot go on, and says why.
    Fatal(String),
    /// How far a statement has come, 0 to 1.
    Progress { id: u64, progress: f64 },
    /// What a script printed.
    Printed { stream: Stream, text: String },
    /// The end of a script: its exit code, or minus the signal that ended it.
    Exited(i32),
    /// What may stand at the place that was asked for.
    Candidates(Vec<String>),
    /// The end of a statement.
    Reply { id: u64, output: Output },
    /// The end of a statement whose reply was too long to take.
    TooLarge { id: u64 },
    /// Anything else on its output.
    Noise(String),
}

/// What the interpreter is asked to do.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Task<'a> {
    /// To run a statement.
    Code { code: &'a str, kind: Language },
    /// To run a script to its end.
    Script { script: &'a Script },
    /// To say what may stand at a place in code.
    Complete { complete: Place<'a> },
}

/// A place in code that is being written.
#[derive(Serialize)]
pub(super) struct Place<'a> {
    pub code: &'a str,
    /// Characters before the place.
    pub cursor: usize,
}

#[derive(Serialize)]
struct Request<'a> {
    id: u64,
    #[serde(flatten)]
    task: Task<'a>,
}

/// The request line for a task.
pub(super) fn request(id: u64, task: Task<'_>) -> Option<Vec<u8>> {
    let mut line = serde_json::to_vec(&Request { id, task }).ok()?;
    line.push(b'\n');
    Some(line)
}

#[derive(Deserialize)]
struct Spoken {
    warm: Option<bool>,
    ready: Option<bool>,
    fatal: Option<String>,
    id: Option<u64>,
    progress: Option<f64>,
    stdout: Option<String>,
    stderr: Option<String>,
    exited: Option<i32>,
    candidates: Option<Few<CANDIDATES>>,
    status: Option<String>,
    data: Option<Box<RawValue>>,
    ename: Option<String>,
    evalue: Option<String>,
    #[serde(default)]
    traceback: Few<TRACEBACK_LINES>,
}

impl Message {
    /// Reads a line. What is not a message is noise: code in the session may write to the same
    /// stream, and that must cost nobody the session.
    pub fn parse(line: &Line) -> Self {
        if line.is_cut {
            return cut_reply_id(&line.bytes)
                .map_or_else(|| Self::noise(line), |id| Self::TooLarge { id });
        }
        serde_json::from_slice::<Spoken>(&line.bytes)
            .ok()
            .and_then(Spoken::message)
            .unwrap_or_else(|| Self::noise(line))
    }

    fn noise(line: &Line) -> Self {
        let kept = line.bytes.get(..super::log::LINE_BYTES);
        let text = String::from_utf8_lossy(kept.unwrap_or(&line.bytes));
        Self::Noise(text.trim_end().to_owned())
    }
}

impl Spoken {
    fn message(self) -> Option<Message> {
        if let Some(reason) = self.fatal {
            return Some(Message::Fatal(tamed(&reason)));
        }
        let Some(id) = self.id else {
            let warm = (self.warm == Some(true)).then_some(Message::Warm);
            return warm.or((self.ready == Some(true)).then_some(Message::Ready));
        };
        let output = match self.status.as_deref() {
            Some("ok") => Output::Ok {
                data: self.data.filter(|data| data.get().starts_with('{'))?,
            },
            Some("error") => Output::Error {
                ename: self.ename?,
                evalue: self.evalue.unwrap_or_default(),
                traceback: whole(self.traceback),
            },
            _ => return self.unfinished(id),
        };
        Some(Message::Reply { id, output })
    }

    /// What comes before the end, and how a script ended.
    fn unfinished(self, id: u64) -> Option<Message> {
        let printed = |stream| move |text| Message::Printed { stream, text };
        let progress = |progress: f64| Message::Progress {
            id,
            progress: progress.clamp(0.0, 1.0),
        };
        (self.progress.map(progress))
            .or_else(|| self.stdout.map(printed(Stream::Stdout)))
            .or_else(|| self.stderr.map(printed(Stream::Stderr)))
            .or_else(|| self.exited.map(Message::Exited))
            .or_else(|| self.candidates.map(|few| Message::Candidates(few.texts)))
    }
}

/// A traceback as it is shown.
fn whole(few: Few<TRACEBACK_LINES>) -> Vec<String> {
    let mut lines = few.texts;
    if few.left_out > 0 {
        lines.push(format!("[{} more lines are left out]\n", few.left_out));
    }
    lines
}

/// The statement that the beginning of a reply is about.
fn cut_reply_id(beginning: &[u8]) -> Option<u64> {
    let compact: String = beginning
        .iter()
        .take(64)
        .filter(|byte| !byte.is_ascii_whitespace())
        .map(|byte| char::from(*byte))
        .collect();
    let rest = compact.strip_prefix("{\"id\":")?;
    let (digits, _) = rest.split_once(',')?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Message {
        Message::parse(&Line {
            bytes: text.as_bytes().to_vec(),
            is_cut: false,
        })
    }

    #[test]
    fn the_first_line_is_warm_ready_or_fatal() {
        assert!(matches!(parse(r#"{"warm":true}"#), Message::Warm));
        assert!(matches!(
            parse(r#"{"ready":true,"engine":"x"}"#),
            Message::Ready
        ));
        assert!(
            matches!(parse(r#"{"fatal":"no engine"}"#), Message::Fatal(reason) if reason == "no engine")
        );
        assert!(matches!(parse(r#"{"ready":false}"#), Message::Noise(_)));
        assert!(
            matches!(parse(r#"{"fatal":"a\nb\u001b"}"#), Message::Fatal(reason) if reason == "a b ")
        );
    }

    #[test]
    fn lists_are_cut() {
        let many = "\"\",".repeat(2_000_000);
        let Message::Reply {
            output: Output::Error { traceback, .. },
            ..
        } = parse(&format!(
            r#"{{"id":1,"status":"error","ename":"E","traceback":[{many}"x"]}}"#
        ))
        else {
            panic!("not a reply");
        };
        assert_eq!(traceback.len(), TRACEBACK_LINES + 1);
        assert!(traceback.capacity() < 2 * TRACEBACK_LINES);
        assert!(traceback[TRACEBACK_LINES].contains("1999001 more lines"));
        assert!(matches!(
            parse(&format!(r#"{{"id":1,"candidates":[{many}"x"]}}"#)),
            Message::Candidates(all) if all.len() == CANDIDATES
        ));
    }

    #[test]
    fn replies_keep_their_data_as_it_was_written() {
        let Message::Reply {
            id: 4,
            output: Output::Ok { data },
        } = parse(
            r#"{"id": 4, "status": "ok", "data": {"text/plain": "1", "application/json": 1.50}}"#,
        )
        else {
            panic!("not a reply");
        };
        assert_eq!(
            data.get(),
            r#"{"text/plain": "1", "application/json": 1.50}"#
        );
        assert!(matches!(
            parse(r#"{"id":1,"status":"error","ename":"E","evalue":"v","traceback":["t\n"]}"#),
            Message::Reply { id: 1, output: Output::Error { ename, .. } } if ename == "E"
        ));
    }

    #[test]
    fn a_script_prints_and_exits() {
        assert!(matches!(
            parse(r#"{"id":0,"stderr":"oh\n"}"#),
            Message::Printed { stream: Stream::Stderr, text } if text == "oh\n"
        ));
        assert!(matches!(
            parse(r#"{"id":0,"exited":-9}"#),
            Message::Exited(-9)
        ));
    }

    #[test]
    fn what_is_not_the_protocol_is_noise() {
        for text in [
            "hello",
            "{}",
            "[1]",
            r#"{"id":1}"#,
            r#"{"id":1,"status":"ok"}"#,
            r#"{"id":1,"status":"ok","data":[]}"#,
            r#"{"id":-1,"status":"ok","data":{}}"#,
            r#"{"id":1,"status":"error"}"#,
        ] {
            assert!(matches!(parse(text), Message::Noise(_)), "{text}");
        }
    }

    #[test]
    fn a_cut_reply_still_names_its_statement() {
        let cut = |text: &str| {
            Message::parse(&Line {
                bytes: text.as_bytes().to_vec(),
                is_cut: true,
            })
        };
        assert!(matches!(
            cut(r#"{"id": 12, "status": "ok", "data": {"te"#),
            Message::TooLarge { id: 12 }
        ));
        assert!(matches!(cut("xxxxxxxx"), Message::Noise(_)));
    }

    #[test]
    fn deep_nesting_is_only_text() {
        let deep = format!(
            r#"{{"id":1,"status":"ok","data":{{"a":{}{}}}}}"#,
            "[".repeat(100_000),
            "]".repeat(100_000)
        );
        // Whether it is taken or not, it must not exhaust the stack.
        let _ = parse(&deep);
    }

    proptest! {
        #[test]
        fn no_line_panics(bytes: Vec<u8>, is_cut: bool) {
            let _ = Message::parse(&Line { bytes, is_cut });
        }

        #[test]
        fn a_request_is_one_line(code: String) {
            let line = request(1, Task::Code { code: &code, kind: Language::Sql }).unwrap();
            let back: serde_json::Value = serde_json::from_slice(&line).unwrap();
            prop_assert_eq!(back["kind"].as_str(), Some("sql"));
            prop_assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
            let back: serde_json::Value = serde_json::from_slice(&line).unwrap();
            prop_assert_eq!(back["code"].as_str(), Some(code.as_str()));
        }
    }
}
