//! An app on sockets of the loopback interface, with peers of the standard library.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use rustix::pipe::PipeFlags;

use super::*;
use crate::app::Datagram;
use crate::os::Scratch;
use crate::time::{Deadline, Duration};

/// The port that the app believes to listen on.
const PORT: u16 = 7;

#[test]
fn what_comes_in_is_the_apps_and_what_it_sends_goes_out() {
    let at = free_address();
    let (echo, events) = Echo::new();
    let said = hosted(echo, settings(at), || {
        let mut peer = connect(at);
        peer.write_all(b"hello").unwrap();
        let mut answer = [0; 5];
        peer.read_exact(&mut answer).unwrap();
        peer.shutdown(Shutdown::Write).unwrap();
        let mut rest = Vec::new();
        peer.read_to_end(&mut rest).unwrap();
        for event in ["accepted at 7", "5 bytes", "peer closed", "ended: Closed"] {
            assert_eq!(events.recv_timeout(PATIENCE).unwrap(), event);
        }
        (answer, rest)
    });
    assert_eq!(said, (*b"hello", Vec::new()));
}

#[test]
fn more_than_a_socket_takes_waits_until_the_peer_reads() {
    const BYTES: usize = 8 << 20;
    let at = free_address();
    let (mut echo, _events) = Echo::new();
    echo.greeting = vec![7; BYTES];
    let length = hosted(echo, settings(at), || {
        let mut peer = connect(at);
        peer.shutdown(Shutdown::Write).unwrap();
        let mut all = Vec::new();
        peer.read_to_end(&mut all).unwrap();
        all.len()
    });
    assert_eq!(length, BYTES);
}

#[test]
fn a_connection_of_its_own_is_up_or_told_why_not() {
    let (nobody, somebody) = (free_address(), TcpListener::bind((ADDRESS, 0)).unwrap());
    let SocketAddr::V4(there) = somebody.local_addr().unwrap() else {
        panic!("it has an IPv4 address");
    };
    for (to, event) in [(nobody, "ended: Reset"), (there, "connected")] {
        let (mut echo, events) = Echo::new();
        echo.calls = Some(to);
        let told = hosted(echo, settings(free_address()), || {
            events.recv_timeout(PATIENCE).unwrap()
        });
        assert_eq!(told, event);
    }
}

#[test]
fn an_aborted_connection_is_reset() {
    let at = free_address();
    let (mut echo, _events) = Echo::new();
    echo.aborts = true;
    let read = hosted(echo, settings(at), || {
        let mut peer = connect(at);
        peer.read(&mut [0; 8]).map_err(|error| error.kind())
    });
    assert_eq!(read, Err(io::ErrorKind::ConnectionReset));
}

#[test]
fn a_question_without_end_ends_its_connection() {
    let folder = Scratch::new().unwrap();
    let path = folder.path().join("socket");
    let settings = SocketSettings {
        questions: Some(UnixListener::bind(&path).unwrap()),
        ..settings(free_address())
    };
    let (echo, _events) = Echo::new();
    let asked = hosted(echo, settings, || {
        let mut stream = UnixStream::connect(&path).unwrap();
        stream.write_all(&vec![b'a'; QUESTION_BYTES_MAX]).unwrap();
        // The last byte may find the door closed.
        let _ = stream.write_all(b"a");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.read(&mut [0; 8]).map_err(|error| error.kind())
    });
    assert!(
        matches!(asked, Ok(0) | Err(io::ErrorKind::ConnectionReset)),
        "{asked:?}"
    );
}

#[test]
fn a_question_is_answered_when_all_of_it_is_there() {
    let folder = Scratch::new().unwrap();
    let path = folder.path().join("socket");
    let settings = SocketSettings {
        questions: Some(UnixListener::bind(&path).unwrap()),
        ..settings(free_address())
    };
    let (echo, _events) = Echo::new();
    let answer = hosted(echo, settings, || {
        let mut stream = UnixStream::connect(&path).unwrap();
        stream.write_all(b"how many ").unwrap();
        stream.write_all(b"events?").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    });
    assert_eq!(answer, "HOW MANY EVENTS?");
}

#[test]
fn a_port_that_is_taken_is_an_error_that_names_it() {
    let taken = TcpListener::bind((ADDRESS, 0)).unwrap();
    let SocketAddr::V4(at) = taken.local_addr().unwrap() else {
        panic!("it has an IPv4 address");
    };
    let (end, _never) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC).unwrap();
    let mut echo = Echo::new().0;
    let result = host_on_sockets(&mut echo, settings(at), end.as_fd(), &mut Shouts);
    let error = result.unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("cannot listen on {at}: ")),
        "{error}"
    );
}

