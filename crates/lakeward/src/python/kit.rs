use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use include_dir::{Dir, include_dir};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::interpreter;
use crate::cli::Progress;

/// A set of packages that go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kit {
    /// What a session's interpreter imports: the engine, its client, the data libraries.
    Session,
    /// The open notebook client and the engines that the acceptance run drives.
    Client,
    /// The control plane's real clients, and another server of its APIs to compare with.
    Peers,
    /// Apache Spark, to compare the start of sessions with. It needs the machine's Java.
    Spark,
}

/// The mark of a finished installation.
const COMPLETE: &str = ".complete";
const PYTHON: &str = "bin/python";

/// How a kit is installed, as `python/locks/install.json` says.
#[derive(Deserialize)]
struct Recipe {
    steps: Vec<Step>,
    /// A script that exits 0 when the kit is whole.
    verify: String,
}

/// One `pip install`.
#[derive(Deserialize)]
struct Step {
    /// The lock file's name.
    requirements: String,
    flags: Vec<String>,
}

static LOCKS: Dir<'_> = include_dir!("$OUT_DIR/python/locks");

impl Kit {
    fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Client => "client",
            Self::Peers => "peers",
            Self::Spark => "spark",
        }
    }

    fn recipe(self) -> Result<Recipe> {
        let mut recipes: BTreeMap<String, Recipe> = serde_json::from_str(lock("install.json")?)?;
        let name = match self {
            Self::Session => "session",
            Self::Client => "check",
            Self::Peers => "peers",
            Self::Spark => "spark",
        };
        recipes
            .remove(name)
            .with_context(|| format!("install.json has no recipe `{name}`"))
    }
}

fn lock(name: &str) -> Result<&'static str> {
    LOCKS
        .get_file(name)
        .and_then(|file| file.contents_utf8())
        .with_context(|| format!("the lock file {name} is not part of this build"))
}

/// Changes with the locks, the steps and the Python.
fn digest(kit: Kit, recipe: &Recipe, version: &str) -> Result<String> {
    let mut hasher = Sha256::new();
    for step in &recipe.steps {
        hasher.update(lock(&step.requirements)?);
        hasher.update(step.flags.join(" "));
    }
    hasher.update(&recipe.verify);
    let digest = hex::encode(hasher.finalize());
    Ok(format!(
        "{}-py{version}-{}",
        kit.name(),
        digest.get(..12).unwrap_or_default()
    ))
}

/// The Python of a kit's environment, which is installed at first use.
///
/// # Errors
/// There is no fitting Python, or the packages can't be installed; the text names the log.
pub fn ensure(kit: Kit, progress: &Progress) -> Result<PathBuf> {
    let root = cache()?;
    let recipe = kit.recipe()?;
    if let Some(python) = installed(kit, &recipe, &root)? {
        return Ok(python);
    }
    let lock = root.join(format!("{}.lock", kit.name()));
    let lock =
        File::create(&lock).with_context(|| format!("{} can't be written", lock.display()))?;
    // Two commands started at once install it once.
    lock.lock()?;
    let (python, version) = interpreter::find()?;
    let folder = root.join(digest(kit, &recipe, &version)?);
    if !is_whole(&folder) {
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        progress.step(format!(
            "Installing the {} packages for Python {version} (once)",
            kit.name()
        ));
        let log = root.join(format!("{}.log", kit.name()));
        install(&recipe, &python, &folder, &log)?;
        fs::write(folder.join(COMPLETE), b"")?;
    }
    Ok(folder.join(PYTHON))
}

/// A kit that is there already, without asking any Python for its version: that takes longer than
/// everything else at a start.
fn installed(kit: Kit, recipe: &Recipe, root: &Path) -> Result<Option<PathBuf>> {
    if interpreter::is_chosen() {
        return Ok(None);
    }
    for version in interpreter::VERSIONS {
        let folder = root.join(digest(kit, recipe, version)?);
        if is_whole(&folder) {
            return Ok(Some(folder.join(PYTHON)));
        }
    }
    Ok(None)
}

/// The link to the Python it was made with may lead nowhere by now.
fn is_whole(folder: &Path) -> bool {
    folder.join(COMPLETE).exists() && folder.join(PYTHON).exists()
}

fn cache() -> Result<PathBuf> {
    let variable = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let root = variable("LAKEWARD_CACHE")
        .or_else(|| Some(variable("XDG_CACHE_HOME")?.join("lakeward")))
        .or_else(|| Some(variable("HOME")?.join(".cache/lakeward")))
        .context("no cache folder is known; set LAKEWARD_CACHE to a folder")?
        .join("python");
    fs::create_dir_all(&root).with_context(|| format!("{} can't be made", root.display()))?;
    Ok(root)
}

fn install(recipe: &Recipe, python: &Path, folder: &Path, log: &Path) -> Result<()> {
    let mut venv = Command::new(python);
    venv.args(["-m", "venv"]).arg(folder);
    run(venv, log)
        .context("the environment can't be made; on Debian and Ubuntu install python3-venv")?;
    let inside = folder.join("bin/python");
    for step in &recipe.steps {
        let requirements = folder.join(&step.requirements);
        fs::write(&requirements, lock(&step.requirements)?)?;
        let mut pip = Command::new(&inside);
        pip.args([
            "-m",
            "pip",
            "install",
            "--disable-pip-version-check",
            "--no-input",
        ])
        .args(["--no-deps", "--require-hashes"])
        .args(&step.flags)
        .arg("-r")
        .arg(&requirements);
        run(pip, log)
            .context("the packages can't be installed; is the Python package index reachable?")?;
    }
    let mut verify = Command::new(&inside);
    verify.args(["-c", &recipe.verify]);
    run(verify, log).context("the installed packages don't fit together")
}

fn run(mut command: Command, log: &Path) -> Result<()> {
    let output = command
        .env_remove("PYTHONPATH")
        .output()
        .with_context(|| format!("{command:?} can't be run"))?;
    let said = [output.stdout, output.stderr].concat();
    fs::write(log, &said)?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&said);
    let tail: Vec<&str> = said.lines().rev().take(5).collect();
    let tail: Vec<&str> = tail.into_iter().rev().collect();
    anyhow::bail!(
        "{}\n(the whole log is in {})",
        tail.join("\n"),
        log.display()
    )
}
