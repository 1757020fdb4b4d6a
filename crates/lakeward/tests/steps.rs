//! Steps as they are on EMR: a PySpark program from S3 runs under the runtime role it is submitted
//! with, sees what that role was granted, and leaves its logs in S3.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod support;

use std::io::Read as _;

use flate2::read::GzDecoder;
use http::Method;
use lakeward::demo::Demo;
use lakeward_client::Client;
use serde_json::{Value, json};
use support::{World, emr, eventually};

const COLUMNS: &str = r#"
import sys
from pyspark.sql import SparkSession

spark = SparkSession.builder.appName("columns").getOrCreate()
table = spark.table("tpc.dl_tpc_customer")
print("columns", ",".join(sorted(table.columns)))
print("rows", len(table.select("c_customer_sk").limit(5).collect()))
print("arguments", sys.argv[1:])
"#;

const WRONG: &str = r#"
import sys
print("before it fails")
sys.exit("the numbers don't add up")
"#;

const LONG: &str = r#"
import time
print("it runs", flush=True)
time.sleep(3600)
"#;

struct Stage {
    world: World,
    demo: Demo,
    admin: Client,
}

impl Stage {
    async fn set() -> Self {
        let (world, demo, admin) = World::working_demo().await;
        let stage = Self { world, demo, admin };
        for (name, text) in [("columns", COLUMNS), ("wrong", WRONG), ("long", LONG)] {
            let path = format!("/{}/programs/{name}.py", stage.bucket());
            let put = stage.world.root.s3(Method::PUT, &path, text.into());
            put.await.unwrap();
        }
        stage
    }

    fn bucket(&self) -> String {
        self.demo.stack.cluster_bucket()
    }

    /// Submits a program under a runtime role; the step's id.
    async fn submit(&self, purpose: &str, program: &str) -> String {
        let stack = &self.demo.stack;
        let file = format!("s3://{}/programs/{program}.py", self.bucket());
        let args = [
            "spark-submit",
            "--deploy-mode",
            "cluster",
            &file,
            "one",
            "two",
        ];
        let input = json!({
            "JobFlowId": self.demo.cluster_id,
            "ExecutionRoleArn": stack.role_arn(&stack.runtime_role(purpose)),
            "Steps": [{"Name": program, "ActionOnFailure": "CONTINUE",
                "HadoopJarStep": {"Jar": "command-runner.jar", "Args": args}}],
        });
        let answer = emr(&self.admin, "AddJobFlowSteps", input).await;
        answer["StepIds"][0].as_str().unwrap().to_owned()
    }

    async fn status(&self, step: &str) -> Value {
        let input = json!({"ClusterId": self.demo.cluster_id, "StepId": step});
        emr(&self.admin, "DescribeStep", input).await["Step"]["Status"].clone()
    }

    /// Waits for a state; the status with it.
    async fn until(&self, step: &str, states: &[&str]) -> Value {
        let mut status = Value::Null;
        eventually(&format!("{step} is one of {states:?}"), async || {
            status = self.status(step).await;
            states.contains(&status["State"].as_str().unwrap())
        })
        .await;
        status
    }

    async fn ended(&self, step: &str) -> Value {
        self.until(step, &["COMPLETED", "FAILED", "CANCELLED", "INTERRUPTED"])
            .await
    }

    async fn log(&self, step: &str, name: &str) -> String {
        let cluster = &self.demo.cluster_id;
        let path = format!("/{}/logs/{cluster}/steps/{step}/{name}.gz", self.bucket());
        let packed = self.world.root.s3(Method::GET, &path, Default::default());
        let packed = packed.await.unwrap();
        let mut text = String::new();
        GzDecoder::new(&packed[..])
            .read_to_string(&mut text)
            .unwrap();
        text
    }
}

#[tokio::test]
async fn a_program_sees_what_its_role_was_granted_and_leaves_its_logs() {
    let stage = Stage::set().await;
    let granted = stage.submit("marketing", "columns").await;
    let foreign = stage.submit("sales", "columns").await;
    let wrong = stage.submit("marketing", "wrong").await;
    let missing = stage.submit("marketing", "missing").await;
    let long = stage.submit("marketing", "long").await;

    let status = stage.ended(&granted).await;
    let (stdout, stderr) = (
        stage.log(&granted, "stdout").await,
        stage.log(&granted, "stderr").await,
    );
    assert_eq!(status["State"], "COMPLETED", "{status}\n{stdout}\n{stderr}");
    assert!(stdout.contains("c_customer_sk"), "{stdout}");
    for column in ["c_first_name", "c_last_name", "c_email_address"] {
        assert!(!stdout.contains(column), "{stdout}");
    }
    assert!(stdout.contains("rows 5"), "{stdout}");
    assert!(stdout.contains("arguments ['one', 'two']"), "{stdout}");
    let controller = stage.log(&granted, "controller").await;
    assert!(controller.contains("columns.py one two"), "{controller}");

    let status = stage.ended(&foreign).await;
    let stderr = stage.log(&foreign, "stderr").await;
    assert_eq!(status["State"], "FAILED", "{status}");
    assert!(stderr.contains("AccessDenied"), "{stderr}");
    let file = status["FailureDetails"]["LogFile"].as_str().unwrap();
    assert!(file.ends_with("/stderr.gz"), "{file}");

    let status = stage.ended(&wrong).await;
    assert_eq!(status["State"], "FAILED", "{status}");
    assert_eq!(stage.log(&wrong, "stdout").await, "before it fails\n");
    let words = "the numbers don't add up";
    assert!(stage.log(&wrong, "stderr").await.contains(words));
    let message = status["FailureDetails"]["Message"].as_str().unwrap();
    assert!(message.contains(words), "{status}");

    let status = stage.ended(&missing).await;
    let details = &status["FailureDetails"];
    assert_eq!(details["Reason"], "The program could not be started.");
    let message = details["Message"].as_str().unwrap();
    assert!(message.contains("programs/missing.py"), "{message}");
    assert!(stage.log(&missing, "controller").await.contains(message));

    stage.until(&long, &["RUNNING"]).await;
    let input = json!({"ClusterId": stage.demo.cluster_id, "StepIds": [long]});
    let answer = emr(&stage.admin, "CancelSteps", input).await;
    assert_eq!(answer["CancelStepsInfoList"][0]["Status"], "SUBMITTED");
    let status = stage.ended(&long).await;
    assert_eq!(status["State"], "CANCELLED", "{status}");
    stage.world.daemon.shutdown().await;
}
