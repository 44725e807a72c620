//! Two machines joined by a cable, for tests of `serve` and `phone`: two namespaces and a veth pair.
//!
//! Neither has a name on disk: both go with the test.

use std::io::Read as _;
use std::process::{Child, Command, ExitStatus, Stdio};

use jackfield::os::Namespace;

/// The interface of each of them.
pub(super) const INTERFACE: &str = "eth0";

/// Two machines, each with one end of the cable as its `eth0`, up and without an address.
pub(super) struct Cable {
    pub(super) near: Namespace,
    pub(super) far: Namespace,
}

impl Cable {
    pub(super) fn lay() -> Cable {
        let cable = Cable {
            near: Namespace::create().unwrap(),
            far: Namespace::create().unwrap(),
        };
        // An interface goes into the namespace of a process.
        let mut inside = start(&cable.far, Command::new("sleep").arg("60"));
        let other_end = inside.0.id().to_string();
        for words in [
            &[
                "link", "add", INTERFACE, "type", "veth", "peer", "name", INTERFACE, "netns",
                &other_end,
            ][..],
            &["link", "set", INTERFACE, "up"],
        ] {
            run(&cable.near, Command::new("ip").args(words));
        }
        run(
            &cable.far,
            Command::new("ip").args(["link", "set", INTERFACE, "up"]),
        );
        inside.kill();
        cable
    }
}

/// A program in a namespace. Dropping it kills it.
pub(super) struct Running(pub(super) Child);

impl Running {
    pub(super) fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    /// Waits until it has said this, and takes away what it said up to there.
    pub(super) fn hear(&mut self, part: &str) {
        let stdout = self.0.stdout.as_mut().unwrap();
        let (mut said, mut byte) = (Vec::new(), [0]);
        while !said.ends_with(part.as_bytes()) {
            stdout.read_exact(&mut byte).unwrap();
            said.extend(byte);
        }
    }

    /// Sends SIGINT, and waits for the end: exit code and output.
    pub(super) fn interrupt(mut self) -> (Option<i32>, String) {
        let pid = self.0.id().to_string();
        let status = Command::new("kill").args(["-INT", &pid]).status();
        assert!(status.unwrap().success());
        self.end()
    }

    /// Waits for the end: exit code and output.
    pub(super) fn end(&mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        if let Some(mut stdout) = self.0.stdout.take() {
            stdout.read_to_string(&mut said).unwrap();
        }
        if let Some(mut stderr) = self.0.stderr.take() {
            stderr.read_to_string(&mut said).unwrap();
        }
        (self.0.wait().unwrap().code(), said)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Starts a program in a namespace.
pub(super) fn start(namespace: &Namespace, command: &mut Command) -> Running {
    let spawn = || Ok(command.stdin(Stdio::null()).spawn().unwrap());
    Running(namespace.run(spawn).unwrap())
}

/// Starts the program under test in a namespace; its output waits to be read.
pub(super) fn jackfield(namespace: &Namespace, arguments: &[&str]) -> Running {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jackfield"));
    command
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    start(namespace, &mut command)
}

/// As [`jackfield`], of which only what it says to standard error is kept.
pub(super) fn quiet_jackfield(namespace: &Namespace, arguments: &[&str]) -> Running {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jackfield"));
    command
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    start(namespace, &mut command)
}

/// Runs a program in a namespace to its end, which is a good one.
pub(super) fn run(namespace: &Namespace, command: &mut Command) {
    let run = || Ok(command.stdin(Stdio::null()).status().unwrap());
    let status: ExitStatus = namespace.run(run).unwrap();
    assert!(status.success(), "{command:?}: {status}");
}
