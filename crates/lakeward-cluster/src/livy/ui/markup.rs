//! What the pages say.

use std::sync::Arc;

use jiff::Timestamp;
use lakeward_session::{Batch, Kernel, Login, Output, Session, Statement};
use maud::{DOCTYPE, Markup, html};
use serde_json::Value;

use super::{batch_log, session_log, session_page};

/// Statements on a session's page, the newest ones.
const STATEMENTS: usize = 50;
/// Characters of one statement's code or output.
const CHARACTERS: usize = 20_000;
/// Seconds after which a browser looks again at what may still change.
const REFRESH: u32 = 5;

const STYLE: &str = "body{font:15px/1.4 sans-serif;margin:2em;max-width:75em}\
    table{border-collapse:collapse}td,th{text-align:left;padding:.2em 1em .2em 0;vertical-align:top}\
    pre{background:#f4f4f4;padding:.6em;overflow:auto;max-height:40em}";

fn page(title: &str, may_change: bool, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                @if may_change { meta http-equiv="refresh" content=(REFRESH); }
                title { (title) }
                style { (STYLE) }
            }
            body {
                h1 { (title) }
                (content)
            }
        }
    }
}

pub(super) fn overview(
    cluster: &str,
    login: &Login,
    sessions: &[Arc<Session>],
    batches: &[Batch],
    kernels: &[Arc<Kernel>],
) -> Markup {
    let content = html! {
        p { "What " (login.username) " has here, with the role " (login.role_arn) "." }
        h2 { "Sessions" }
        table {
            tr { th { "Session" } th { "Name" } th { "Kind" } th { "State" } th { "Application" } th { "Opened" } th {} }
            @for session in sessions {
                @let shown = session.summary();
                tr {
                    td { a href=(session_page("", shown.id)) { (shown.id) } }
                    td { (shown.name.as_deref().unwrap_or("–")) }
                    td { (shown.kind) }
                    td { (shown.state) }
                    td { (shown.application_id) }
                    td { (time(shown.created_at)) }
                    td { a href=(session_log("", shown.id)) { "log" } }
                }
            }
        }
        h2 { "Batches" }
        table {
            tr { th { "Batch" } th { "Name" } th { "State" } th { "Application" } th { "Submitted" } }
            @for batch in batches {
                tr {
                    td { a href=(batch_log("", batch.id())) { (batch.id()) } }
                    td { (batch.name().unwrap_or("–")) }
                    td { (word(&batch.state())) }
                    td { (batch.application_id()) }
                    td { (time(batch.created_at())) }
                }
            }
        }
        h2 { "Kernels" }
        table {
            tr { th { "Kernel" } th { "Name" } th { "State" } th { "Application" } th { "Started" } }
            @for kernel in kernels {
                tr {
                    td { (kernel.id()) }
                    td { (kernel.name()) }
                    td { (word(&kernel.state())) }
                    td { (kernel.session().application_id()) }
                    td { (time(kernel.session().created_at)) }
                }
            }
        }
    };
    page(&format!("Cluster {cluster}"), true, &content)
}

pub(super) fn session(session: &Session) -> Markup {
    let shown = session.summary();
    let statements = session.statements();
    let left_out = statements.len().saturating_sub(STATEMENTS);
    let content = html! {
        p {
            (shown.kind) ", " (shown.state) ", application " (shown.application_id) ", opened " (time(shown.created_at))
            ", role " (shown.owner.role_arn) ": " a href=(session_log("", shown.id)) { "log" } ", "
            a href="/ui/" { "everything of this login" }
        }
        @for statement in statements.iter().rev().take(STATEMENTS) { (self::statement(statement)) }
        @if left_out > 0 { p { (left_out) " earlier statements are not shown." } }
    };
    let title = match &shown.name {
        Some(name) => format!("Session {}, {name}", shown.id),
        None => format!("Session {}", shown.id),
    };
    page(&title, !shown.state.has_ended(), &content)
}

fn statement(statement: &Statement) -> Markup {
    html! {
        h2 { "Statement " (statement.id) ", " (word(&statement.state)) }
        pre { (cut(&statement.code)) }
        @if let Some(output) = &statement.output { pre { (cut(&text(output))) } }
    }
}

pub(super) fn log(title: &str, lines: &[String]) -> Markup {
    let content = html! { pre { @for line in lines { (line) "\n" } } };
    page(title, false, &content)
}

/// What a statement came to, in the form that a notebook shows as text.
fn text(output: &Output) -> String {
    match output {
        Output::Ok { data } => {
            let data: Value = serde_json::from_str(data.get()).unwrap_or_default();
            match data.get("text/plain").and_then(Value::as_str) {
                Some(text) => text.to_owned(),
                None => serde_json::to_string_pretty(&data).unwrap_or_default(),
            }
        }
        Output::Error {
            ename,
            evalue,
            traceback,
        } => format!("{ename}: {evalue}\n{}", traceback.concat()),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(CHARACTERS) {
        Some((end, _)) => format!("{}… (more is not shown)", text.split_at(end).0),
        None => text.to_owned(),
    }
}

fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A state's word, as the API has it.
fn word(state: &impl serde::Serialize) -> String {
    match serde_json::to_value(state) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_text_and_never_markup() {
        let shown = log("<b>", &["<script>alert(1)</script>".to_owned()]).into_string();
        assert!(
            !shown.contains("<script>") && !shown.contains("<b>"),
            "{shown}"
        );
        assert!(shown.contains("&lt;script&gt;"), "{shown}");
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let long = "ä".repeat(CHARACTERS + 1);
        assert!(cut(&long).ends_with("ä… (more is not shown)"));
        assert_eq!(cut("short"), "short");
    }

    #[test]
    fn an_output_is_shown_as_text() {
        let output = |data: &str| Output::Ok {
            data: serde_json::value::RawValue::from_string(data.to_owned()).unwrap(),
        };
        assert_eq!(text(&output(r#"{"text/plain":"42"}"#)), "42");
        assert!(text(&output(r#"{"application/json":{"data":[1]}}"#)).contains("application/json"));
    }
}
