//! The commands as a person meets them: help, exit codes, and errors that say what to do.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod support;

use std::{net::TcpListener, path::Path, sync::Arc};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use bytes::Bytes;
use lakeward_client::Credentials;
use parquet::arrow::ArrowWriter;
use serde_json::Value;
use support::{
    program::{Ended, FREE, Program, run},
    table::{Table, contains},
};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test]
async fn help_and_exit_codes() {
    let whole = run(&["--help"]).await;
    assert_eq!(whole.code, Some(0), "{whole:?}");
    for (command, flags) in [
        (
            "demo",
            &["--state-dir", "--reset", "--scale", "--listen", "--check"][..],
        ),
        (
            "serve",
            &[
                "--state-dir",
                "--listen",
                "--proxy",
                "--credentials",
                "--cluster-network",
            ],
        ),
        ("init", &["--state-dir", "--account"]),
        ("cluster", &["ls"]),
        ("session", &["ls", "logs", "end"]),
        ("env", &["--state-dir", "--profile", "--client"]),
        (
            "view",
            &["--columns", "--exclude", "--where", "--out", "-o"],
        ),
    ] {
        assert!(
            whole.out.contains(&format!("\n  {command} ")),
            "{command}: {whole:?}"
        );
        let help = run(&[command, "--help"]).await;
        assert_eq!(help.code, Some(0), "{help:?}");
        for flag in flags {
            assert!(help.out.contains(flag), "{command} {flag}: {help:?}");
        }
    }
    let version = run(&["--version"]).await;
    assert_eq!(
        (version.code, &*version.out),
        (
            Some(0),
            concat!("lakeward ", env!("CARGO_PKG_VERSION"), "\n")
        )
    );
    for wrong in [
        &[][..],
        &["brew"],
        &["serve", "--no-such-flag"],
        &["demo", "--check", "--reset"],
        &["serve", "--listen", "nowhere"],
        &["view", "in.parquet"],
        &[
            "view",
            "in.parquet",
            "-o",
            "out",
            "--columns",
            "a",
            "--exclude",
            "b",
        ],
    ] {
        let ended = run(wrong).await;
        assert_eq!(ended.code, Some(2), "{wrong:?}: {ended:?}");
        assert!(
            ended.out.is_empty() && ended.err.contains("--help"),
            "{wrong:?}: {ended:?}"
        );
    }
}

/// A file of four people.
fn people() -> Bytes {
    let columns: [(&str, ArrayRef); 3] = [
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3, 4]))),
        (
            "surname",
            Arc::new(StringArray::from(vec![
                "Lovelace", "Hopper", "Noether", "Lamarr",
            ])),
        ),
        (
            "region",
            Arc::new(StringArray::from(vec!["north", "south", "north", "south"])),
        ),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap().into()
}

struct Views {
    room: tempfile::TempDir,
}

impl Views {
    fn new() -> Self {
        let room = support::room();
        std::fs::write(room.path().join("in.parquet"), people()).unwrap();
        Self { room }
    }

    async fn view(&self, input: &str, arguments: &[&str]) -> Ended {
        let input = self.room.path().join(input);
        let out = self.out();
        let mut whole = vec!["view", text(&input), "-o", text(&out)];
        whole.extend(arguments);
        run(&whole).await
    }

    fn out(&self) -> std::path::PathBuf {
        self.room.path().join("out.parquet")
    }

    async fn written(&self, arguments: &[&str]) -> Bytes {
        let ended = self.view("in.parquet", arguments).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        std::fs::read(self.out()).unwrap().into()
    }
}

#[tokio::test]
async fn view_writes_what_the_gate_would_serve() {
    let views = Views::new();
    let whole = Table::of(&people());
    assert_eq!(Table::of(&views.written(&[]).await), whole);

    let columns =
        |names: &[&str]| -> Vec<String> { names.iter().map(|name| (*name).to_owned()).collect() };
    for arguments in [["--columns", "region,ID"], ["--exclude", "surname"]] {
        let file = views.written(&arguments).await;
        assert_eq!(Table::of(&file), whole.select(&columns(&["id", "region"])));
        for hidden in ["surname", "Lovelace", "Lamarr"] {
            assert!(
                !contains(&file, hidden.as_bytes()),
                "{arguments:?}: {hidden}"
            );
        }
    }

    let north = views.written(&["--where", "region = 'north'"]).await;
    assert_eq!(Table::of(&north), whole.only("region", "north"));
    assert!(!contains(&north, b"Hopper") && contains(&north, b"Noether"));

    let both = [
        "--columns",
        "surname",
        "--where",
        "region = 'south' AND id > 2",
    ];
    let both = Table::of(&views.written(&both).await);
    assert_eq!(
        (both.columns, both.rows),
        (columns(&["surname"]), vec![columns(&["Lamarr"])])
    );

    let nobody = Table::of(&views.written(&["--where", "id = 5"]).await);
    assert_eq!((nobody.columns, nobody.rows.len()), (whole.columns, 0));
}

