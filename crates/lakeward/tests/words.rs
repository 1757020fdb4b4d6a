//! What the documents name is there: files, tests, options, commands, variables.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// No line of prose is longer: a change of a word should be a small difference.
const WIDEST: usize = 140;
/// Programs whose options aren't ours.
const FOREIGN: [&str; 6] = ["aws", "cargo", "git", "jupyter", "pip", "systemd-run"];

/// A file of the repository.
struct Written {
    /// Below the repository's root.
    path: String,
    text: String,
}

/// Every text that is under version control, or would be.
fn repository() -> Vec<Written> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut folders = vec![root.clone()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            let below = path.strip_prefix(&root).unwrap().display().to_string();
            if kind.is_dir() && !is_made(&below) {
                folders.push(path);
            } else if kind.is_file()
                && let Ok(text) = fs::read_to_string(&path)
            {
                found.push(Written { path: below, text });
            }
        }
    }
    found
}

/// Folders that hold what was built or run.
fn is_made(folder: &str) -> bool {
    let name = folder.rsplit('/').next().unwrap_or_default();
    let hidden = name.starts_with('.') && name != ".ci";
    let fuzzed = ["fuzz/corpus", "fuzz/artifacts"].contains(&folder);
    hidden || fuzzed || ["target", "__pycache__"].contains(&name)
}

fn documents(files: &[Written]) -> impl Iterator<Item = &Written> {
    files.iter().filter(|file| file.path.ends_with(".md"))
}

/// A document's lines of prose, and those of its blocks of code.
fn parts(text: &str) -> (Vec<&str>, Vec<&str>) {
    let mut code = false;
    let (mut prose, mut blocks) = (Vec::new(), Vec::new());
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            code = !code;
        } else if code {
            blocks.push(line);
        } else {
            prose.push(line);
        }
    }
    (prose, blocks)
}

/// What stands between back-ticks.
fn quoted(document: &Written) -> Vec<String> {
    let prose = parts(&document.text).0.join("\n");
    let pieces: Vec<&str> = prose.split('`').collect();
    let path = &document.path;
    assert!(pieces.len() % 2 == 1, "{path}: a back-tick is left open");
    let inside = pieces.iter().skip(1).step_by(2);
    inside.map(|piece| piece.replace('\n', " ")).collect()
}

fn is_word(text: &str, more: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || more.contains(letter);
    !text.is_empty() && text.chars().all(fits)
}

/// All at once, so that one run shows everything that is untrue.
fn none(untrue: BTreeSet<String>) {
    let lines: Vec<String> = untrue.into_iter().collect();
    assert!(lines.is_empty(), "\n{}", lines.join("\n"));
}

#[test]
fn files_that_the_documents_name_are_there() {
    let files = repository();
    let known: Vec<String> = files.iter().map(|file| format!("/{}", file.path)).collect();
    let is_there = |name: &str| {
        let end = format!("/{name}");
        known.iter().any(|path| match name.strip_suffix('/') {
            Some(_) => path.contains(&end),
            None => path.ends_with(&end),
        })
    };
    let mut untrue = BTreeSet::new();
    for document in documents(&files) {
        for name in quoted(document) {
            let name = name.trim_start_matches("./");
            let endings = [".rs", ".py", ".sh", ".md", ".toml"];
            let is_file = endings.iter().any(|ending| name.ends_with(ending));
            let is_folder = name.ends_with('/') && name.contains("lakeward-");
            if is_word(name, "_-./") && (is_file || is_folder) && !is_there(name) {
                untrue.insert(format!("{}: no file `{name}`", document.path));
            }
        }
    }
    none(untrue);
}

