use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context, Result};
use clap::Args;
use jiff::{SignedDuration, Timestamp};
use lakeward_identity::audit::{AuditRecord, Filter, Follower, Order, Reader};

use super::{
    Output,
    paint::{Paint, tame},
};
use crate::daemon::StateFolder;

/// How often `--follow` looks for news.
const PAUSE: Duration = Duration::from_millis(200);

#[derive(Args)]
#[command(after_help = "Examples:
  lakeward audit                                 the last 50 calls
  lakeward audit --denied --since 1h             what was refused within the hour
  lakeward audit --role marketing --follow       what that role does, as it happens
  lakeward audit --service s3 --limit 0 --output json

Filters are joined by \"and\". Records are those of CloudTrail; `--output json` prints them whole,
one a line. Works while the instance runs and while it doesn't.")]
pub(super) struct Audit {
    /// Folder of the instance's state.
    #[arg(long, env = "LAKEWARD_STATE_DIR", default_value = ".lakeward")]
    state_dir: PathBuf,
    /// Calls of this user, or of role sessions of this name.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Calls of the sessions of this role.
    #[arg(long, value_name = "NAME|ARN")]
    role: Option<String>,
    /// Calls that carry this source identity.
    #[arg(long, value_name = "NAME")]
    source_identity: Option<String>,
    /// Calls of this operation, such as GetTable.
    #[arg(long, value_name = "NAME")]
    event: Option<String>,
    /// Calls of this service, such as s3 or glue.
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// Calls signed with this access key id.
    #[arg(long, value_name = "ID")]
    access_key: Option<String>,
    /// Calls on this resource: its ARN, or the last part of it.
    #[arg(long, value_name = "ARN|NAME")]
    resource: Option<String>,
    /// Only calls that were refused.
    #[arg(long)]
    denied: bool,
    /// Not before: an age such as 30m, 1h or 7d, or a time such as 2026-11-21T10:00:00Z.
    #[arg(long, value_name = "AGE|TIME", value_parser = moment)]
    since: Option<Timestamp>,
    /// Not after: an age or a time.
    #[arg(long, value_name = "AGE|TIME", value_parser = moment)]
    until: Option<Timestamp>,
    /// The most records to print, the last ones; 0 for all.
    #[arg(long, default_value_t = 50, value_name = "COUNT")]
    limit: usize,
    /// Stay, and print what comes.
    #[arg(long, short)]
    follow: bool,
    /// How to print.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

impl Audit {
    pub(super) async fn run(self) -> Result<ExitCode> {
        let folder = StateFolder::existing(&self.state_dir)?.audit();
        let say = || format!("the audit trail in {} can't be read", folder.display());
        let follower = self.follow.then(|| Follower::open(&folder)).transpose();
        let follower = follower.with_context(say)?;
        let unreadable = match self.limit {
            0 => self.print_all(&folder),
            limit => self.print_last(&folder, limit),
        };
        warn(unreadable.with_context(say)?);
        if let Some(follower) = follower {
            self.print_news(follower).await.with_context(say)?;
        }
        Ok(ExitCode::SUCCESS)
    }

    fn filter(&self) -> Filter {
        Filter {
            user: self.user.clone(),
            role: self.role.clone(),
            source_identity: self.source_identity.clone(),
            event_name: self.event.clone(),
            service: self.service.clone(),
            access_key_id: self.access_key.clone(),
            resource: self.resource.clone(),
            denied: self.denied,
            since: self.since,
            until: self.until,
            ..Filter::default()
        }
    }

    fn print_all(&self, folder: &std::path::Path) -> Result<u64> {
        let mut reader = Reader::open(folder, self.filter(), Order::OldestFirst)?;
        for record in reader.by_ref() {
            self.print(&record?);
        }
        Ok(reader.unreadable())
    }

    fn print_last(&self, folder: &std::path::Path, limit: usize) -> Result<u64> {
        let mut reader = Reader::open(folder, self.filter(), Order::NewestFirst)?;
        let last = reader.by_ref().take(limit);
        let last: Vec<AuditRecord> = last.collect::<Result<_, _>>()?;
        for record in last.iter().rev() {
            self.print(record);
        }
        Ok(reader.unreadable())
    }

    async fn print_news(&self, mut follower: Follower) -> Result<()> {
        let filter = self.filter();
        loop {
            match follower.poll()? {
                Some(record) if filter.matches(&record) => self.print(&record),
                Some(_) => {}
                None => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    fn print(&self, record: &AuditRecord) {
        match self.output {
            Output::Json => say!("{}", record.value()),
            Output::Text => say!("{}", line(record, Paint::for_stdout())),
        }
    }
}

fn warn(unreadable: u64) {
    if unreadable > 0 {
        eprintln!(
            "lakeward: {unreadable} line(s) of the audit trail are cut off or damaged and were left out"
        );
    }
}

/// One record as a line for people.
fn line(record: &AuditRecord, paint: Paint) -> String {
    let time = record.time().map(lakeward_wire::iso).unwrap_or_default();
    let source = record.event_source().unwrap_or_default();
    let service = source.strip_suffix(".amazonaws.com").unwrap_or(source);
    let outcome = match record.error_code() {
        None => paint.green("ok    "),
        Some(_) if record.is_denied() => paint.red("denied"),
        Some(_) => paint.red("failed"),
    };
    let what = format!("{service}:{}", record.event_name().unwrap_or_default());
    let mut line = format!(
        "{} {outcome} {} {}",
        paint.dim(&tame(&time)),
        who(record),
        paint.bold(&tame(&what))
    );
    if let Some((resource, _)) = record.resources().next() {
        line.push(' ');
        line.push_str(&tame(resource));
    }
    if let Some(code) = record.error_code() {
        let message = record.error_message().unwrap_or_default();
        line.push_str(&format!(" {}: {}", tame(code), tame(message)));
    }
    line
}

/// Role and session, or user, with the runtime role and the source identity.
fn who(record: &AuditRecord) -> String {
    let name = record.user_name().or(record.access_key_id()).unwrap_or("?");
    let role = record.issuer_arn().and_then(|arn| arn.rsplit('/').next());
    let mut who = match role {
        Some(role) => format!("{role}/{name}"),
        None => name.to_owned(),
    };
    if let Some(arn) = record.execution_role_arn() {
        who.push_str(&format!(" under {}", arn.rsplit('/').next().unwrap_or(arn)));
    }
    if let Some(source) = record.source_identity() {
        who.push_str(&format!(" (as {source})"));
    }
    tame(&who)
}

/// An age or a time.
fn moment(text: &str) -> Result<Timestamp, String> {
    if let Some(age) = age(text) {
        return Ok(Timestamp::now() - age);
    }
    text.parse().map_err(|_| {
        format!("`{text}` is neither an age such as 30m, 1h or 7d nor a time such as 2026-11-21T10:00:00Z")
    })
}

fn age(text: &str) -> Option<SignedDuration> {
    let unit = text.chars().last()?;
    let number: u32 = text.strip_suffix(unit)?.parse().ok()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    Some(SignedDuration::from_secs(i64::from(number) * seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_and_times_are_read() {
        assert_eq!(age("90s"), Some(SignedDuration::from_secs(90)));
        assert_eq!(age("2d"), Some(SignedDuration::from_hours(48)));
        for text in ["", "h", "-1h", "1w", "1é"] {
            assert!(moment(text).is_err(), "{text}");
        }
        assert!(moment("2026-11-21T10:00:00Z").is_ok());
    }
}
