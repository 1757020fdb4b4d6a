use std::os::unix::fs::symlink;

use super::*;

fn lines(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn line(number: usize) -> String {
    format!("{{\"number\":{number}}}\n")
}

#[test]
fn a_line_is_in_the_file_when_append_answers() {
    let dir = tempfile::tempdir().unwrap();
    let writer = Writer::open(dir.path(), Keep::default()).unwrap();
    writer.append(line(1)).unwrap();
    assert_eq!(lines(&dir.path().join(files::ACTIVE)), [r#"{"number":1}"#]);
}

#[test]
fn a_cut_off_line_stays_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(files::ACTIVE);
    fs::write(&path, "{\"number\":1}\n{\"numb").unwrap();
    let writer = Writer::open(dir.path(), Keep::default()).unwrap();
    writer.append(line(3)).unwrap();
    assert_eq!(
        lines(&path),
        [r#"{"number":1}"#, r#"{"numb"#, r#"{"number":3}"#]
    );
}

#[test]
fn a_full_disk_is_an_error_until_there_is_room_and_nothing_is_lost_or_twice() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(files::ACTIVE);
    let writer = Writer::open(dir.path(), Keep::default()).unwrap();
    writer.append(line(1)).unwrap();
    // The kernel's own full disk.
    writer.shared.lock().file = None;
    let aside = dir.path().join("aside");
    fs::rename(&path, &aside).unwrap();
    symlink("/dev/full", &path).unwrap();
    assert!(writer.ready().is_ok(), "nobody knows yet");
    let error = writer.append(line(2)).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert!(writer.ready().is_err());
    assert!(writer.append(line(3)).is_err());

    fs::remove_file(&path).unwrap();
    fs::rename(&aside, &path).unwrap();
    writer.ready().unwrap();
    writer.append(line(4)).unwrap();
    let expected: Vec<String> = (1..=4).map(|n| line(n).trim().to_owned()).collect();
    assert_eq!(lines(&path), expected);
}

#[test]
fn what_finds_no_room_while_waiting_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(files::ACTIVE);
    symlink("/dev/full", &path).unwrap();
    let writer = Writer::open(dir.path(), Keep::default()).unwrap();
    let long = format!("{{\"x\":\"{}\"}}\n", "x".repeat(MAX_WAITING / 2));
    for _ in 0..4 {
        assert!(writer.append(long.clone()).is_err());
    }
    fs::remove_file(&path).unwrap();
    writer.ready().unwrap();
    let written = lines(&path);
    let last: serde_json::Value = serde_json::from_str(written.last().unwrap()).unwrap();
    assert_eq!(last["eventName"], "AuditTrailInterrupted");
    let lost = last["serviceEventDetails"]["recordsLost"].as_u64().unwrap();
    assert_eq!(usize::try_from(lost).unwrap() + written.len() - 1, 4);
}

#[test]
fn full_files_are_put_aside_and_the_oldest_go() {
    let dir = tempfile::tempdir().unwrap();
    let keep = Keep {
        file_bytes: 100,
        total_bytes: 350,
        ..Keep::default()
    };
    let writer = Writer::open(dir.path(), keep).unwrap();
    for number in 0..100 {
        writer.append(line(number)).unwrap();
    }
    drop(writer);
    let aside = files::put_aside(dir.path()).unwrap();
    assert!((2..=3).contains(&aside.len()), "{aside:?}");
    let mut kept: Vec<String> = aside.iter().flat_map(|file| lines(&file.path)).collect();
    kept.extend(lines(&dir.path().join(files::ACTIVE)));
    let first = 100 - kept.len();
    let expected: Vec<String> = (first..100).map(|n| line(n).trim().to_owned()).collect();
    assert_eq!(kept, expected);
}

#[test]
fn old_files_go() {
    let dir = tempfile::tempdir().unwrap();
    let now = Timestamp::now();
    for days in [100, 80] {
        let at = now - jiff::SignedDuration::from_hours(days * 24);
        let name = format!("audit-{}Z.jsonl", at.strftime("%Y%m%dT%H%M%S.%6f"));
        fs::write(dir.path().join(name), line(1)).unwrap();
    }
    Keep::default().prune(dir.path(), now).unwrap();
    assert_eq!(files::put_aside(dir.path()).unwrap().len(), 1);
}
