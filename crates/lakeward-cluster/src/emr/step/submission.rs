//! The command line of a step: `spark-submit [options] s3://bucket/program.py [arguments]`.

use std::collections::BTreeMap;

use crate::emr::{error::EmrError, object::ObjectAddress};

/// A Python program for Spark, as `spark-submit` is asked to run it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SparkSubmit {
    /// `--name`
    pub name: Option<String>,
    /// The program: `s3://bucket/program.py`.
    pub file: String,
    /// What the program is given.
    pub args: Vec<String>,
    /// `--py-files`: modules in S3.
    pub py_files: Vec<String>,
    /// `--conf`, and the options that stand for one.
    pub settings: BTreeMap<String, String>,
}

/// What an option means.
enum Meaning {
    Name,
    PyFiles,
    Setting,
    /// One of these values, which all mean what is so anyway.
    OneOf(&'static [&'static str]),
    /// The same as a setting of this name.
    Shorthand(&'static str),
}

/// Options that take nothing.
const FLAGS: [&str; 2] = ["--verbose", "-v"];

fn meaning(option: &str) -> Option<Meaning> {
    Some(match option {
        "--name" => Meaning::Name,
        "--py-files" => Meaning::PyFiles,
        "--conf" | "-c" => Meaning::Setting,
        "--master" => Meaning::OneOf(&["yarn", "local", "local[*]"]),
        "--deploy-mode" => Meaning::OneOf(&["client", "cluster"]),
        "--driver-memory" => Meaning::Shorthand("spark.driver.memory"),
        "--driver-cores" => Meaning::Shorthand("spark.driver.cores"),
        "--executor-memory" => Meaning::Shorthand("spark.executor.memory"),
        "--executor-cores" => Meaning::Shorthand("spark.executor.cores"),
        "--num-executors" => Meaning::Shorthand("spark.executor.instances"),
        "--queue" => Meaning::Shorthand("spark.yarn.queue"),
        _ => return None,
    })
}

impl SparkSubmit {
    /// Reads the arguments of `command-runner.jar`.
    ///
    /// # Errors
    /// It is another command, an option isn't served, or there is no program in S3.
    pub fn parse(args: &[String]) -> Result<Self, EmrError> {
        let mut words = args.iter();
        match words.next().map(String::as_str) {
            Some("spark-submit" | "/usr/bin/spark-submit") => {}
            other => return Err(other_command(other)),
        }
        let mut parsed = Self::default();
        while let Some(word) = words.next() {
            if FLAGS.contains(&word.as_str()) {
                continue;
            }
            if !word.starts_with('-') {
                parsed.file = program(word)?;
                parsed.args = words.cloned().collect();
                return Ok(parsed);
            }
            let (option, inline) = match word.split_once('=') {
                Some((option, value)) if word.starts_with("--") => (option, Some(value)),
                _ => (word.as_str(), None),
            };
            let meaning = meaning(option).ok_or_else(|| unserved(option))?;
            let value = inline.or_else(|| words.next().map(String::as_str));
            let value = value.ok_or_else(|| refusal(format!("{option} needs a value")))?;
            parsed.apply(option, meaning, value)?;
        }
        Err(refusal(
            "the Python program is missing: give its s3:// address after the options".to_owned(),
        ))
    }

    fn apply(&mut self, option: &str, meaning: Meaning, value: &str) -> Result<(), EmrError> {
        match meaning {
            Meaning::Name => self.name = Some(value.to_owned()),
            Meaning::PyFiles => {
                for file in value.split(',').filter(|file| !file.is_empty()) {
                    self.py_files.push(in_s3(option, file)?);
                }
            }
            Meaning::Setting => {
                let pair = value.split_once('=');
                let (key, value) = pair
                    .filter(|(key, _)| key.starts_with("spark."))
                    .ok_or_else(|| {
                        refusal(format!("{option} takes spark.KEY=VALUE, not '{value}'"))
                    })?;
                self.settings.insert(key.to_owned(), value.to_owned());
            }
            Meaning::OneOf(values) if values.contains(&value) => {}
            Meaning::OneOf(values) => {
                let values = values.join(", ");
                return Err(refusal(format!("{option} takes {values}, not '{value}'")));
            }
            Meaning::Shorthand(key) => {
                self.settings.insert(key.to_owned(), value.to_owned());
            }
        }
        Ok(())
    }
}

fn program(word: &str) -> Result<String, EmrError> {
    if word.ends_with(".jar") {
        return Err(refusal(format!(
            "'{word}' is a Java program, and only Python programs run here"
        )));
    }
    let file = in_s3("the program", word)?;
    if file.ends_with(".py") {
        Ok(file)
    } else {
        Err(refusal(format!(
            "the program '{word}' must be a Python file with the ending .py"
        )))
    }
}

