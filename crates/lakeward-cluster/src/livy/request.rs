//! The bodies and queries that clients send.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::error::LivyError;
use lakeward_session::{Language, Script, SessionRequest};

/// Longest accepted session name, in bytes.
const NAME_BYTES: usize = 256;
/// Spark settings of one session, in bytes; they travel through the process environment.
const SETTINGS_BYTES: usize = 64 << 10;
/// Longest accepted time limits: a day.
const LONGEST: u64 = 24 * 3600;
/// The setting that names modules for a session, separated by commas.
const MODULES: &str = "spark.submit.pyFiles";
/// Settings that Livy's `spark-blacklist.conf` forbids: where a session runs is not the user's.
const FORBIDDEN_SETTINGS: [&str; 2] = ["spark.master", "spark.submit.deployMode"];

/// Reads a JSON body. The content type is not asked for, as in Livy.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, LivyError> {
    serde_json::from_slice(body).map_err(|error| LivyError::Malformed(error.to_string()))
}

/// The body of `POST /sessions`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CreateSession {
    kind: Option<String>,
    pub proxy_user: Option<String>,
    name: Option<String>,
    jars: Option<Vec<String>>,
    py_files: Option<Vec<String>>,
    files: Option<Vec<String>>,
    archives: Option<Vec<String>>,
    driver_memory: Option<String>,
    driver_cores: Option<u32>,
    executor_memory: Option<String>,
    executor_cores: Option<u32>,
    num_executors: Option<u32>,
    queue: Option<String>,
    conf: Option<BTreeMap<String, Value>>,
    heartbeat_timeout_in_second: Option<i64>,
    ttl: Option<String>,
    idle_timeout: Option<String>,
}

impl CreateSession {
    /// Checks the request and turns it into the session's own.
    pub fn into_request(self) -> Result<SessionRequest, LivyError> {
        refuse_files(&[
            ("jars", &self.jars),
            ("files", &self.files),
            ("archives", &self.archives),
        ])?;
        let kind = session_kind(self.kind.as_deref())?.to_owned();
        let name = checked_name(self.name.as_deref())?;
        let heartbeat = self.heartbeat_timeout_in_second.unwrap_or(0);
        let heartbeat = u64::try_from(heartbeat).map_err(|_| {
            LivyError::Rejected("heartbeatTimeoutInSecond must not be negative".to_owned())
        })?;
        self.check_lengths()?;
        let limits = [self.ttl.as_deref(), self.idle_timeout.as_deref()];
        let limits: Vec<Duration> = limits
            .into_iter()
            .flatten()
            .map(time_limit)
            .collect::<Result<_, _>>()?;
        Ok(SessionRequest {
            name,
            kind,
            heartbeat_timeout: (heartbeat > 0).then(|| Duration::from_secs(heartbeat.min(LONGEST))),
            idle_timeout: limits.into_iter().min(),
            settings: self.settings()?,
            details: self.details(),
            script: None,
        })
    }

    /// What is kept and shown back must be short; `conf` has a bound of its own.
    fn check_lengths(&self) -> Result<(), LivyError> {
        let texts = [
            &self.driver_memory,
            &self.executor_memory,
            &self.queue,
            &self.ttl,
            &self.idle_timeout,
        ];
        if (texts.into_iter().flatten()).any(|text| text.len() > NAME_BYTES) {
            let text = format!(
                "driverMemory, executorMemory, queue, ttl and idleTimeout have at most {NAME_BYTES} bytes"
            );
            return Err(LivyError::Rejected(text));
        }
        Ok(())
    }

    /// `conf`, with `pyFiles` as the setting that Livy makes of them.
    fn settings(&self) -> Result<String, LivyError> {
        let mut conf = self.conf.clone().unwrap_or_default();
        let given = self.py_files.iter().flatten().map(String::as_str);
        let named = match conf.get(MODULES) {
            Some(Value::String(named)) => named.as_str(),
            _ => "",
        };
        let files: Vec<String> = named
            .split(',')
            .chain(given)
            .map(|file| file.trim().to_owned())
            .filter(|file| !file.is_empty())
            .collect();
        if files.iter().any(|file| file.contains(',')) {
            let text = "pyFiles: a file's name must not hold a comma".to_owned();
            return Err(LivyError::Rejected(text));
        }
        Script::check_modules(&files)?;
        if !files.is_empty() {
            conf.insert(MODULES.to_owned(), Value::String(files.join(",")));
        }
        settings(Some(&conf))
    }

    /// The parts that are shown back as they came.
    fn details(&self) -> Map<String, Value> {
        let details = json!({
            "driverMemory": self.driver_memory,
            "driverCores": self.driver_cores.unwrap_or(0),
            "executorMemory": self.executor_memory,
            "executorCores": self.executor_cores.unwrap_or(0),
            "numExecutors": self.num_executors.unwrap_or(0),
            "conf": self.conf.clone().unwrap_or_default(),
            "archives": [],
            "files": [],
            "jars": [],
            "pyFiles": self.py_files.clone().unwrap_or_default(),
            "queue": self.queue,
            "ttl": self.ttl,
            "idleTimeout": self.idle_timeout,
            "heartbeatTimeoutInSecond": self.heartbeat_timeout_in_second.unwrap_or(0),
        });
        match details {
            Value::Object(details) => details,
            _ => Map::new(),
        }
    }
}

