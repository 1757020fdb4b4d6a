//! System calls that reach for the kernel or for others.

use crate::cell::{Outcome, attack};

/// Makes a call with arguments that only its filter refuses, and tells what was refused.
fn calls(list: &[(&str, i64, &str)]) -> Outcome {
    let mut script = String::new();
    for (name, number, arguments) in list {
        script += &format!("print('{name}', call({number}, {arguments}))\n");
    }
    attack(&script)
}

#[test]
fn dangerous_calls_are_refused_and_told_of() {
    let list = [
        ("ptrace", libc::SYS_ptrace, "0, 0, 0, 0"),
        (
            "process_vm_readv",
            libc::SYS_process_vm_readv,
            "1, 0, 0, 0, 0, 0",
        ),
        (
            "process_vm_writev",
            libc::SYS_process_vm_writev,
            "1, 0, 0, 0, 0, 0",
        ),
        ("pidfd_getfd", libc::SYS_pidfd_getfd, "0, 0, 0"),
        ("kcmp", libc::SYS_kcmp, "1, 2, 0, 0, 0"),
        ("mount", libc::SYS_mount, "b'x', b'/tmp', b'tmpfs', 0, 0"),
        ("umount2", libc::SYS_umount2, "b'/proc', 2"),
        ("open_tree", libc::SYS_open_tree, "-100, b'/', 1"),
        ("move_mount", libc::SYS_move_mount, "0, b'', 0, b'', 0"),
        ("fsopen", libc::SYS_fsopen, "b'proc', 0"),
        (
            "mount_setattr",
            libc::SYS_mount_setattr,
            "-100, b'/', 0, 0, 0",
        ),
        ("pivot_root", libc::SYS_pivot_root, "b'.', b'.'"),
        ("chroot", libc::SYS_chroot, "b'/tmp'"),
        ("unshare", libc::SYS_unshare, "0x10000000"),
        ("setns", libc::SYS_setns, "0, 0"),
        ("bpf", libc::SYS_bpf, "0, 0, 0"),
        (
            "perf_event_open",
            libc::SYS_perf_event_open,
            "0, 0, -1, -1, 0",
        ),
        ("userfaultfd", libc::SYS_userfaultfd, "1"),
        ("io_uring_setup", libc::SYS_io_uring_setup, "8, 0"),
        ("keyctl", libc::SYS_keyctl, "0, -3, 1"),
        ("add_key", libc::SYS_add_key, "b'user', b'x', b'y', 1, -3"),
        ("request_key", libc::SYS_request_key, "b'user', b'x', 0, 0"),
        (
            "open_by_handle_at",
            libc::SYS_open_by_handle_at,
            "-100, 0, 0",
        ),
        (
            "name_to_handle_at",
            libc::SYS_name_to_handle_at,
            "-100, b'/', 0, 0, 0",
        ),
        ("init_module", libc::SYS_init_module, "0, 0, b''"),
        ("finit_module", libc::SYS_finit_module, "0, b'', 0"),
        ("kexec_load", libc::SYS_kexec_load, "0, 0, 0, 0"),
        ("reboot", libc::SYS_reboot, "0, 0, 0, 0"),
        ("swapon", libc::SYS_swapon, "b'/tmp/x', 0"),
        ("quotactl", libc::SYS_quotactl, "0, 0, 0, 0"),
        ("syslog", libc::SYS_syslog, "3, 0, 0"),
        ("acct", libc::SYS_acct, "b'/tmp/x'"),
        ("fanotify_init", libc::SYS_fanotify_init, "0, 0"),
        ("memfd_secret", libc::SYS_memfd_secret, "0"),
        ("settimeofday", libc::SYS_settimeofday, "0, 0"),
        ("sethostname", libc::SYS_sethostname, "b'x', 1"),
        ("personality", libc::SYS_personality, "0x0040000"),
        ("socket", libc::SYS_socket, "17, 3, 0"),
    ];
    let outcome = calls(&list);
    let lines: Vec<_> = outcome.printed().lines().collect();
    assert_eq!(lines.len(), list.len());
    for (line, (name, ..)) in lines.iter().zip(list) {
        assert_eq!(**line, format!("{name} EPERM"));
        assert!(outcome.was_refused(name), "{name} was not told of");
    }
}

