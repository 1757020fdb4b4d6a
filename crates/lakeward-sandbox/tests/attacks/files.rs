//! Files of the host, and of others.

use crate::cell::{attack, finish, is_root, plan, run, sandbox};

#[test]
fn the_hosts_files_are_not_there() {
    let state = tempfile::tempdir().unwrap();
    let secret = state.path().join("state.db");
    std::fs::write(&secret, "secret").unwrap();
    let outcome = attack(&format!(
        "for path in ('/root', '/home', '/etc/shadow', '/etc/resolv.conf', '/etc/machine-id', '/etc/pki/tls/private', '/etc/ssl/private', '/run',\n\
         \x20 '/var/lib', '/var/log', '/sys', '/boot', '/mnt', '/srv', {secret:?}, '/proc/1/root/etc/shadow',\n\
         \x20 '/proc/1/cwd/root', '/proc/2/root/etc/shadow', '/dev/sda', '/dev/vda', '/dev/mem', '/dev/kmsg',\n\
         \x20 '/dev/kvm', '/dev/fuse', '/dev/tty', '/dev/ptmx', '/dev/net/tun'):\n\
         \x20 print(path, tried(os.listdir, path) if not path.startswith('/dev/') else tried(os.open, path, 0))"
    ));
    for line in outcome.printed().lines() {
        let refused = ["ENOENT", "EACCES"].iter().any(|word| line.ends_with(word));
        let own = line == "/home ['session']";
        assert!(refused || own, "{line}");
    }
}

#[test]
fn the_hosts_users_and_names_are_not_told() {
    let outcome = attack(
        "print(socket.gethostname(), open('/etc/hosts').read().split(), [l.split(':')[0] for l in open('/etc/passwd')])\n\
         print(open('/proc/cmdline').read() == '', open('/proc/kallsyms').read() == '')",
    );
    assert_eq!(
        outcome.printed(),
        "session ['127.0.0.1', 'localhost', 'session'] ['root', 'session', 'nobody']\nTrue True"
    );
}

#[test]
fn nothing_can_be_written_but_home_and_scratch() {
    let outcome = attack(
        "for path in ('/x', '/usr/x', '/usr/bin/x', '/etc/x', '/etc/passwd', '/lib/x', '/dev/x', '/proc/x',\n\
         \x20 '/var/x', '/home/x', '/proc/sys/kernel/core_pattern', '/proc/sysrq-trigger', '/proc/sys/kernel/hostname',\n\
         \x20 '/proc/sys/net/ipv4/ip_forward', '/proc/sys/vm/drop_caches'):\n\
         \x20 print(path, tried(open, path, 'w'))\n\
         print('bin', tried(os.rename, '/usr/bin/python3', '/usr/bin/x'), tried(os.chmod, '/usr/bin/python3', 0o777))",
    );
    for line in outcome.printed().lines() {
        let denied = ["EROFS", "EACCES", "ENOENT", "EPERM"];
        assert!(denied.iter().any(|word| line.ends_with(word)), "{line}");
    }
    let outcome = attack(
        "for path in ('/home/session/x', '/tmp/x', '/var/tmp/y', '/dev/shm/x', '/dev/null'):\n\
         \x20 print(tried(open(path, 'w').write, 'x'), end=' ')",
    );
    assert_eq!(outcome.printed(), "1 1 1 1 1");
}

#[test]
fn what_is_readable_can_only_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(folder.path(), open).unwrap();
    std::fs::write(folder.path().join("module"), "code").unwrap();
    let mut plan = plan(&format!(
        "import os\nos.chdir({:?}); print(open('module').read(), os.listdir('..'))\n\
         for mode in 'wa':\n\
         \x20 try: open('module', mode)\n\
         \x20 except OSError as e: print(e.errno)\n\
         try: os.mkdir('x')\n\
         except OSError as e: print(e.errno)",
        folder.path()
    ));
    plan.readable.push(folder.path().to_path_buf());
    let name = folder.path().file_name().unwrap().to_str().unwrap();
    let outcome = finish(sandbox().start(&plan).unwrap());
    // The tree is read-only (30), and Landlock forbids it too (13).
    let said = outcome.printed().replace("13", "30");
    assert_eq!(said, format!("code ['{name}']\n30\n30\n30"));
}

