use std::{
    fs::File,
    io::{self, BufRead, BufReader, ErrorKind, Read, Write},
    path::PathBuf,
    process::ExitCode,
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, SyncSender, TryRecvError, sync_channel},
    },
    thread,
};

use anyhow::{Context, Result, anyhow};
use clap::Args;
use lakeward_simulator::{Detail, Documents, answer};

/// The longest line that is read.
const LONGEST_LINE: usize = 16 << 20;

/// A batch is handed on when it has this many bytes or lines, or when there is nothing more to
/// read at the moment.
const BATCH_BYTES: usize = 256 << 10;
const BATCH_LINES: usize = 256;

/// Judge requests against policies: one case a line in, one verdict a line out.
///
/// Each line is a JSON object:
///
///   {"id": "…",                        optional
///    "identityPolicies": [P, …],       of the user and its groups, or of the role
///    "resourcePolicy": P,              of the bucket, key or secret; for a role and an sts: action its trust policy
///    "boundaries": [P], "sessionPolicies": [P], "endpointPolicies": [P],
///    "scps": [[P]], "rcps": [[P]],     one list for each level of the organization, root first
///    "request": {
///      "principal": "arn:… of a user, role, session, root, …", a service such as "glue.amazonaws.com",
///                   or null for an anonymous caller,
///      "action": "s3:GetObject",
///      "resource": {"resource": "arn:…" or "*", "accountId": "its owner's twelve digits"},
///      "contextVariables": {"aws:SourceIp": "203.0.113.7", "aws:TagKeys": ["a", "b"]}}}
///
/// P is a policy document, a string that holds one, or {"name": "…", "policy": P} to give it the name that
/// explanations show. Only principal, action and resource are required, and accountId where the ARN names no account.
/// Numbers and booleans among contextVariables count as their text. What stands beside these members under other names
/// is let through when it is plain (a remark, a list of tags, an expected verdict) and is an error when it may be a
/// misspelt list of policies. Documents may be of version 2008-10-17 or of none, which know no variables.
///
/// An empty list of boundaries, session or endpoint policies is the same as none; a level of scps without policies
/// allows nothing; RCPFullAWSAccess is attached at every level of rcps, which bear on the services that support them.
/// Keys that follow from the principal and the resource (aws:PrincipalArn, aws:ResourceAccount, …) are filled in unless
/// they are given. Keys and roles need a policy of their own: without resourcePolicy nothing is allowed on them.
///
/// Lines of white space are left out and get no answer.
///
/// Prints Allowed, ImplicitlyDenied or ExplicitlyDenied, or `Error:` and why for a case that can't be judged, and
/// exits with 0 when the whole input was read; with --strict, with 1 when some cases could not be judged.
#[derive(Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLE)]
pub(super) struct Eval {
    /// The cases; standard input when left out, or for `-`.
    file: Option<PathBuf>,
    /// Print a JSON object for each case: the result, the doors and statements that led to it, and the smallest
    /// changes that would allow it.
    #[arg(long)]
    explain: bool,
    /// Exit with 1 when some case could not be judged.
    #[arg(long)]
    strict: bool,
}

const EXAMPLE: &str = r#"Example:
  echo '{"identityPolicies": [{"Version": "2012-10-17", "Statement":
    [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "arn:aws:s3:::lake/*"}]}],
    "request": {"principal": "arn:aws:iam::111122223333:user/ana", "action": "s3:GetObject",
    "resource": {"resource": "arn:aws:s3:::lake/a.parquet", "accountId": "111122223333"}}}' |
    tr -d '\n' | lakeward policy eval --explain"#;

/// One line of input.
enum Line {
    Text(Vec<u8>),
    TooLong,
}

/// Lines to judge, and where the answers go.
struct Job {
    lines: Vec<Line>,
    answers: SyncSender<Answers>,
}

/// The output for a batch.
struct Answers {
    text: String,
    unjudged: u64,
}

