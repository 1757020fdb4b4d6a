//! The network: there is none but what the host serves.

use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};

use crate::cell::{attack, finish, start};
use crate::files::read_line;

#[test]
fn the_hosts_own_ports_are_not_reached() {
    let host = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = host.local_addr().unwrap().port();
    let outcome = attack(&format!(
        "print([tried(socket.create_connection, (a, {port}), 2) for a in ('127.0.0.1', 'localhost')])\n\
         def is_open(p):\n\
         \x20 s = socket.socket()\n\
         \x20 # A socket may be given the very port that it tries, and then reaches itself.\n\
         \x20 return s.connect_ex(('127.0.0.1', p)) == 0 and s.getsockname() != s.getpeername()\n\
         print([p for p in range(1, 65536) if is_open(p)])"
    ));
    assert_eq!(outcome.printed(), "['ECONNREFUSED', 'ECONNREFUSED']\n[]");
    host.set_nonblocking(true).unwrap();
    assert!(host.accept().is_err());
}

#[test]
fn nothing_beyond_loopback_is_reached() {
    let outcome = attack(
        "for a in ('1.1.1.1', '10.0.0.1', '169.254.169.254', '192.168.0.1', '172.17.0.1'):\n\
         \x20 print(tried(socket.create_connection, (a, 80), 2), tried(lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', (a, 53))))\n\
         print(tried(lambda: socket.socket(socket.AF_INET6).connect(('2606:4700::1111', 443))))\n\
         print(tried(lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('255.255.255.255', 67))))\n\
         print([n for _, n in socket.if_nameindex()], len(open('/proc/net/route').readlines()))",
    );
    let lines: Vec<_> = outcome.printed().lines().collect();
    for line in &lines[..5] {
        assert_eq!(*line, "ENETUNREACH ENETUNREACH");
    }
    assert!(
        lines[5] == "ENETUNREACH" || lines[5] == "EADDRNOTAVAIL",
        "{lines:?}"
    );
    assert!(
        lines[6] == "EACCES" || lines[6] == "ENETUNREACH",
        "{lines:?}"
    );
    assert!(
        lines[7].starts_with("['lo'") && lines[7].ends_with(" 1"),
        "{lines:?}"
    );
}

#[test]
fn names_are_not_resolved() {
    let outcome = attack(
        "for name in ('example.com', 'secret.attacker.example', 'kubernetes.default'):\n\
         \x20 try: print(socket.getaddrinfo(name, 80))\n\
         \x20 except socket.gaierror as e: print('no')\n\
         print(socket.gethostbyname('localhost'))",
    );
    assert_eq!(outcome.printed(), "no\nno\nno\n127.0.0.1");
}

#[test]
fn other_families_of_sockets_are_refused() {
    let outcome = attack(
        "for family, kind, protocol in ((2, 1, 132), (10, 1, 262), (2, 2, 136), (2, 5, 0), (10, 6, 0), (2, 1 | 0o2000000, 132), (17, 3, 3), (40, 1, 0), (38, 5, 0), (31, 3, 1), (29, 3, 1), (44, 3, 0), (2, 3, 1), (2, 3, 255),\n\
         \x20 (10, 3, 58), (16, 3, 9), (16, 3, 12), (16, 3, 15), (2, 10, 3)):\n\
         \x20 print(call(41 if os.uname().machine == 'x86_64' else 198, family, kind, protocol))\n\
         print(call(41 if os.uname().machine == 'x86_64' else 198, 16, 3, 0) > 2)",
    );
    assert_eq!(outcome.printed(), "EPERM\n".repeat(19) + "True");
    assert!(outcome.was_refused("socket"));
}

#[test]
fn streams_and_datagrams_of_the_internet_are_had() {
    let outcome = attack(
        "for family in (socket.AF_INET, socket.AF_INET6):\n\
         \x20 for kind, protocol in ((1, 0), (1, 6), (2, 0), (2, 17)):\n\
         \x20\x20 print(tried(socket.socket, family, kind | socket.SOCK_NONBLOCK, protocol) == 'EPERM', end=' ')",
    );
    assert_eq!(outcome.printed(), ["False"; 8].join(" "));
    assert_eq!(outcome.refusals, []);
}

#[test]
fn the_network_cannot_be_changed() {
    let outcome = attack(
        "import struct\n\
         s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)\n\
         s.send(struct.pack('=IHHIIBBHiII', 32, 16, 5, 1, 0, 0, 0, 0, 1, 0, 1))\n\
         print(struct.unpack('=i', s.recv(99)[16:20]))\n\
         import fcntl\n\
         print(tried(fcntl.ioctl, socket.socket(), 0x8914, struct.pack('16sh14x', b'lo', 0)))",
    );
    assert_eq!(outcome.printed(), "(-1,)\nEPERM");
}

#[test]
fn abstract_sockets_are_each_ones_own() {
    let name = format!("lakeward-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let host = UnixListener::bind_addr(&address).unwrap();
    let mut other = start(&format!(
        "import socket\ns = socket.socket(socket.AF_UNIX); s.bind('\\0{name}-b'); s.listen(); print('ready'); input()"
    ));
    assert_eq!(read_line(&mut other.output), "ready");
    let outcome = attack(&format!(
        "for name in ('\\0{name}', '\\0{name}-b'):\n\
         \x20 s = socket.socket(socket.AF_UNIX); print(tried(s.connect, name))"
    ));
    assert_eq!(outcome.printed(), "ECONNREFUSED\nECONNREFUSED");
    assert!(finish(other).status.code().is_some());
    drop(host);
}