#[tokio::test]
async fn view_refuses_with_a_reason_and_writes_nothing() {
    let views = Views::new();
    std::fs::write(views.room.path().join("note.txt"), "not a table").unwrap();
    let damaged = people().slice(..people().len() - 30);
    std::fs::write(views.room.path().join("damaged.parquet"), damaged).unwrap();
    for (input, arguments, words) in [
        (
            "in.parquet",
            &["--columns", "id,salary"][..],
            &["salary", "surname"][..],
        ),
        (
            "in.parquet",
            &["--exclude", "salary"],
            &["salary", "surname"],
        ),
        (
            "in.parquet",
            &["--where", "salary > 1"],
            &["--where", "salary"],
        ),
        ("in.parquet", &["--where", "region = "], &["--where"]),
        ("in.parquet", &["--where", "id = 'one'"], &["--where"]),
        ("none.parquet", &[], &["none.parquet"]),
        ("note.txt", &[], &["Parquet"]),
        ("damaged.parquet", &[], &["Parquet"]),
    ] {
        let ended = views.view(input, arguments).await;
        ended.failed_saying(words);
        assert!(!views.out().exists(), "{input} {arguments:?}");
    }
}

#[tokio::test]
async fn env_without_an_instance_says_how_to_start_one() {
    let room = support::room();
    let state = room.path().join("state");
    let ended = run(&["env", "--state-dir", text(&state)]).await;
    ended.failed_saying(&["no instance", "lakeward demo", text(&state)]);
    assert!(ended.out.is_empty(), "a shell would run it: {ended:?}");
    assert!(!state.exists(), "asking makes no state folder");
}

#[tokio::test]
async fn env_prints_what_a_shell_can_run() {
    let room = support::room();
    let state = room.path().join("it's state");
    let key = key_of(&run(&["init", "--state-dir", text(&state), "--output", "json"]).await);
    run(&["env", "--state-dir", text(&state), "--profile", "root"])
        .await
        .failed_saying(&["no instance"]);
    let mut program = Program::start("serve", &state, &[]);
    program.says("Ready").await;
    let env = ["env", "--state-dir", text(&state), "--profile", "root"];
    let printed = run(&env).await;
    assert_eq!(printed.code, Some(0), "{printed:?}");
    let script = format!(
        "{}\nprintf '%s\\n' \"$AWS_ACCESS_KEY_ID\" \"$AWS_SECRET_ACCESS_KEY\" \"$AWS_CA_BUNDLE\" \"$HTTPS_PROXY\" \"${{AWS_SESSION_TOKEN-unset}}\"",
        printed.out
    );
    let shell = tokio::process::Command::new("/bin/sh")
        .args(["-eu", "-c", &script])
        .env("AWS_SESSION_TOKEN", "someone else's")
        .output()
        .await
        .unwrap();
    let seen = String::from_utf8(shell.stdout).unwrap();
    let instance = program.instance();
    let expected = [
        key.access_key_id(),
        key.secret_access_key(),
        text(&instance.ca),
        &instance.addresses.proxy_url(),
        "unset",
    ];
    assert_eq!(seen.lines().collect::<Vec<_>>(), expected);

    let json = run(&[&env[..], &["--output", "json"]].concat()).await;
    let json: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["AWS_ACCESS_KEY_ID"], key.access_key_id());
    assert_eq!(json["LAKEWARD_ENDPOINT"], instance.addresses.endpoint_url());
    run(&["env", "--state-dir", text(&state), "--profile", "nobody"])
        .await
        .failed_saying(&["nobody", "root"]);
    assert!(program.stop().await.success());
}

#[tokio::test]
async fn a_taken_port_is_named_with_its_flag() {
    let room = support::room();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken
        .local_addr()
        .map(|at| (taken, at.to_string()))
        .unwrap();
    for flag in ["--listen", "--proxy", "--credentials", "--metrics"] {
        let state = room.path().join(flag);
        let mut arguments = vec![
            "serve",
            "--state-dir",
            text(&state),
            "--session-python",
            "/bin/true",
            // Only then keys are served on the host.
            "--sandbox",
            "none",
        ];
        for other in ["--listen", "--proxy", "--credentials", "--metrics"] {
            arguments.extend([
                other,
                if other == flag {
                    &*taken.1
                } else {
                    "127.0.0.1:0"
                },
            ]);
        }
        run(&arguments).await.failed_saying(&[flag, &taken.1]);
        assert!(!state.join("instance.json").exists());
    }
    let public = [
        "serve",
        "--state-dir",
        text(room.path()),
        "--credentials",
        "0.0.0.0:0",
        "--session-python",
        "/bin/true",
    ];
    run(&public)
        .await
        .failed_saying(&["--credentials", "loopback"]);
}