/// The batches in their order: for each the place where its answers will come.
type Order = Receiver<io::Result<Receiver<Answers>>>;

impl Eval {
    pub(super) fn run(self) -> Result<ExitCode> {
        let detail = match self.explain {
            true => Detail::Explanation,
            false => Detail::Verdict,
        };
        let file = self.file.filter(|file| file.as_os_str() != "-");
        let name = match &file {
            Some(file) => file.display().to_string(),
            None => "standard input".to_owned(),
        };
        let source: Box<dyn Read + Send> = match file {
            Some(file) => {
                Box::new(File::open(file).with_context(|| format!("{name} can't be opened"))?)
            }
            None => Box::new(io::stdin()),
        };
        let order = start(source, detail);
        match print(&order, io::stdout().lock(), &name)? {
            0 => Ok(ExitCode::SUCCESS),
            unjudged => {
                eprintln!("lakeward: {unjudged} of the cases could not be judged");
                Ok(if self.strict {
                    ExitCode::FAILURE
                } else {
                    ExitCode::SUCCESS
                })
            }
        }
    }
}

/// Starts one thread that reads and one for each core that judges. They end with the input, or
/// with the process when nobody wants the answers any more.
fn start(source: Box<dyn Read + Send>, detail: Detail) -> Order {
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let (work, jobs) = sync_channel::<Job>(workers);
    let (ordered, order) = sync_channel(2 * workers);
    let jobs = Arc::new(Mutex::new(jobs));
    for _ in 0..workers {
        let jobs = Arc::clone(&jobs);
        thread::spawn(move || judge(&jobs, detail));
    }
    thread::spawn(move || {
        let mut input = BufReader::with_capacity(BATCH_BYTES, source);
        let mut first = true;
        loop {
            let lines = match batch(&mut input, &mut first) {
                Ok(lines) if lines.is_empty() => return,
                Ok(lines) => lines,
                Err(error) => {
                    let _ = ordered.send(Err(error));
                    return;
                }
            };
            let (answers, place) = sync_channel(1);
            if ordered.send(Ok(place)).is_err() || work.send(Job { lines, answers }).is_err() {
                return;
            }
        }
    });
    order
}

fn judge(jobs: &Mutex<Receiver<Job>>, detail: Detail) {
    let mut documents = Documents::default();
    loop {
        let next = match jobs.lock() {
            Ok(jobs) => jobs.recv(),
            Err(_) => return,
        };
        let Ok(Job { lines, answers }) = next else {
            return;
        };
        let mut judged = Answers {
            text: String::new(),
            unjudged: 0,
        };
        for line in &lines {
            let text = match line {
                Line::Text(text) => answer(text, detail, &mut documents),
                Line::TooLong => Err(too_long(detail)),
            };
            judged.unjudged += u64::from(text.is_err());
            judged.text.push_str(&text.unwrap_or_else(|text| text));
            judged.text.push('\n');
        }
        // Whoever asked may be gone.
        let _ = answers.send(judged);
    }
}

fn too_long(detail: Detail) -> String {
    let why = format!("the line is longer than {LONGEST_LINE} bytes");
    match detail {
        Detail::Verdict => format!("Error:{why}"),
        Detail::Explanation => serde_json::json!({"result": "Error", "error": why}).to_string(),
    }
}

/// The next lines; none at the end of the input. Lines of white space are left out.
fn batch(input: &mut BufReader<Box<dyn Read + Send>>, first: &mut bool) -> io::Result<Vec<Line>> {
    let mut lines = Vec::new();
    let mut size = 0;
    while let Some(line) = line(input)? {
        let line = match line {
            Line::Text(text) if *first => {
                let marked = text.strip_prefix(b"\xef\xbb\xbf");
                Line::Text(marked.map(<[u8]>::to_vec).unwrap_or(text))
            }
            line => line,
        };
        *first = false;
        let blank = match &line {
            Line::Text(text) => {
                size += text.len();
                text.trim_ascii().is_empty()
            }
            Line::TooLong => false,
        };
        if !blank {
            lines.push(line);
        }
        let waits = input.buffer().is_empty() && !lines.is_empty();
        if waits || (size >= BATCH_BYTES && !lines.is_empty()) || lines.len() >= BATCH_LINES {
            break;
        }
    }
    Ok(lines)
}