#[test]
fn links_lead_somewhere() {
    let files = repository();
    let anchor = |heading: &str| {
        let lower = heading.to_lowercase().replace(' ', "-");
        lower.replace(
            |letter: char| !letter.is_alphanumeric() && letter != '-',
            "",
        )
    };
    let mut untrue = BTreeSet::new();
    for document in documents(&files) {
        let folder = PathBuf::from(&document.path);
        let folder = folder.parent().unwrap();
        let links = document.text.split("](").skip(1);
        for link in links.filter_map(|rest| Some(rest.split_once(')')?.0)) {
            let (path, place) = link.split_once('#').unwrap_or((link, ""));
            let path = match path {
                "" => document.path.clone(),
                path => folder.join(path).display().to_string(),
            };
            let found = files.iter().find(|file| file.path == path);
            let mut headings = found.iter().flat_map(|file| file.text.lines());
            let is_heading = |line: &str| {
                line.starts_with('#') && anchor(line.trim_start_matches('#').trim()) == place
            };
            let leads = found.is_some() && (place.is_empty() || headings.any(is_heading));
            if !leads && !link.contains("://") {
                untrue.insert(format!("{}: {link} leads nowhere", document.path));
            }
        }
    }
    none(untrue);
}

/// A name with two underscores or more is a test's or a function's.
#[test]
fn tests_that_the_documents_name_are_there() {
    let files = repository();
    let mut named = BTreeSet::new();
    for file in &files {
        for opening in ["fn ", "def "] {
            for rest in file.text.split(opening).skip(1) {
                let end = rest.find(|letter: char| letter != '_' && !letter.is_alphanumeric());
                named.insert(rest.get(..end.unwrap_or(rest.len())).unwrap());
            }
        }
    }
    let mut untrue = BTreeSet::new();
    for document in documents(&files) {
        for name in quoted(document) {
            let looks_it = is_word(&name, "_")
                && name.matches('_').count() > 1
                && !name.contains("__")
                && name == name.to_lowercase();
            // The example's tables.
            if looks_it && !name.starts_with("dl_tpc_") && !named.contains(&*name) {
                untrue.insert(format!("{}: no test `{name}`", document.path));
            }
        }
    }
    none(untrue);
}

/// What `lakeward` and its commands say of themselves: options by command.
fn commands() -> BTreeMap<String, BTreeSet<String>> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![Vec::new()];
    while let Some(command) = waiting.pop() {
        let mut program = Command::new(env!("CARGO_BIN_EXE_lakeward"));
        let help = program.args(&command).arg("--help").output().unwrap();
        let help = String::from_utf8(help.stdout).unwrap();
        let options = help.split(|letter: char| !is_word(&letter.to_string(), "-"));
        let options = options.filter(|word| word.starts_with("--"));
        found.insert(command.join(" "), options.map(str::to_owned).collect());
        let (_, below) = help.split_once("Commands:\n").unwrap_or_default();
        for line in below.lines().take_while(|line| !line.is_empty()) {
            let name = line.split_whitespace().next().unwrap();
            // Lines that go on with an explanation are indented further.
            if line.starts_with("  ") && !line.starts_with("   ") && name != "help" {
                let mut command = command.clone();
                command.push(name.to_owned());
                waiting.push(command);
            }
        }
    }
    found
}

/// The options among a command's words.
fn options(words: &[&str]) -> impl Iterator<Item = String> {
    let bare = |word: &&str| {
        let end = word.find(|letter: char| letter != '-' && !letter.is_ascii_alphanumeric());
        word.get(..end.unwrap_or(word.len())).unwrap().to_owned()
    };
    let words: Vec<String> = words
        .iter()
        .map(|word| word.trim_start_matches('['))
        .filter(|word| word.starts_with("--") && word.len() > 2)
        .map(|word| bare(&word))
        .collect();
    words.into_iter()
}