#[tokio::test]
async fn one_state_folder_has_one_instance() {
    let room = support::room();
    let state = room.path().join("state");
    let key = key_of(&run(&["init", "--state-dir", text(&state), "--output", "json"]).await);
    let mut program = Program::start("serve", &state, &[]);
    program.says("Ready").await;
    let instance = program.instance();
    for (command, more) in [("serve", None), ("demo", None), ("demo", Some("--reset"))] {
        let mut arguments = vec![command, "--state-dir", text(&state)];
        arguments.extend(FREE);
        arguments.extend(["--session-python", "/bin/true"]);
        arguments.extend(more);
        run(&arguments)
            .await
            .failed_saying(&["in use", text(&state)]);
        // The first one goes on as if nothing had been.
        assert_eq!(
            program.instance().addresses.endpoint_url(),
            instance.addresses.endpoint_url()
        );
        let client = instance.client(key.clone()).unwrap();
        let create = [("Action", "ListUsers")];
        client.query("iam", "2010-05-08", &create).await.unwrap();
        assert!(
            state.join("state.db").exists() && state.join("packages/lakeward_session").exists()
        );
    }
    run(&["init", "--state-dir", text(&state)])
        .await
        .failed_saying(&["stop that one first"]);
    assert!(program.stop().await.success());
}

#[tokio::test]
async fn reset_deletes_state_folders_only() {
    let room = support::room();
    let foreign = room.path().join("thesis");
    std::fs::create_dir(&foreign).unwrap();
    std::fs::write(foreign.join("chapter-1.txt"), "years of work").unwrap();
    let reset = |state: &Path| {
        let network = support::cluster_network().to_string();
        let flags = ["--session-python", "/bin/true", "--reset"];
        let mut arguments = vec![
            "demo".to_owned(),
            "--state-dir".to_owned(),
            text(state).to_owned(),
        ];
        arguments.extend(FREE.map(str::to_owned));
        arguments.extend(flags.map(str::to_owned));
        arguments.extend(["--cluster-network".to_owned(), network]);
        arguments
    };
    let arguments = reset(&foreign);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    run(&arguments)
        .await
        .failed_saying(&["--reset", text(&foreign)]);
    let work = std::fs::read_to_string(foreign.join("chapter-1.txt")).unwrap();
    assert_eq!(work, "years of work");
    assert_eq!(std::fs::read_dir(&foreign).unwrap().count(), 1);

    // Its own folder is begun anew.
    let state = room.path().join("state");
    let old = key_of(&run(&["init", "--state-dir", text(&state), "--output", "json"]).await);
    let mut program = Program::start("demo", &state, &["--scale", "0.01", "--reset"]);
    program.says("Lakeward is up").await;
    let client = program.instance().client(old).unwrap();
    let refused = client
        .query("iam", "2010-05-08", &[("Action", "ListUsers")])
        .await;
    assert_eq!(refused.unwrap_err().code(), Some("InvalidClientTokenId"));
    assert!(program.stop().await.success());
}

fn key_of(init: &Ended) -> Credentials {
    assert_eq!(init.code, Some(0), "{init:?}");
    let json: Value = serde_json::from_str(&init.out).unwrap();
    Credentials::permanent(
        json["AccessKeyId"].as_str().unwrap(),
        json["SecretAccessKey"].as_str().unwrap(),
    )
}

#[tokio::test]
async fn init_twice_prints_the_same_key() {
    let room = support::room();
    let state = room.path().join("state");
    let init = |more: &[&str]| {
        let mut arguments = vec![
            "init".to_owned(),
            "--state-dir".to_owned(),
            text(&state).to_owned(),
        ];
        arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
        async move {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            run(&arguments).await
        }
    };
    let first = init(&["--output", "json"]).await;
    let key = key_of(&first);
    assert_eq!(init(&["--output", "json"]).await.out, first.out);
    let people = init(&[]).await;
    assert_eq!(people.code, Some(0));
    assert!(
        people.out.contains(key.access_key_id()) && people.out.contains(key.secret_access_key())
    );
    for account in ["1234", "12345678901x", ""] {
        init(&["--account", account])
            .await
            .failed_saying(&["twelve digits"]);
    }

    let mut program = Program::start("serve", &state, &[]);
    program.says("Ready").await;
    let client = program.instance().client(key).unwrap();
    let who = client
        .query("sts", "2011-06-15", &[("Action", "GetCallerIdentity")])
        .await
        .unwrap();
    assert!(who.contains("arn:aws:iam::123456789012:root"), "{who}");
    assert!(program.stop().await.success());
    // What is in the folder is secret: nobody else may enter it.
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(&state).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "{mode:o}");
}