/// The name as it is kept: none instead of an empty one.
pub(super) fn checked_name(name: Option<&str>) -> Result<Option<String>, LivyError> {
    let name = name.filter(|name| !name.is_empty());
    if name.is_some_and(|name| name.len() > NAME_BYTES || name.contains('\0')) {
        let text = format!("the name is longer than {NAME_BYTES} bytes or holds a NUL");
        return Err(LivyError::Rejected(text));
    }
    Ok(name.map(str::to_owned))
}

/// Files that a client names and that nothing here could use.
pub(super) fn refuse_files(given: &[(&str, &Option<Vec<String>>)]) -> Result<(), LivyError> {
    let is_given =
        |(_, files): &&(_, &Option<Vec<String>>)| files.iter().flatten().next().is_some();
    let Some((name, _)) = given.iter().find(is_given) else {
        return Ok(());
    };
    let instead = match *name {
        "jars" => "there is no JVM on this cluster",
        _ => "read such files from S3 in your code",
    };
    let text = format!("{name} are not taken: {instead}");
    Err(LivyError::Rejected(text))
}

/// The Spark settings as a JSON object of texts.
pub(super) fn settings(conf: Option<&BTreeMap<String, Value>>) -> Result<String, LivyError> {
    let mut settings = Map::new();
    for (name, value) in conf.into_iter().flatten() {
        if FORBIDDEN_SETTINGS.contains(&name.as_str()) {
            let text = format!("Blacklisted configuration values in session config: {name}");
            return Err(LivyError::Rejected(text));
        }
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            _ => {
                let text = format!("the value of {name} must be a string");
                return Err(LivyError::Rejected(text));
            }
        };
        settings.insert(name.clone(), Value::String(text));
    }
    let text = Value::Object(settings).to_string();
    if text.len() > SETTINGS_BYTES {
        let text = format!("conf is larger than {SETTINGS_BYTES} bytes");
        return Err(LivyError::Rejected(text));
    }
    Ok(text)
}

/// The body of `POST /sessions/{id}/statements`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateStatement {
    pub code: String,
    pub kind: Option<String>,
}

/// The body of `POST /sessions/{id}/completion`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Complete {
    pub code: String,
    pub kind: Option<String>,
    cursor: Value,
}

impl Complete {
    /// The characters before the cursor. Livy's documents call it a text, its source a number.
    pub fn cursor(&self) -> Result<usize, LivyError> {
        let number = match &self.cursor {
            Value::String(text) => text.parse().ok(),
            other => other.as_u64(),
        };
        number
            .and_then(|number| usize::try_from(number).ok())
            .ok_or_else(|| LivyError::Malformed("cursor must be a number from 0 on".to_owned()))
    }
}

/// The kind of a session. Livy's default is one of all kinds.
fn session_kind(kind: Option<&str>) -> Result<&str, LivyError> {
    match kind {
        None => Ok("shared"),
        Some(kind @ ("pyspark" | "python" | "sql" | "shared")) => Ok(kind),
        Some(other) => Err(no_such_kind(other)),
    }
}

/// The language of code of that kind in a session of that kind.
pub(super) fn language(kind: Option<&str>, session: &str) -> Result<Language, LivyError> {
    match kind.unwrap_or(session) {
        "pyspark" | "python" => Ok(Language::Python),
        "sql" if session == "python" => {
            let text = "this session is of kind python, which has no Spark; open one of kind pyspark or sql";
            Err(LivyError::Rejected(text.to_owned()))
        }
        "sql" => Ok(Language::Sql),
        "shared" if kind.is_none() => {
            let text = "Code type should be specified if session kind is shared";
            Err(LivyError::Rejected(text.to_owned()))
        }
        other => Err(no_such_kind(other)),
    }
}

fn no_such_kind(kind: &str) -> LivyError {
    let missing = match kind {
        "spark" | "scala" => "JVM",
        "sparkr" | "r" => "R",
        _ => return LivyError::Malformed("Invalid kind: use pyspark, python or sql".to_owned()),
    };
    let text = format!(
        "code of kind {kind} can't run: there is no {missing} on this cluster; use pyspark or sql"
    );
    LivyError::Rejected(text)
}