#[test]
fn namespaces_cannot_be_made_by_clone() {
    let outcome = attack(&format!(
        "for flag in (0x20000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000):\n\
         \x20 r = call({}, flag | 17, 0, 0, 0, 0)\n\
         \x20 if r == 0: os._exit(0)\n\
         \x20 print(r)\n\
         print(call({}, 0, 0))",
        libc::SYS_clone,
        libc::SYS_clone3,
    ));
    assert_eq!(outcome.printed(), "EPERM\n".repeat(7) + "ENOSYS");
    assert!(outcome.was_refused("clone"));
}

#[test]
fn what_others_open_is_not_told() {
    let outcome = calls(&[
        ("inotify_init1", libc::SYS_inotify_init1, "0"),
        (
            "inotify_add_watch",
            libc::SYS_inotify_add_watch,
            "0, b'/usr/bin', 0xfff",
        ),
        (
            "dnotify",
            libc::SYS_fcntl,
            "os.open('/usr/bin', 0), 1026, 0x80000001",
        ),
        ("dup", libc::SYS_fcntl, "0, 0, 100"),
    ]);
    assert_eq!(
        outcome.printed(),
        "inotify_init1 ENOSYS\ninotify_add_watch ENOSYS\ndnotify EPERM\ndup 100"
    );
    assert!(outcome.was_refused("fcntl"));
}

#[test]
fn unknown_calls_are_as_if_the_kernel_lacked_them() {
    let outcome = calls(&[
        ("seccomp", libc::SYS_seccomp, "1, 0, 0"),
        ("none", 4000, "0"),
    ]);
    assert_eq!(outcome.printed(), "seccomp ENOSYS\nnone ENOSYS");
}

#[test]
#[cfg(target_arch = "x86_64")]
fn calls_of_the_x32_kind_are_refused() {
    let outcome = calls(&[("getpid", 39, ""), ("x32", 0x4000_0000 + 39, "0")]);
    assert_eq!(outcome.printed(), "getpid 2\nx32 ENOSYS");
}

#[test]
#[cfg(target_arch = "x86_64")]
fn calls_of_32_bits_end_the_program() {
    // mov eax, 20 (getpid); int 0x80; ret
    let outcome = attack(
        "import mmap\n\
         m = mmap.mmap(-1, 4096, prot=7); m.write(bytes.fromhex('b814000000cd80c3'))\n\
         f = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(m)))\n\
         print('before'); print(f())",
    );
    assert_eq!(outcome.output.trim(), "before");
    assert_eq!(outcome.status.to_string(), "signal: 31 (SIGSYS)");
}

#[test]
fn input_of_terminals_cannot_be_faked() {
    let outcome = calls(&[
        ("sti", libc::SYS_ioctl, "0, 0x5412, b'x'"),
        ("linux", libc::SYS_ioctl, "0, 0x541c, b'x'"),
        // The kernel reads 32 bits of it.
        ("hidden", libc::SYS_ioctl, "0, 0x7fff00005412, b'x'"),
        ("harmless", libc::SYS_ioctl, "0, 0x5401, 0"),
    ]);
    let said = outcome.printed();
    assert!(
        said.starts_with("sti EPERM\nlinux EPERM\nhidden EPERM\nharmless EN"),
        "{said}"
    );
    assert!(outcome.was_refused("ioctl"));
}

#[test]
fn no_capability_is_held_nor_can_be_had() {
    let outcome = attack(
        "status = dict(l.split(':\\t') for l in open('/proc/self/status') if ':\\t' in l)\n\
         print([int(status[k], 16) for k in ('CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb')], status['NoNewPrivs'].strip())\n\
         print(tried(os.setuid, 0), tried(os.setgroups, [0]), tried(os.chown, '/tmp', 0, 0), tried(os.nice, -5))\n\
         print(open('/proc/self/uid_map').read().split()[::2], tried(open, '/proc/self/uid_map', 'w'))",
    );
    let lines: Vec<_> = outcome.printed().lines().collect();
    assert_eq!(lines[0], "[0, 0, 0, 0, 0] 1");
    assert_eq!(lines[1], "EINVAL EPERM EINVAL EPERM");
    assert!(lines[2].starts_with("['1000', '1']"), "{lines:?}");
}

#[test]
fn a_flood_of_refused_calls_is_told_of_once() {
    let outcome = attack("for _ in range(150): c.unshare(0x20000)\nprint('done')");
    assert_eq!(outcome.printed(), "done");
    assert_eq!(outcome.refusals.len(), 1);
    assert_eq!(
        (outcome.refusals[0].syscall, outcome.refusals[0].count),
        ("unshare", 150)
    );
}