/// The next line without its end; of one that is too long nothing is kept.
fn line(input: &mut impl BufRead) -> io::Result<Option<Line>> {
    let mut text = Vec::new();
    let mut too_long = false;
    loop {
        let buffer = match input.fill_buf() {
            Ok(buffer) => buffer,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if buffer.is_empty() {
            let nothing = text.is_empty() && !too_long;
            return Ok((!nothing).then(|| Line::of(text, too_long)));
        }
        let mut parts = buffer.splitn(2, |byte| *byte == b'\n');
        let part = parts.next().unwrap_or_default();
        let ended = parts.next().is_some();
        too_long |= text.len() + part.len() > LONGEST_LINE;
        if too_long {
            text = Vec::new();
        } else {
            text.extend_from_slice(part);
        }
        let read = part.len() + usize::from(ended);
        input.consume(read);
        if ended {
            return Ok(Some(Line::of(text, too_long)));
        }
    }
}

impl Line {
    fn of(text: Vec<u8>, too_long: bool) -> Line {
        match too_long {
            true => Line::TooLong,
            false => Line::Text(text),
        }
    }
}

/// Prints the answers in order and counts the cases that couldn't be judged. When the reader goes
/// away there is nothing left to do.
fn print(order: &Order, mut out: impl Write, name: &str) -> Result<u64> {
    let mut unjudged = 0;
    let gone = |written: io::Result<()>| match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(true),
        Err(error) => Err(anyhow!(error).context("the verdicts can't be written")),
        Ok(()) => Ok(false),
    };
    loop {
        let place = match order.try_recv() {
            Ok(place) => place,
            Err(TryRecvError::Disconnected) => break,
            Err(TryRecvError::Empty) => {
                // What is known is shown before more is waited for.
                if gone(out.flush())? {
                    return Ok(0);
                }
                match order.recv() {
                    Ok(place) => place,
                    Err(_) => break,
                }
            }
        };
        let place = place.with_context(|| format!("{name} can't be read"))?;
        let answers = place
            .recv()
            .context("a case could not be judged: the thread that judged it has failed")?;
        unjudged += answers.unjudged;
        if gone(out.write_all(answers.text.as_bytes()))? {
            return Ok(0);
        }
    }
    gone(out.flush())?;
    Ok(unjudged)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8]) -> Vec<Vec<u8>> {
        let source: Box<dyn Read + Send> = Box::new(io::Cursor::new(text.to_vec()));
        let mut input = BufReader::with_capacity(3, source);
        let mut first = true;
        let mut found = Vec::new();
        loop {
            let lines = batch(&mut input, &mut first).unwrap();
            if lines.is_empty() {
                return found;
            }
            found.extend(lines.into_iter().map(|line| match line {
                Line::Text(text) => text,
                Line::TooLong => b"too long".to_vec(),
            }));
        }
    }

    #[test]
    fn lines_are_split_wherever_the_buffer_ends() {
        assert_eq!(lines(b""), Vec::<Vec<u8>>::new());
        assert_eq!(lines(b"abcd\nef"), [b"abcd".to_vec(), b"ef".to_vec()]);
        assert_eq!(
            lines(b"\xef\xbb\xbfa\n\n \nb\n"),
            [b"a".to_vec(), b"b".to_vec()]
        );
    }

    #[test]
    fn a_line_without_end_is_not_kept() {
        let mut text = vec![b'x'; LONGEST_LINE + 1];
        text.extend_from_slice(b"\nnext");
        assert_eq!(lines(&text), [b"too long".to_vec(), b"next".to_vec()]);
    }
}