/// The address in its plain spelling.
fn in_s3(what: &str, word: &str) -> Result<String, EmrError> {
    ObjectAddress::parse(word)
        .filter(|object| word.starts_with("s3") && !object.key.is_empty())
        .map(|object| object.to_string())
        .ok_or_else(|| {
            refusal(format!(
                "{what} '{word}' is not in S3: upload it and give its address, s3://BUCKET/KEY"
            ))
        })
}

fn other_command(command: Option<&str>) -> EmrError {
    let given = command.map_or_else(
        || "command-runner.jar without arguments".to_owned(),
        |command| format!("The command '{}' of command-runner.jar", short(command)),
    );
    EmrError::Unsupported(format!(
        "{given} (a step runs a PySpark program: Args [\"spark-submit\", \"s3://BUCKET/PROGRAM.py\", …])"
    ))
}

fn unserved(option: &str) -> EmrError {
    EmrError::Unsupported(format!(
        "The spark-submit option '{}' (served are --name, --conf, --py-files, --deploy-mode, \
         --master, --driver-memory, --driver-cores, --executor-memory, --executor-cores, \
         --num-executors, --queue, --verbose)",
        short(option)
    ))
}

fn refusal(what: String) -> EmrError {
    EmrError::validation(format!(
        "The arguments of spark-submit are not valid: {what}."
    ))
}

fn short(text: &str) -> String {
    text.escape_debug().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<SparkSubmit, EmrError> {
        let args: Vec<String> = line.split(' ').map(str::to_owned).collect();
        SparkSubmit::parse(&args)
    }

    #[test]
    fn the_usual_command_line_is_understood() {
        let submit = parse(
            "spark-submit --deploy-mode cluster --master yarn --conf spark.sql.shuffle.partitions=4 \
             --name nightly --py-files s3://code/a.py,s3a://code/b.zip --driver-memory 1g \
             --num-executors=2 -v s3n://code/etl.py --input s3://lake/in -c x",
        )
        .unwrap();
        assert_eq!(submit.file, "s3://code/etl.py");
        assert_eq!(submit.args, ["--input", "s3://lake/in", "-c", "x"]);
        assert_eq!(submit.name.as_deref(), Some("nightly"));
        assert_eq!(submit.py_files, ["s3://code/a.py", "s3://code/b.zip"]);
        let settings: Vec<_> = submit
            .settings
            .iter()
            .map(|(k, v)| format!("{k}={v}"))
            .collect();
        assert_eq!(
            settings,
            [
                "spark.driver.memory=1g",
                "spark.executor.instances=2",
                "spark.sql.shuffle.partitions=4"
            ]
        );
        assert_eq!(
            parse("spark-submit s3://code/etl.py").unwrap().args,
            [""; 0]
        );
    }

    #[test]
    fn what_is_not_served_is_refused_by_name() {
        for (line, word) in [
            ("bash -c id", "'bash'"),
            ("hive-script --run", "'hive-script'"),
            ("spark-submit --class Main s3://code/a.jar", "'--class'"),
            (
                "spark-submit --jars s3://code/a.jar s3://code/a.py",
                "'--jars'",
            ),
            (
                "spark-submit --packages a:b:1 s3://code/a.py",
                "'--packages'",
            ),
            (
                "spark-submit --files s3://code/a s3://code/a.py",
                "'--files'",
            ),
            (
                "spark-submit --proxy-user root s3://code/a.py",
                "'--proxy-user'",
            ),
        ] {
            let error = parse(line).unwrap_err();
            assert!(matches!(error, EmrError::Unsupported(_)), "{line}: {error}");
            assert!(error.to_string().contains(word), "{error}");
        }
        assert!(SparkSubmit::parse(&[]).is_err());
    }

    #[test]
    fn a_broken_command_line_is_refused_and_says_what_to_change() {
        for (line, words) in [
            ("spark-submit", "program is missing"),
            ("spark-submit --verbose", "program is missing"),
            ("spark-submit --name", "--name needs a value"),
            ("spark-submit s3://code/a.jar", "only Python"),
            ("spark-submit s3://code/a.sh", ".py"),
            ("spark-submit /home/hadoop/a.py", "upload it"),
            ("spark-submit arn:aws:s3:::code/a.py", "upload it"),
            ("spark-submit s3://code/", "upload it"),
            ("spark-submit --py-files a.zip s3://code/a.py", "upload it"),
            ("spark-submit --conf x=1 s3://code/a.py", "spark.KEY=VALUE"),
            (
                "spark-submit --conf spark.x s3://code/a.py",
                "spark.KEY=VALUE",
            ),
            (
                "spark-submit --deploy-mode far s3://code/a.py",
                "client, cluster",
            ),
            ("spark-submit --master spark://h:1 s3://code/a.py", "yarn"),
        ] {
            let error = parse(line).unwrap_err();
            assert!(matches!(error, EmrError::Validation(_)), "{line}: {error}");
            assert!(error.to_string().contains(words), "{line}: {error}");
        }
    }
}
