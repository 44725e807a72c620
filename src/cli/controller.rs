//! `jackfield controller`: the reference controller as a program, on this machine's sockets; and `jackfield admin`, its
//! driver (docs/controller-under-test.md).

use std::fs::{self, File};
use std::io::{self, Read as _, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddrV4};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::exit::Exit;
use super::{complain, print};
use crate::app::{App as _, AppEffect, HostEvent};
use crate::controller::{Answer, Element, Fault, FormsData, Request};
use crate::os::{Attendant, Interrupts, SocketSettings, host_on_sockets};
use crate::outbox::{Outbox, TraceEvent};
use crate::report::event_text;
use crate::time::Instant;
use crate::wire::reg::{self, Target};

#[derive(Debug, Args)]
pub(super) struct ControllerCommand {
    /// Its forms: JSON, as docs/forms.schema.json has it. The file is written anew when it ends.
    #[arg(long, value_name = "FILE")]
    forms: PathBuf,
    /// The address that it listens on, and the port of sets; without one 6800. Trunks come to port 6810.
    #[arg(long, value_name = "ADDRESS[:PORT]", value_parser = read_listen)]
    listen: SocketAddrV4,
    /// Where `jackfield admin` reaches it: a Unix socket, made by it.
    #[arg(long, value_name = "SOCKET")]
    admin: Option<PathBuf>,
    /// Give it a fault; `jackfield faults` lists them.
    #[arg(long, value_name = "NAME")]
    fault: Option<Fault>,
    /// Write what happens to this file, and not to standard output.
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct AdminCommand {
    /// The socket that the controller was started with.
    #[arg(long, value_name = "SOCKET")]
    socket: PathBuf,
}

/// Runs the controller until SIGINT or SIGTERM.
pub(super) fn controller(args: &ControllerCommand) -> Exit {
    let mut element = match read_forms(args) {
        Ok(element) => element,
        Err(reason) => {
            complain(&format!("error: {}: {reason}", args.forms.display()));
            return Exit::ScenarioWrong;
        }
    };
    let served = serve(args, &mut element.1);
    // What it has in memory alone is gone.
    (element.1).handle_host(Instant::ZERO, HostEvent::Stop, &mut Outbox::default());
    match served.and_then(|()| write_forms(&args.forms, &element)) {
        Ok(()) => Exit::Passed,
        Err(reason) => {
            complain(&format!("error: {reason}"));
            Exit::MachineRefused
        }
    }
}

fn read_forms(args: &ControllerCommand) -> Result<(FormsData, Element), String> {
    let text = fs::read_to_string(&args.forms).map_err(|error| error.to_string())?;
    let data: FormsData = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let config = data.config().map_err(|error| error.to_string())?;
    let element = Element::new(config);
    let element = match args.fault {
        Some(fault) => element.with_fault(fault, Target::Address(*args.listen.ip())),
        None => element,
    };
    Ok((data, element))
}

/// Writes the forms as they stand, in one step: whoever reads the file finds the old ones or the new ones.
fn write_forms(path: &Path, (data, element): &(FormsData, Element)) -> Result<(), String> {
    let now = FormsData {
        element: data.element.clone(),
        trunks: data.trunks.clone(),
        ..FormsData::from(element.forms())
    };
    let failed = |error: io::Error| format!("{}: {error}", path.display());
    let text = serde_json::to_string_pretty(&now).map_err(|error| failed(error.into()))?;
    let beside = path.with_extension("new");
    fs::write(&beside, text).map_err(failed)?;
    fs::rename(&beside, path).map_err(failed)
}

fn serve(args: &ControllerCommand, element: &mut Element) -> Result<(), String> {
    let interrupts = Interrupts::catch().map_err(|error| error.to_string())?;
    let log: Box<dyn Write> = match &args.log {
        None => Box::new(io::stdout()),
        Some(path) => {
            let file = File::create(path);
            Box::new(file.map_err(|error| format!("{}: {error}", path.display()))?)
        }
    };
    let questions = args.admin.as_deref().map(bind).transpose()?;
    let settings = SocketSettings {
        address: *args.listen.ip(),
        moved: Some((reg::PORT, args.listen.port())),
        questions,
    };
    let served = host_on_sockets(element, settings, interrupts.fd(), &mut Clerk { log });
    if let Some(path) = &args.admin {
        let _ = fs::remove_file(path);
    }
    served.map_err(|error| error.to_string())
}

/// A socket under this name. One that an earlier controller has left there is removed.
fn bind(path: &Path) -> Result<UnixListener, String> {
    use std::os::unix::fs::FileTypeExt as _;
    let is_socket = fs::metadata(path).is_ok_and(|is| is.file_type().is_socket());
    if is_socket && UnixStream::connect(path).is_err() {
        let _ = fs::remove_file(path);
    }
    UnixListener::bind(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Answers an administrator, and keeps the log.
struct Clerk {
    log: Box<dyn Write>,
}

impl Attendant<Element> for Clerk {
    fn ask(
        &mut self,
        element: &mut Element,
        now: Instant,
        question: &[u8],
        out: &mut Outbox<AppEffect>,
    ) -> Vec<u8> {
        let request = Request::read(&String::from_utf8_lossy(question));
        let answer = match request {
            Ok(request) => element.request(now, &request, out),
            Err(why) => Answer::Unsupported(why),
        };
        let answer = json!({ "status": answer.status(), "object": answer.to_json() });
        answer.to_string().into_bytes()
    }

    fn tell(&mut self, now: Instant, event: &TraceEvent) {
        // Nobody is left to be told that the log is full or gone.
        let _ = writeln!(self.log, "{now:>12}  {}", event_text(event));
    }

    fn refused(&mut self, why: &io::Error) {
        complain(&format!(
            "warning: sets have to wait to be connected: {why}"
        ));
    }
}

/// Takes one request from standard input to a controller, and its answer to standard output. The exit status is the
/// answer's.
pub(super) fn admin(args: &AdminCommand) -> Result<u8, Exit> {
    let failed = |why: String| {
        complain(&format!("error: {}: {why}", args.socket.display()));
        Exit::MachineRefused
    };
    let answer = ask(&args.socket).map_err(|error| failed(error.to_string()))?;
    let answer: Value =
        serde_json::from_slice(&answer).map_err(|error| failed(error.to_string()))?;
    let status = answer["status"]
        .as_u64()
        .and_then(|it| u8::try_from(it).ok());
    let status = status.ok_or_else(|| failed(format!("no status in {answer}")))?;
    print(&format!("{}\n", answer["object"]));
    Ok(status)
}

fn ask(socket: &Path) -> io::Result<Vec<u8>> {
    let mut question = Vec::new();
    io::stdin().read_to_end(&mut question)?;
    let mut stream = UnixStream::connect(socket)?;
    stream.write_all(&question)?;
    stream.shutdown(Shutdown::Write)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

/// `10.9.0.10` or `10.9.0.10:6800`.
fn read_listen(text: &str) -> Result<SocketAddrV4, String> {
    let with_port = text.parse::<Ipv4Addr>();
    let address = with_port.map(|address| SocketAddrV4::new(address, reg::PORT));
    let address = address.or_else(|_| text.parse());
    address.map_err(|_| "this is no IPv4 address, nor one with a port: 10.9.0.10:6800".to_owned())
}
