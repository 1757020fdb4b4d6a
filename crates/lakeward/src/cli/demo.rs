use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use super::{DaemonOptions, Output, Progress, check, serve::StopSignal};
use crate::{
    daemon::{self, Daemon, StateFolder},
    demo::{self, Stack},
    profile::Instance,
};

#[derive(Args)]
pub(super) struct Demo {
    #[command(flatten)]
    daemon: DaemonOptions,
    /// Begin anew: delete the state folder first.
    #[arg(long, conflicts_with = "store")]
    reset: bool,
    /// TPC-DS scale factor of the tables; 1 makes about 720,000 web sales.
    #[arg(long, default_value_t = 0.1)]
    scale: f64,
    /// Name that all of the example's names begin with.
    #[arg(long, default_value = "lakeward")]
    stack: String,
    /// Account that the example is made in.
    #[arg(long, default_value = "123456789012")]
    account: String,
    /// Start a throwaway instance, run the whole scenario with the open notebook client, print
    /// what was expected and seen, and exit 0 only if everything held.
    #[arg(long, conflicts_with_all = ["reset", "state_dir", "store"])]
    check: bool,
    /// How --check prints its table.
    #[arg(long, value_enum, default_value = "text", requires = "check")]
    output: Output,
}

impl Demo {
    pub(super) async fn run(self) -> Result<ExitCode> {
        let stack = Stack {
            name: self.stack.clone(),
            account: self.account.clone(),
            region: self.daemon.region.clone(),
        };
        if self.check {
            return check::run(stack, self.scale, self.daemon.session_python, self.output).await;
        }
        if self.reset {
            daemon::reset(&self.daemon.state.state_dir).await?;
        }
        let progress = Progress::new();
        let (folder, settings) = self.daemon.prepare(&progress)?;
        let grace = self.daemon.grace();
        let region = settings.region.clone();
        progress.step("Opening the state");
        let daemon = Daemon::start(&folder, settings).await?;
        Instance::of(&daemon, &region, &folder).write(&folder)?;
        let demo = demo::Demo::set_up(&daemon, &folder, stack, self.scale, &progress).await?;
        progress.finish();
        let stop = StopSignal::listen()?;
        print_next_steps(&demo, &daemon, &folder);
        stop.end(daemon, grace).await;
        Ok(ExitCode::SUCCESS)
    }
}

fn print_next_steps(demo: &demo::Demo, daemon: &Daemon, folder: &StateFolder) {
    let program = std::env::current_exe()
        .map_or_else(|_| "lakeward".to_owned(), |path| path.display().to_string());
    let (stack, state) = (&demo.stack, folder.root().display());
    say!(
        "Lakeward is up: {} (proxy {})",
        daemon.addresses().endpoint_url(),
        daemon.addresses().proxy_url()
    );
    say!(
        "Cluster {} ({}) at {}",
        stack.cluster(),
        demo.cluster_id,
        demo.cluster_address
    );
    for (person, purpose, query) in [
        (
            "david",
            "marketing",
            "select * from dl_tpc_customer limit 10",
        ),
        ("tina", "sales", "select * from dl_tpc_web_sales limit 10"),
        ("tina", "electronics", "select * from dl_tpc_item limit 10"),
    ] {
        say!(
            "\n{person}, as {}. In another terminal:",
            stack.runtime_role(purpose)
        );
        say!(
            "  eval \"$({program} env --state-dir {state} --profile {person} --client)\" && jupyter console"
        );
        say!("and in the console:");
        say!("  %load_ext sagemaker_studio_analytics_extension.magics");
        say!(
            "  %sm_analytics emr connect --verify-certificate {} --cluster-id {} --auth-type Basic_Access --language python --emr-execution-role-arn {}",
            folder.ca().display(),
            demo.cluster_id,
            stack.role_arn(&stack.runtime_role(purpose)),
        );
        say!("  %%spark\n  sqlContext.sql(\"use tpc\")\n  sqlContext.sql(\"{query}\").show()");
    }
    say!(
        "\nThe administrator (any AWS client, for instance boto3): eval \"$({program} env --state-dir {state} --profile admin)\""
    );
    say!("Who works on the cluster: {program} session ls --state-dir {state}");
    say!("What the cluster does:    {program} cluster ls --state-dir {state}");
    if let Some(url) = daemon.addresses().metrics_url() {
        say!("Metrics: {url}/metrics, readiness: {url}/readyz");
    }
    say!("Ctrl-C stops it; the state stays in {state}.");
}
