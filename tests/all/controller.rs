//! The reference controller as a program, where its machine has no room for it.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use jackfield::os::Clock;
use jackfield::time::Instant;
use rustix::process::{Pid, Resource, Rlimit, prlimit};

use super::support::Folder;

const FORMS: &str = r####"{
  "element": { "name": "mivb-a", "address": "127.0.0.1", "ceid-index": 1, "ceid-digits": "1", "heartbeat-ms": 30000 },
  "access-codes": { "registration": "***", "replacement": "###" },
  "telephone-directory": ["6000"],
  "multiline-ip-sets": {},
  "remote-directory-numbers": {},
  "cluster-elements": [],
  "icp-pbx-networking": [],
  "automatic-dn-range": null,
  "trunks": []
}"####;

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Some more than the controller has before anybody connects.
const DESCRIPTORS: u64 = 24;

#[test]
fn without_a_descriptor_left_it_waits_idly_for_one_and_says_so_once() {
    let folder = Folder::new();
    fs::write(folder.path("forms.json"), FORMS).unwrap();
    fs::write(folder.path("question"), r#"{"show-forms": {}}"#).unwrap();
    // An address of the loopback interface that no other test has.
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    let at = Ipv4Addr::new(127, 64 + high, middle, low);
    let mut controller = Running::start(folder.jackfield(&[
        "controller",
        "--forms=forms.json",
        "--admin=admin.sock",
        "--listen",
        &at.to_string(),
    ]));
    let first = controller.connect(at);
    controller.allow_descriptors(DESCRIPTORS);
    // The kernel takes those that the controller can't.
    let others: Vec<TcpStream> = (0..40).map(|_| controller.connect(at)).collect();
    let said = controller.words();
    let warning = "warning: sets have to wait to be connected: Too many open files";
    assert!(said.starts_with(warning), "{said}");

    let before = controller.ticks();
    let second = Duration::from_secs(1);
    first.set_read_timeout(Some(second)).unwrap();
    let heard = (&first).read(&mut [0]).map_err(|error| error.kind());
    assert_eq!(heard, Err(ErrorKind::WouldBlock));
    let took = controller.ticks() - before;
    assert!(took < 10, "{took} hundredths of a second in one of waiting");

    drop((first, others));
    let mut admin = folder.jackfield(&["admin", "--socket=admin.sock"]);
    let admin = admin.stdin(File::open(folder.path("question")).unwrap());
    let answer = admin.output().unwrap();
    let forms = String::from_utf8_lossy(&answer.stdout);
    assert!(forms.contains(r#"["6000"]"#), "{answer:?}");
    controller.child.kill().unwrap();
    assert_eq!(controller.words(), "", "it says it once");
}

/// A controller, which is killed in the end.
struct Running {
    child: Child,
    /// The lines on its standard error.
    said: Receiver<String>,
}

impl Running {
    fn start(mut command: Command) -> Running {
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (to_here, said) = mpsc::channel();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let _ = to_here.send(line);
            }
        });
        Running { child, said }
    }

    /// A connection of a set. It listens in a moment, if it does not yet.
    fn connect(&mut self, at: Ipv4Addr) -> TcpStream {
        let clock = Clock::start();
        loop {
            assert!(
                clock.now().since(Instant::ZERO) < PATIENCE,
                "nobody listens"
            );
            if let Ok(stream) = TcpStream::connect((at, 6800)) {
                return stream;
            }
            assert!(self.child.try_wait().unwrap().is_none(), "{}", self.words());
        }
    }

    fn allow_descriptors(&self, most: u64) {
        let pid = Pid::from_child(&self.child);
        let most = Rlimit {
            current: Some(most),
            maximum: Some(most),
        };
        prlimit(Some(pid), Resource::Nofile, most).unwrap();
    }

    /// The next line on its standard error; none once it has ended.
    fn words(&self) -> String {
        self.said.recv_timeout(PATIENCE).unwrap_or_default()
    }

    /// What it took of the processor, in ticks of 10 ms (proc_pid_stat(5): utime and stime, fields 14 and 15).
    fn ticks(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        // The name is in parentheses and may contain any; field 3 comes after it.
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        let times = fields.split(' ').skip(14 - 3).take(2);
        times.map(|ticks| ticks.parse::<u64>().unwrap()).sum()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