const ADDRESS: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Sends back what it gets, and tells what happens.
struct Echo {
    events: Sender<String>,
    /// What it sends first on each connection that it accepts.
    greeting: Vec<u8>,
    /// Whom it connects to.
    calls: Option<SocketAddrV4>,
    /// It aborts what it accepts.
    aborts: bool,
}

impl Echo {
    fn new() -> (Echo, Receiver<String>) {
        let (events, told) = mpsc::channel();
        let echo = Echo {
            events,
            greeting: Vec::new(),
            calls: None,
            aborts: false,
        };
        (echo, told)
    }
}

impl App for Echo {
    fn handle_host(&mut self, _now: Instant, _event: HostEvent, out: &mut Outbox<AppEffect>) {
        out.push(AppEffect::Listen { port: PORT });
        if let Some(to) = self.calls {
            let stream = StreamId::opened(1);
            out.push(AppEffect::Connect { stream, to });
        }
    }

    fn handle_datagram(&mut self, _: Instant, _: &Datagram<'_>, _: &mut Outbox<AppEffect>) {}

    fn handle_stream(
        &mut self,
        _now: Instant,
        stream: StreamId,
        event: StreamEvent<'_>,
        out: &mut Outbox<AppEffect>,
    ) {
        let told = match event {
            StreamEvent::Accepted { port, .. } => format!("accepted at {port}"),
            StreamEvent::Connected => "connected".to_owned(),
            StreamEvent::Received(bytes) => format!("{} bytes", bytes.len()),
            StreamEvent::PeerClosed => "peer closed".to_owned(),
            StreamEvent::Ended(end) => format!("ended: {end:?}"),
        };
        let _ = self.events.send(told);
        match event {
            StreamEvent::Accepted { .. } if self.aborts => out.push(AppEffect::Abort { stream }),
            StreamEvent::Accepted { .. } => {
                let bytes = std::mem::take(&mut self.greeting);
                out.push(AppEffect::SendStream { stream, bytes });
            }
            StreamEvent::Received(bytes) => {
                let bytes = bytes.to_vec();
                out.push(AppEffect::SendStream { stream, bytes });
            }
            StreamEvent::PeerClosed => out.push(AppEffect::Close { stream }),
            StreamEvent::Connected | StreamEvent::Ended(_) => {}
        }
    }

    fn handle_timeout(&mut self, _now: Instant, _out: &mut Outbox<AppEffect>) {}

    fn poll_timeout(&self) -> Deadline {
        None
    }
}

/// Answers with the question, louder.
struct Shouts;

impl Attendant<Echo> for Shouts {
    fn ask(
        &mut self,
        _app: &mut Echo,
        _now: Instant,
        question: &[u8],
        _out: &mut Outbox<AppEffect>,
    ) -> Vec<u8> {
        question.to_ascii_uppercase()
    }

    fn tell(&mut self, _now: Instant, _event: &TraceEvent) {}

    fn refused(&mut self, _why: &io::Error) {}
}

/// An address at which nobody listens.
fn free_address() -> SocketAddrV4 {
    let listener = TcpListener::bind((ADDRESS, 0)).unwrap();
    SocketAddrV4::new(ADDRESS, listener.local_addr().unwrap().port())
}

fn settings(at: SocketAddrV4) -> SocketSettings {
    SocketSettings {
        address: *at.ip(),
        moved: Some((PORT, at.port())),
        questions: None,
    }
}

/// Does something while an app serves.
fn hosted<T>(mut app: Echo, settings: SocketSettings, work: impl FnOnce() -> T) -> T {
    let (end, open) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC).unwrap();
    thread::scope(|scope| {
        let end = end.as_fd();
        let host = scope.spawn(move || host_on_sockets(&mut app, settings, end, &mut Shouts));
        // Moved in, so that it is closed even if the work panics.
        let result = {
            let _open = open;
            work()
        };
        host.join().unwrap().unwrap();
        result
    })
}

/// The app is there in a moment, if it is not yet.
fn connect(at: SocketAddrV4) -> TcpStream {
    for _ in 0..500 {
        if let Ok(stream) = TcpStream::connect(at) {
            return stream;
        }
        let moment = rustix::event::Timespec::try_from(Duration::from_millis(20)).ok();
        let _ = rustix::event::poll(&mut [], moment.as_ref());
    }
    panic!("nobody listens at {at}");
}
