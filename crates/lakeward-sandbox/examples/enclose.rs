//! Runs a program in an enclosure, so and so often, and tells how long the starts took:
//! `enclose TIMES [-r READABLE]... PROGRAM ARGUMENTS...`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use lakeward_sandbox::{Limits, Mode, Plan, Sandbox, stage_if_asked};

fn main() -> ExitCode {
    if let Some(code) = stage_if_asked() {
        return code;
    }
    let mut words = std::env::args().skip(1).peekable();
    let times: usize = words
        .next()
        .and_then(|word| word.parse().ok())
        .expect("how often");
    let mut plan = Plan {
        name: "example".to_owned(),
        program: "/usr/bin/true".into(),
        arguments: Vec::new(),
        environment: vec![("HOME".to_owned(), "/home/session".to_owned())],
        readable: Vec::new(),
        home: "/home/session".into(),
        ports: vec![8443, 80],
        limits: Limits {
            memory: 2 << 30,
            cpus: 2.0,
            processes: 256,
            disk: 256 << 20,
            open_files: 1024,
        },
    };
    while words.next_if(|word| word == "-r").is_some() {
        plan.readable.push(words.next().expect("a path").into());
    }
    plan.program = words.next().expect("a program").into();
    plan.arguments = words.collect();
    let sandbox = Sandbox::open(Mode::Full, "/proc/self/exe".into()).unwrap();
    eprintln!("{}", sandbox.describe());
    let (mut starts, mut ends) = (Vec::new(), Vec::new());
    for _ in 0..times {
        let began = Instant::now();
        let mut enclosure = sandbox.start(&plan).unwrap();
        starts.push(began.elapsed());
        let mut errors = enclosure.errors;
        let errors = std::thread::spawn(move || std::io::copy(&mut errors, &mut std::io::stderr()));
        std::io::copy(&mut enclosure.output, &mut std::io::stdout()).unwrap();
        let status = enclosure.process.wait();
        ends.push(began.elapsed());
        errors.join().unwrap().unwrap();
        if times == 1 {
            let refused = enclosure.refusals.take().unwrap();
            eprintln!("{status}, {:?}, {refused:?}", enclosure.process.usage());
        }
    }
    eprintln!(
        "started in {:?}, ended in {:?} (median)",
        median(starts),
        median(ends)
    );
    ExitCode::SUCCESS
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
