//! The table of what was measured.

use std::{fs, time::Duration};

use super::process::Memory;

/// Rows, printed at the end; what is being done goes to standard error meanwhile.
pub struct Report {
    rows: Vec<String>,
    load_before: String,
}

impl Report {
    /// An empty table.
    pub fn new() -> Self {
        Self {
            rows: Vec::new(),
            load_before: load(),
        }
    }

    /// Something begins.
    #[allow(clippy::unused_self, reason = "the report is what speaks")]
    pub fn step(&self, what: &str) {
        eprintln!("{what}");
    }

    /// Shown at once too: a bench that fails later has measured something.
    fn row(&mut self, row: String) {
        eprintln!("  {row}");
        self.rows.push(row);
    }

    /// A row of times.
    pub fn times(&mut self, what: &str, times: &[Duration]) {
        let mut times = times.to_vec();
        times.sort_unstable();
        let seconds = |time: Option<&Duration>| time.map_or(0.0, Duration::as_secs_f64);
        self.row(format!(
            "{what:<58} {:>8.3} {:>8.3} {:>8.3} s (min, median, max of {})",
            seconds(times.first()),
            seconds(Some(&median(&times))),
            seconds(times.last()),
            times.len(),
        ));
    }

    /// A row of a count or a rate.
    pub fn number(&mut self, what: &str, number: f64, unit: &str) {
        self.row(format!("{what:<58} {number:>8.1} {unit}"));
    }

    /// A row of a process's memory.
    pub fn memory(&mut self, what: &str, memory: &Memory) {
        let mebibytes = |bytes: u64| bytes >> 20;
        self.row(format!(
            "{what:<58} {:>8} {:>8}          MiB (RSS, PSS)",
            mebibytes(memory.resident),
            mebibytes(memory.proportional),
        ));
    }

    /// Two rows of throughputs, and how the two readers' compare, round by round.
    pub fn compare(&mut self, what: &str, bytes: u64, raw: &[Duration], pruned: &[Duration]) {
        for (reader, times) in [("raw", raw), ("column-pruned", pruned)] {
            let mut rates: Vec<f64> = times
                .iter()
                .map(|time| bytes as f64 / 1e6 / time.as_secs_f64())
                .collect();
            rates.sort_unstable_by(f64::total_cmp);
            let rate = |rate: Option<&f64>| rate.copied().unwrap_or_default();
            self.row(format!(
                "{:<58} {:>8.0} {:>8.0} {:>8.0} MB/s (min, median, max of {})",
                format!("{what}, {reader}"),
                rate(rates.first()),
                bytes as f64 / 1e6 / median(times).as_secs_f64(),
                rate(rates.last()),
                times.len(),
            ));
        }
        // Readers of one round met the same load.
        let mut ratios: Vec<f64> = raw
            .iter()
            .zip(pruned)
            .map(|(raw, pruned)| raw.as_secs_f64() / pruned.as_secs_f64())
            .collect();
        ratios.sort_unstable_by(f64::total_cmp);
        let quartile = |quarter: usize| ratios.get(ratios.len() * quarter / 4);
        let ratio = |ratio: Option<&f64>| ratio.copied().unwrap_or_default();
        self.row(format!(
            "{:<58} {:>8.3} {:>8.3} {:>8.3} (quartiles of the rounds; {:.1} MB)",
            format!("{what}, ratio"),
            ratio(quartile(1)),
            ratio(quartile(2)),
            ratio(quartile(3)),
            bytes as f64 / 1e6,
        ));
    }

    /// A row of computing time per gigabyte.
    pub fn compare_cpu(&mut self, what: &str, bytes: u64, raw: Duration, pruned: Duration) {
        let gigabytes = bytes as f64 / 1e9;
        let (raw, pruned) = (raw.as_secs_f64(), pruned.as_secs_f64());
        self.row(format!(
            "{:<58} {:>8.3} {:>8.3} {:>8.3} s/GB (raw, column-pruned, ratio)",
            format!("{what}, the daemon's CPU"),
            raw / gigabytes,
            pruned / gigabytes,
            raw / pruned,
        ));
    }

    /// The median over the rounds of how often `other` goes into `one`.
    #[allow(clippy::unused_self, reason = "it reads as the report's")]
    pub fn ratio(&self, one: &[Duration], other: &[Duration]) -> f64 {
        let rounds = one.iter().zip(other);
        let mut ratios: Vec<f64> = rounds
            .map(|(one, other)| one.as_secs_f64() / other.as_secs_f64())
            .collect();
        ratios.sort_unstable_by(f64::total_cmp);
        ratios.get(ratios.len() / 2).copied().unwrap_or_default()
    }

    /// Prints it.
    pub fn finish(self) {
        println!();
        for row in &self.rows {
            println!("{row}");
        }
        println!("load before: {}; after: {}", self.load_before, load());
    }
}

fn median(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// Processes that wanted a core, on average over 1, 5 and 15 minutes.
fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace()
        .take(3)
        .collect::<Vec<_>>()
        .join(" ")
}
