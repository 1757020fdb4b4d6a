use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What is to run in an enclosure, and what it finds there.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    /// Names the enclosure on the host: its control group carries the name. `[a-z0-9-]+`.
    pub name: String,
    /// The program, as a path inside.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its whole environment.
    pub environment: Vec<(String, String)>,
    /// Files and folders of the host that are there too, read-only, under the same paths, beside the
    /// system's own programs and libraries (`/usr`, `/lib`, …).
    pub readable: Vec<PathBuf>,
    /// The home folder inside; empty, the enclosure's own, and the working directory.
    pub home: PathBuf,
    /// TCP ports on the enclosure's `127.0.0.1` that the host serves.
    pub ports: Vec<u16>,
    /// What it may take.
    pub limits: Limits,
}

/// What an enclosure may take of the machine, all its processes together.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of memory, files in home and scratch folders among them.
    pub memory: u64,
    /// Processors' worth of time.
    pub cpus: f64,
    /// Processes and threads.
    pub processes: u32,
    /// Bytes of files in home, and as many again in the scratch folders.
    pub disk: u64,
    /// Descriptors open at once in one process.
    pub open_files: u64,
}