#[test]
fn options_and_commands_that_the_documents_name_are_there() {
    let files = repository();
    let commands = commands();
    assert!(commands.len() > 15, "{commands:?}");
    let scripts = files.iter().filter(|file| file.path.ends_with(".py"));
    let mut all: BTreeSet<String> = scripts
        .flat_map(|file| file.text.split("add_argument(\"").skip(1))
        .filter_map(|rest| Some(rest.split_once('"')?.0.to_owned()))
        .collect();
    all.extend(commands.values().flatten().cloned());
    let mut untrue = BTreeSet::new();
    for document in documents(&files) {
        let (_, blocks) = parts(&document.text);
        let lines = blocks.into_iter().map(str::to_owned);
        for line in quoted(document).into_iter().chain(lines) {
            let line = line.replace("$(", " ").replace([')', '"'], " ");
            let line = line.split(" # ").next().unwrap_or_default();
            let words: Vec<&str> = line.split_whitespace().collect();
            let ours = |word: &&str| word.rsplit('/').next() == Some("lakeward");
            if let Some(at) = words.iter().position(|word| ours(&word)) {
                let rest = words.get(at + 1..).unwrap();
                let name = |count| rest.get(..count).map(|words| words.join(" "));
                let known = [2, 1, 0]
                    .into_iter()
                    .filter_map(name)
                    .find_map(|name| Some((commands.get(&name)?, name)));
                let (known, command) = known.unwrap();
                let first = rest.first().copied().unwrap_or_default();
                let is_command = is_word(first, "-") && !first.starts_with('-') && first != "help";
                if is_command && command.is_empty() {
                    untrue.insert(format!("{}: no command in `{line}`", document.path));
                }
                for option in options(rest).filter(|option| !known.contains(option)) {
                    untrue.insert(format!("{}: no {option} in `{line}`", document.path));
                }
            } else if !words.iter().any(|word| FOREIGN.contains(word)) {
                for option in options(&words).filter(|option| !all.contains(option)) {
                    untrue.insert(format!("{}: no {option}", document.path));
                }
            }
        }
    }
    none(untrue);
}

/// `cargo … -p CRATE --test NAME` and the like, and variables that somebody reads.
#[test]
fn targets_and_variables_that_the_documents_name_are_there() {
    let files = repository();
    let paths: BTreeSet<&str> = files.iter().map(|file| &*file.path).collect();
    let mut untrue = BTreeSet::new();
    for document in documents(&files) {
        let words: Vec<&str> = document.text.split_whitespace().collect();
        for pair in words.windows(2) {
            let (&[flag, name], bare) = (pair, |letter: char| {
                letter != '-' && letter != '_' && !letter.is_ascii_alphanumeric()
            }) else {
                continue;
            };
            let name = name.trim_matches(bare);
            let folders = match flag {
                "--bench" => ["benches"].as_slice(),
                "--test" => &["tests"],
                "--example" => &["examples"],
                "-p" if name.starts_with("lakeward") => &["src"],
                _ => continue,
            };
            let is_there = |path: &&str| {
                folders.iter().any(|folder| match flag {
                    "-p" => path.starts_with(&format!("crates/{name}/{folder}/")),
                    _ => {
                        path.ends_with(&format!("/{folder}/{name}.rs"))
                            || path.ends_with(&format!("/{folder}/{name}/main.rs"))
                    }
                })
            };
            if !paths.iter().any(is_there) {
                untrue.insert(format!("{}: no `{flag} {name}`", document.path));
            }
        }
        for rest in document.text.split("LAKEWARD_").skip(1) {
            let end = rest.find(|letter: char| letter != '_' && !letter.is_ascii_uppercase());
            let name = format!("LAKEWARD_{}", rest.get(..end.unwrap_or(0)).unwrap());
            let mut sources = files.iter().filter(|file| !file.path.ends_with(".md"));
            if !sources.any(|file| file.text.contains(&name)) {
                untrue.insert(format!("{}: nobody reads {name}", document.path));
            }
        }
    }
    none(untrue);
}

#[test]
fn lines_of_the_documents_are_short() {
    let mut long = BTreeSet::new();
    for document in documents(&repository()) {
        for line in parts(&document.text).0 {
            let width = line.chars().count();
            if width > WIDEST && !line.starts_with('|') {
                long.insert(format!("{}: {width} letters: {line}", document.path));
            }
        }
    }
    none(long);
}

/// They would become part of the program, with paths of the machine that it was built on.
#[test]
fn the_embedded_packages_hold_no_compiled_python() {
    for package in ["lakeward_session", "lakeward_check"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../python");
        let made = folder.join(package).join("__pycache__");
        assert!(!made.exists(), "delete {}", made.display());
    }
}
