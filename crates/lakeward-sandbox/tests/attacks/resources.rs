//! More than one's share.

use crate::cell::{attack, finish, has_groups, is_root, plan, run, sandbox, start, start_attack};
use crate::files::read_line;

#[test]
fn a_fork_bomb_is_bounded() {
    let enclosure = start_attack(
        "import signal\n\
         n = 0\n\
         while True:\n\
         \x20 try: pid = os.fork()\n\
         \x20 except OSError as e: print(n < 66, errno.errorcode[e.errno]); break\n\
         \x20 if pid == 0: signal.pause()\n\
         \x20 n += 1\n\
         input()",
    );
    let mut enclosure = enclosure;
    assert_eq!(read_line(&mut enclosure.output), "True EAGAIN");
    if has_groups() {
        let usage = enclosure.process.usage();
        assert!(
            usage.fork_refusals > 0 && usage.processes <= 66,
            "{usage:?}"
        );
    }
    // Others go on, and the end of the first takes all of it along.
    assert_eq!(run("print(1)").printed(), "1");
    assert!(finish(enclosure).status.code().is_some());
}

#[test]
fn threads_count_as_processes() {
    let outcome = attack(
        "import threading, time\n\
         try:\n\
         \x20 for n in range(1000): threading.Thread(target=time.sleep, args=(9,), daemon=True).start()\n\
         except RuntimeError: print(n < 66)\n\
         sys.stdout.flush(); os._exit(0)",
    );
    assert_eq!(outcome.printed(), "True");
}

#[test]
fn a_memory_bomb_kills_itself_and_only_itself() {
    if !has_groups() {
        return;
    }
    let mut other = start("print(input())");
    let mut bomb = start("input()\nx = []\nwhile True: x.append(b'x' * (8 << 20))");
    std::io::Write::write_all(&mut bomb.input, b"\n").unwrap();
    let mut output = String::new();
    std::io::Read::read_to_string(&mut bomb.output, &mut output).unwrap();
    let status = bomb.process.wait();
    assert_eq!(status.to_string(), "signal: 9 (SIGKILL)");
    assert!(bomb.process.usage().oom_kills > 0);
    std::io::Write::write_all(&mut other.input, b"alive\n").unwrap();
    assert_eq!(finish(other).printed(), "alive");
}

#[test]
fn files_in_memory_count_as_memory() {
    if !has_groups() {
        return;
    }
    let mut plan = plan("f = open('/tmp/x', 'wb')\nwhile True: f.write(b'x' * (1 << 20))");
    plan.limits.disk = 1 << 40;
    let outcome = finish(sandbox().start(&plan).unwrap());
    assert!(outcome.was_killed(), "{outcome:?}");
}

#[test]
fn disks_are_bounded() {
    let outcome = attack(
        "def fill(path):\n\
         \x20 n = 0\n\
         \x20 with open(path, 'wb', buffering=0) as f:\n\
         \x20\x20 while True:\n\
         \x20\x20\x20 try: n += f.write(b'x' * (1 << 20))\n\
         \x20\x20\x20 except OSError as e: return errno.errorcode[e.errno], n <= 32 << 20\n\
         print(fill('/home/session/x'), fill('/tmp/x'), fill('/dev/shm/x'))\n\
         os.remove('/tmp/x'); os.remove('/home/session/x')\n\
         try:\n\
         \x20 for n in range(1 << 20): open(f'/tmp/{n}', 'w').close()\n\
         except OSError as e: print(errno.errorcode[e.errno])",
    );
    // The last of the three was full from the start: it shares with the second.
    let said = "('ENOSPC', True) ('ENOSPC', True) ('ENOSPC', True)\nENOSPC";
    assert_eq!(outcome.printed(), said);
}

#[test]
fn bounds_of_a_process_cannot_be_raised() {
    let outcome = attack(
        "import resource as r\n\
         print(r.getrlimit(r.RLIMIT_CORE), r.getrlimit(r.RLIMIT_NOFILE), r.getrlimit(r.RLIMIT_NPROC)[1])\n\
         for what in (r.RLIMIT_CORE, r.RLIMIT_NOFILE, r.RLIMIT_NPROC, r.RLIMIT_MEMLOCK):\n\
         \x20 try: r.setrlimit(what, (1 << 20, 1 << 20)); print('raised')\n\
         \x20 except ValueError: pass\n\
         fds = []\n\
         try:\n\
         \x20 while True: fds.append(os.open('/dev/null', 0))\n\
         except OSError as e: os.closerange(3, 999); print(errno.errorcode[e.errno])",
    );
    assert_eq!(outcome.printed(), "(0, 0) (256, 256) 66\nEMFILE");
}