/// A time limit in Spark's form: a number and `ms`, `s`, `m` (`min`), `h` or `d`.
fn time_limit(text: &str) -> Result<Duration, LivyError> {
    let trimmed = text.trim();
    let end = trimmed
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(trimmed.len());
    let (digits, unit) = trimmed.split_at(end);
    let milliseconds = match unit.trim() {
        "ms" => 1,
        "" | "s" => 1000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => 0,
    };
    let number: Option<u64> = digits.parse().ok();
    number
        .and_then(|number| number.checked_mul(milliseconds))
        .filter(|limit| *limit > 0)
        .map(|limit| Duration::from_millis(limit.min(LONGEST * 1000)))
        .ok_or_else(|| LivyError::Rejected("a time limit looks like 30s, 10m or 2h".to_owned()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request(body: &str) -> Result<SessionRequest, LivyError> {
        read::<CreateSession>(body.as_bytes())?.into_request()
    }

    #[test]
    fn what_sparkmagic_sends_is_taken() {
        let request = request(
            r#"{"driverMemory": "1000M", "conf": {"spark.sql.shuffle.partitions": "4"},
                "name": "session_7fa5", "kind": "pyspark", "heartbeatTimeoutInSecond": 60}"#,
        )
        .unwrap();
        assert_eq!(request.name.as_deref(), Some("session_7fa5"));
        assert_eq!(request.heartbeat_timeout, Some(Duration::from_secs(60)));
        assert_eq!(request.settings, r#"{"spark.sql.shuffle.partitions":"4"}"#);
        assert_eq!(request.details["driverMemory"], "1000M");
    }

    #[test]
    fn modules_travel_as_livys_setting() {
        let request = request(
            r#"{"pyFiles": ["s3://b/a.py", "s3://b/c.zip"], "conf": {"spark.submit.pyFiles": "s3://b/d.py"}}"#,
        )
        .unwrap();
        assert_eq!(
            request.settings,
            r#"{"spark.submit.pyFiles":"s3://b/d.py,s3://b/a.py,s3://b/c.zip"}"#
        );
        assert_eq!(
            request.details["pyFiles"],
            json!(["s3://b/a.py", "s3://b/c.zip"])
        );
    }

    #[test]
    fn what_is_not_accepted_is_refused_by_name() {
        for (body, expected) in [
            (r#"{"colour": "red"}"#, "colour"),
            (r#"{"kind": "spark"}"#, "kind spark"),
            (r#"{"kind": "cobol"}"#, "Invalid kind"),
            (r#"{"jars": ["s3://b/x.jar"]}"#, "jars"),
            (
                r#"{"heartbeatTimeoutInSecond": -1}"#,
                "heartbeatTimeoutInSecond",
            ),
            (r#"{"files": ["s3://b/x.csv"]}"#, "files"),
            (r#"{"pyFiles": ["/tmp/a.py"]}"#, "only files in S3"),
            (r#"{"pyFiles": ["s3://b/a.txt"]}"#, ".py, .zip, .egg"),
            (r#"{"pyFiles": ["s3://b/a,b.py"]}"#, "comma"),
            (r#"{"conf": {"spark.master": "local"}}"#, "spark.master"),
            (r#"{"conf": {"a": []}}"#, "must be a string"),
            (r#"{"ttl": "soon"}"#, "30s"),
            ("[]", "expected"),
            ("", "EOF"),
        ] {
            let error = request(body).unwrap_err().to_string();
            assert!(error.contains(expected), "{body}: {error}");
        }
    }

    #[test]
    fn the_kind_of_code_is_the_sessions_unless_it_says_so() {
        use Language::{Python, Sql};
        for (kind, session, expected) in [
            (None, "pyspark", Ok(Python)),
            (None, "sql", Ok(Sql)),
            (Some("sql"), "pyspark", Ok(Sql)),
            (Some("pyspark"), "sql", Ok(Python)),
            (Some("sql"), "shared", Ok(Sql)),
            (None, "shared", Err("Code type should be specified")),
            (Some("shared"), "shared", Err("Invalid kind")),
            (Some("sql"), "python", Err("open one of kind pyspark")),
            (Some("scala"), "pyspark", Err("no JVM")),
            (Some("r"), "pyspark", Err("use pyspark or sql")),
        ] {
            match (language(kind, session), expected) {
                (Ok(language), Ok(expected)) => assert_eq!(language, expected),
                (Err(error), Err(expected)) => assert!(error.to_string().contains(expected)),
                (found, _) => panic!("{kind:?} in {session}: {found:?}"),
            }
        }
    }

    #[test]
    fn time_limits_have_units_and_the_shorter_one_counts() {
        for (text, seconds) in [
            ("30s", 30),
            ("10m", 600),
            ("2min", 120),
            ("1h", 3600),
            ("45", 45),
        ] {
            assert_eq!(time_limit(text).unwrap(), Duration::from_secs(seconds));
        }
        for text in ["", "0s", "-1s", "1y", "99999999999999999999d"] {
            assert!(time_limit(text).is_err(), "{text}");
        }
        let request = request(r#"{"ttl": "10m", "idleTimeout": "30s"}"#).unwrap();
        assert_eq!(request.idle_timeout, Some(Duration::from_secs(30)));
    }

    proptest! {
        #[test]
        fn no_time_limit_panics(text: String) {
            let _ = time_limit(&text);
        }
    }
}