#[test]
fn home_and_scratch_are_each_ones_own() {
    let mut first = crate::cell::start(
        "open('/tmp/s', 'w').write('secret'); open('/dev/shm/s', 'w').write('x'); open('s', 'w').write('x')\n\
         print('ready'); input()",
    );
    read_line(&mut first.output);
    let second = run(
        "import os; print(os.listdir('/tmp'), os.listdir('/dev/shm'), os.listdir('/home/session'))",
    );
    assert_eq!(second.printed(), "[] [] []");
    assert!(finish(first).status.code().is_some());
}

#[test]
fn links_lead_nowhere_else() {
    let outcome = attack(
        "os.symlink('/etc/shadow', 'a'); os.symlink('../../../../../../root', 'b'); os.symlink('/proc/1/root', 'd')\n\
         print(tried(open, 'a'), tried(os.listdir, 'b'), tried(os.listdir, 'd'), tried(os.readlink, '/proc/1/fd/0'))\n\
         print(tried(os.link, '/usr/bin/su', 'su'))\n\
         import io, tarfile\n\
         def bad(name, link=None):\n\
         \x20 t = tarfile.open('t.tar', 'w'); i = tarfile.TarInfo(name)\n\
         \x20 if link: i.type, i.linkname = tarfile.SYMTYPE, link\n\
         \x20 else: i.size = 1\n\
         \x20 t.addfile(i, io.BytesIO(b'x')); t.close()\n\
         \x20 return tried(tarfile.open('t.tar').extractall, '.')\n\
         print(bad('/usr/lib/evil'), bad('../../usr/lib/evil'), bad('l', '/root') , tried(os.listdir, 'l'))",
    );
    let lines: Vec<_> = outcome.printed().lines().collect();
    assert_eq!(lines[0], "ENOENT ENOENT EACCES EACCES");
    assert!(lines[1] == "EXDEV" || lines[1] == "EACCES", "{lines:?}");
    assert_eq!(lines[2], "EROFS EROFS None ENOENT");
}

#[test]
fn devices_cannot_be_made_nor_set_user_id_used() {
    let outcome = attack(
        "import stat, subprocess\n\
         print(tried(os.mknod, 'd', stat.S_IFBLK | 0o666, os.makedev(254, 0)), tried(os.mknod, 'e', stat.S_IFCHR | 0o666, os.makedev(1, 1)))\n\
         print(tried(os.mkfifo, 'fifo'))\n\
         import shutil; shutil.copy('/bin/sh', 'sh'); os.chmod('sh', 0o6755)\n\
         print(subprocess.run(['./sh', '-c', 'id -u'], capture_output=True, text=True).stdout)\n\
         for p in (['su', '-c', 'id'], ['mount', '-t', 'tmpfs', 'x', '/tmp'], ['passwd']):\n\
         \x20 try: print(subprocess.run(p, capture_output=True, stdin=subprocess.DEVNULL).returncode != 0)\n\
         \x20 except FileNotFoundError: print(True)",
    );
    assert_eq!(
        outcome.printed(),
        "EPERM EPERM\nNone\n1000\n\nTrue\nTrue\nTrue"
    );
    assert!(outcome.was_refused("mknodat") || outcome.was_refused("mknod"));
}

#[test]
fn files_belong_to_a_user_of_their_own_on_the_host() {
    if !is_root() {
        return eprintln!("not tested: only root gives enclosures users of their own");
    }
    use std::os::unix::fs::MetadataExt as _;
    let mut enclosures = [0, 1].map(|_| crate::cell::start("print(); input()"));
    let users = enclosures.each_mut().map(|one| {
        read_line(&mut one.output);
        let process = one.process.interpreter().unwrap().as_raw_pid();
        std::fs::metadata(format!("/proc/{process}")).unwrap().uid()
    });
    assert!(users[0] >= 0x7000_0000 && users[1] >= 0x7000_0000 && users[0] != users[1]);
    assert!(sandbox().describe().contains("a host user for each"));
}

/// Reads up to the end of a line.
pub fn read_line(output: &mut impl std::io::Read) -> String {
    let mut line = Vec::new();
    let mut byte = [0];
    while output.read(&mut byte).unwrap() == 1 && byte[0] != b'\n' {
        line.push(byte[0]);
    }
    String::from_utf8(line).unwrap()
}
