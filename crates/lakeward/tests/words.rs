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
const FOREIGN: [&str; 6] = [
    "aws",
    "cargo",
    "jupyter",
    "sail",
    "systemd-run",
    "%sm_analytics",
];

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
            // The example's tables, and other people's names that a source quotes.
            let is_quoted = || {
                let mut sources = files.iter().filter(|file| !file.path.ends_with(".md"));
                sources.any(|file| file.text.contains(&format!("'{name}'")))
            };
            if looks_it && !name.starts_with("dl_tpc_") && !named.contains(&*name) && !is_quoted() {
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

/// What can be typed, in words: what stands between back-ticks, and the lines of blocks of code.
fn typed(document: &Written) -> Vec<Vec<String>> {
    let text = document.text.replace("\\\n", " ");
    let blocks = parts(&text).1.into_iter().map(str::to_owned);
    let lines = quoted(document).into_iter().chain(blocks);
    let lines = lines.map(|line| {
        let line = line.split(" # ").next().unwrap_or_default();
        let line = line
            .replace("$(", " ")
            .replace(['[', ']', '(', ')', '"', ','], " ");
        line.split_whitespace().map(str::to_owned).collect()
    });
    lines.collect()
}

fn options(words: &[String]) -> impl Iterator<Item = &str> {
    let options = words.iter().filter(|word| word.starts_with("--"));
    let options = options.map(|word| word.split(['=', '…']).next().unwrap());
    options.filter(|option| option.len() > 2)
}

/// What is wrong with the words that follow `lakeward`.
fn misspoken(rest: &[String], commands: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let names: Vec<String> = (0..=2.min(rest.len()))
        .map(|count| rest.get(..count).unwrap().join(" "))
        .collect();
    let name = names.iter().rfind(|name| commands.contains_key(*name));
    let (name, first) = (name.unwrap(), rest.first().map_or("", String::as_str));
    let known = commands.get(name).unwrap();
    let mut wrong: Vec<String> = options(rest)
        .filter(|option| !known.contains(*option))
        .map(|option| format!("`lakeward {name}` has no {option}"))
        .collect();
    let is_command = is_word(first, "-") && !first.starts_with('-') && first != "help";
    if is_command && name.is_empty() {
        wrong.push(format!("`lakeward` has no {first}"));
    }
    wrong
}

#[test]
fn options_and_commands_that_the_documents_name_are_there() {
    let (files, commands) = (repository(), commands());
    assert!(commands.len() > 15, "{commands:?}");
    let is_written = |option: &str| {
        let mut sources = files.iter().filter(|file| !file.path.ends_with(".md"));
        sources.any(|file| file.text.contains(&format!("\"{option}\"")))
    };
    let is_known = |option: &str| commands.values().any(|known| known.contains(option));
    let mut untrue = BTreeSet::new();
    for document in documents(&files) {
        for words in typed(document) {
            let program = |word: &String| {
                let name = word.rsplit('/').next().unwrap_or_default();
                name == "lakeward" || FOREIGN.contains(&name)
            };
            let wrong = match words.iter().position(program) {
                Some(at) if words.get(at).unwrap().ends_with("lakeward") => {
                    misspoken(words.get(at + 1..).unwrap(), &commands)
                }
                Some(_) => Vec::new(),
                None => options(&words)
                    .filter(|option| !is_known(option) && !is_written(option))
                    .map(|option| format!("no {option}"))
                    .collect(),
            };
            untrue.extend(
                wrong
                    .iter()
                    .map(|text| format!("{}: {text}", document.path)),
            );
        }
    }
    none(untrue);
}

/// Whether `flag name` of a cargo command means something here.
fn is_target(flag: &str, name: &str, paths: &BTreeSet<&str>) -> bool {
    let folder = match flag {
        "--bench" => "benches",
        "--test" => "tests",
        "--example" => "examples",
        "-p" => {
            return !name.starts_with("lakeward")
                || paths.contains(&*format!("crates/{name}/Cargo.toml"));
        }
        _ => return true,
    };
    let ends = [
        format!("/{folder}/{name}.rs"),
        format!("/{folder}/{name}/main.rs"),
    ];
    paths
        .iter()
        .any(|path| ends.iter().any(|end| path.ends_with(end)))
}

#[test]
fn targets_that_the_documents_name_are_there() {
    let files = repository();
    let paths: BTreeSet<&str> = files.iter().map(|file| &*file.path).collect();
    let mut untrue = BTreeSet::new();
    for document in documents(&files) {
        for words in typed(document) {
            for pair in words.windows(2) {
                if let [flag, name] = pair
                    && words.iter().any(|word| word == "cargo")
                    && !is_target(flag, name, &paths)
                {
                    untrue.insert(format!("{}: no {flag} {name}", document.path));
                }
            }
        }
    }
    none(untrue);
}

#[test]
fn variables_that_the_documents_name_are_read() {
    let files = repository();
    let (documents, sources): (Vec<&Written>, Vec<&Written>) =
        files.iter().partition(|file| file.path.ends_with(".md"));
    let mut untrue = BTreeSet::new();
    for document in documents {
        for rest in document.text.split("LAKEWARD_").skip(1) {
            let end = rest.find(|letter: char| letter != '_' && !letter.is_ascii_uppercase());
            let name = format!("LAKEWARD_{}", rest.get(..end.unwrap_or(0)).unwrap());
            if !sources.iter().any(|file| file.text.contains(&name)) {
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