#[test]
fn a_crash_leaves_no_core_file() {
    let outcome = attack(
        "if os.fork() == 0: os.abort()\n\
         _, status = os.wait(); print(os.WTERMSIG(status), os.WCOREDUMP(status), os.listdir('.'))",
    );
    assert_eq!(outcome.printed(), "6 False []");
}

#[test]
fn limits_of_a_running_enclosure_are_changed() {
    if !has_groups() {
        return;
    }
    let script = "import os, signal\n\
         print('ready'); input()\n\
         for n in range(40):\n\
         \x20 try:\n\
         \x20\x20 if os.fork() == 0: signal.pause()\n\
         \x20 except OSError: print(n); break\n\
         x = b'x' * (100 << 20)";
    let mut enclosure = start(script);
    read_line(&mut enclosure.output);
    let mut limits = plan("").limits;
    limits.processes = 8;
    limits.memory = 64 << 20;
    enclosure.process.limit(&limits).unwrap();
    std::io::Write::write_all(&mut enclosure.input, b"\n").unwrap();
    let outcome = finish(enclosure);
    assert_eq!(outcome.output.trim(), "7");
    assert!(outcome.was_killed(), "{outcome:?}");
}

#[test]
fn processor_time_is_shared() {
    if !has_groups() {
        return;
    }
    // On a busy machine it takes longer still.
    let mut plan = plan(
        "import time\n\
         began = time.monotonic()\n\
         while time.process_time() < 0.3: pass\n\
         print(time.monotonic() - began > 0.9)",
    );
    plan.limits.cpus = 0.2;
    let outcome = finish(sandbox().start(&plan).unwrap());
    assert_eq!(outcome.printed(), "True");
}

#[test]
fn buffers_of_connections_are_bounded() {
    if !has_groups() {
        return;
    }
    // What is sent and never read; unbounded, a pair of sockets holds megabytes.
    let mut plan = plan(
        "import socket\n\
         server = socket.create_server(('127.0.0.1', 0))\n\
         held, queued = [], 0\n\
         for _ in range(100):\n\
         \x20 client = socket.create_connection(server.getsockname())\n\
         \x20 held += [client, server.accept()[0]]\n\
         \x20 client.settimeout(0.02)\n\
         \x20 try:\n\
         \x20\x20 while True: queued += client.send(b'x' * 65536)\n\
         \x20 except TimeoutError: pass\n\
         print(queued)",
    );
    plan.limits.memory = 128 << 20;
    let outcome = finish(sandbox().start(&plan).unwrap());
    let queued: u64 = outcome.printed().parse().unwrap();
    assert!(queued > 0 && queued < plan.limits.memory, "{queued} bytes");
}

#[test]
fn descriptors_on_their_way_keep_nobody_from_starting() {
    if is_root() {
        return eprintln!("not needed: root gives enclosures users of their own");
    }
    // The kernel counts them by host user.
    let mut plan = plan(
        "import array, errno, os, socket\n\
         null = os.open('/dev/null', 0)\n\
         rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [null] * 250))]\n\
         held, error = [], errno.EAGAIN\n\
         while error == errno.EAGAIN:\n\
         \x20 held.append(socket.socketpair()); held[-1][0].setblocking(False)\n\
         \x20 try:\n\
         \x20\x20 while True: held[-1][0].sendmsg([b'x'], rights)\n\
         \x20 except OSError as e: error = e.errno\n\
         print(errno.errorcode[error]); input()",
    );
    let own = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    plan.limits.open_files = own.current.unwrap();
    let mut greedy = sandbox().start(&plan).unwrap();
    assert_eq!(read_line(&mut greedy.output), "ETOOMANYREFS");
    assert_eq!(run("print(1)").printed(), "1");
    assert!(finish(greedy).status.code().is_some());
}
