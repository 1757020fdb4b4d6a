//! The same cells inside an enclosure and outside.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::Value;

use crate::rig::{
    instance::Instance,
    livy::{Livy, Polling},
    report::Report,
};

const ROUNDS: usize = 15;
const CELLS: [(&str, &str); 4] = [
    ("nothing", "1"),
    ("Python computing", "sum(i * i for i in range(1_000_000))"),
    (
        "a query that groups",
        "spark.sql('select ws_ship_mode_sk, count(*) c from tpc.dl_tpc_web_sales group by 1 order by 1').collect()[0]",
    ),
    (
        "a thousand small files",
        "import pathlib, tempfile\nfor n in range(1000):\n    p = pathlib.Path(tempfile.gettempdir(), f'f{n}'); p.write_bytes(b'x' * 4096); p.read_bytes(); p.unlink()",
    ),
];

/// Runs each cell in both, by turns.
pub async fn measure(enclosed: &Instance, open: &Instance, report: &mut Report) -> Result<()> {
    report.step("running cells inside and outside");
    let (inside, outside) = (Session::open(enclosed).await?, Session::open(open).await?);
    for (name, code) in CELLS {
        let (mut times_inside, mut times_outside) = (Vec::new(), Vec::new());
        for round in 0..=ROUNDS {
            let times = (inside.time(code).await?, outside.time(code).await?);
            // The first round fills caches.
            if round > 0 {
                times_inside.push(times.0);
                times_outside.push(times.1);
            }
        }
        report.times(&format!("{name}, enclosed"), &times_inside);
        report.times(&format!("{name}, not enclosed"), &times_outside);
        let ratio = report.ratio(&times_inside, &times_outside);
        report.number(&format!("{name}, enclosed by not enclosed"), ratio, "×");
    }
    inside.livy.end(&inside.path).await?;
    outside.livy.end(&outside.path).await
}

struct Session {
    livy: Livy,
    path: String,
}

impl Session {
    async fn open(instance: &Instance) -> Result<Self> {
        let tina = instance.client("tina").await?;
        let cluster = instance.cluster();
        let livy = Livy::log_in(instance, &tina, &cluster, "sales", Polling::Tight).await?;
        let path = livy.create_session().await?;
        livy.wait(&path, "idle").await?;
        Ok(Self { livy, path })
    }

    async fn time(&self, code: &str) -> Result<Duration> {
        let begun = Instant::now();
        let output = self.livy.run(&self.path, code).await?;
        let time = begun.elapsed();
        let status = output.get("status").and_then(Value::as_str);
        anyhow::ensure!(status == Some("ok"), "a cell answered {output}");
        Ok(time)
    }
}
