//! The command line: what the user asks for, and what the program's exit code says.

mod check;
mod compare;
mod controller;
mod controllers;
mod discover;
mod doctor;
mod exit;
mod faults;
mod files;
mod leases;
mod live;
mod merge;
mod option125;
mod phone;
mod progress;
mod run;
mod serve;
mod site;
mod suite;
mod sweep;
mod test;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{ArgGroup, Args, Parser, Subcommand};

use crate::scenario::read_duration;
use crate::time::Duration;
use controller::{AdminCommand, ControllerCommand};
use controllers::ControllerArgs;
use exit::Exit;

/// Packet-level test harness and network emulator for IP-phone registration.
#[derive(Debug, Parser)]
#[command(version, after_help = exit::HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a scenario: in virtual time, or live on this machine.
    Run(RunArgs),
    /// Run many scenarios and say first what failed, and why.
    Test(test::TestArgs),
    /// Join the results of shards into one report.
    Merge(merge::MergeArgs),
    /// Run two controllers, or take two records, and say where they differ.
    Compare(compare::CompareArgs),
    /// Keep a scenario's servers running on an interface of this machine, until SIGINT or SIGTERM.
    Serve(ServeArgs),
    /// Boot one emulated phone on an existing network, and say what it meets.
    Phone(PhoneArgs),
    /// Say what this machine has of all that live runs, serve and phone need, and how to get the rest.
    Doctor,
    /// List the faults that the reference controller can be started with, and the rule that each breaks.
    Faults,
    /// Read scenarios and say what is wrong or odd in them, without running them.
    Check(CheckArgs),
    /// Be an element: the reference controller on this machine's sockets, until SIGINT or SIGTERM.
    Controller(ControllerCommand),
    /// Ask such a controller: one JSON object on standard input, one on standard output.
    Admin(AdminCommand),
    /// Read and write the sets' configuration in DHCP options 125 and 43.
    #[command(subcommand)]
    Option125(option125::Command),
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("clock").args(["live", "controller"]).multiple(true)))]
struct RunArgs {
    /// The scenario file; with --sweep any number of files and folders, and fixtures/scenarios if none is named.
    #[arg(value_name = "SCENARIO", required_unless_present = "sweep")]
    scenarios: Vec<PathBuf>,
    /// Run on this machine's clock, with its kernel and programs behind TAP devices. Where the scenario has kernel
    /// hosts it needs root, or a user namespace.
    #[arg(long)]
    live: bool,
    /// The seed of everything that chance decides, in place of the scenario's.
    #[arg(long)]
    seed: Option<u64>,
    /// Give an element a fault, or all of them: to see that the scenario notices. Can be given more than once;
    /// `jackfield faults` lists them.
    #[arg(long, value_name = "[ELEMENT=]NAME")]
    fault: Vec<String>,
    /// Lay a mix of faults over it that is drawn from the seed, and judge what stands in the end: no rule broken, and
    /// every set in service that ought to be.
    #[arg(long, conflicts_with_all = ["live", "controller"])]
    fault_mix: bool,
    /// Run each scenario with the faults of so many seeds, from --seed (or 1) on, and say which seeds fail.
    #[arg(long, value_name = "SEEDS", value_parser = clap::value_parser!(u64).range(1..), conflicts_with_all = ["live", "controller", "capture", "json", "verbose", "fault_mix"])]
    sweep: Option<u64>,
    /// Where to write the frames: pcapng, or classic pcap if it ends in `.pcap`.
    /// Without it: captures/<scenario>.pcapng.
    #[arg(long, value_name = "FILE")]
    capture: Option<PathBuf>,
    /// Write no capture.
    #[arg(long, conflicts_with = "capture")]
    no_capture: bool,
    /// Write what sets and elements say to each other, and the outcome, to this file: for `jackfield compare`.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Say only what came of it.
    #[arg(long, short)]
    quiet: bool,
    /// Tell details too: neighbours, leases, dropped frames.
    #[arg(long, short, conflicts_with = "quiet")]
    verbose: bool,
    /// JSON, one object a line; the last is the outcome.
    #[arg(long)]
    json: bool,
    /// How late the harness may meet a deadline of a live run before the run is invalid. Without it: 50 ms.
    #[arg(long, value_name = "TIME", requires = "clock", value_parser = read_duration)]
    late_max: Option<Duration>,
    /// Give the namespaces of kernel hosts names, jackfield-HOST, for `ip netns exec`, and leave them when the run ends.
    #[arg(long, requires = "clock")]
    keep: bool,
    #[command(flatten)]
    controllers: ControllerArgs,
}

impl RunArgs {
    /// The one scenario of a run; clap wants one unless there is a sweep.
    fn scenario(&self) -> &Path {
        self.scenarios
            .first()
            .map_or(Path::new(""), PathBuf::as_path)
    }
}

#[derive(Debug, Args)]
struct ServeArgs {
    /// The scenario file. Its phones and steps are left out.
    scenario: PathBuf,
    /// The interface to serve on, or subnet=interface; can be given more than once.
    #[arg(long, required = true, value_name = "[SUBNET=]IF")]
    interface: Vec<String>,
    /// The subnet that an interface without one is plugged into. Not needed if the scenario has but one.
    #[arg(long, value_name = "SUBNET")]
    segment: Option<String>,
    /// Keep leases in this file, so that they outlive the program. Without it they end with it.
    #[arg(long, value_name = "FILE")]
    leases: Option<PathBuf>,
    /// Print only what was served in the end.
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
struct PhoneArgs {
    /// The interface that the phone is plugged into.
    #[arg(long, value_name = "IF")]
    interface: String,
    /// Its MAC. Without it: 08:00:0f:00:00:01.
    #[arg(long)]
    mac: Option<String>,
    /// The PIN that its user types when it asks for one, for example ***6000.
    #[arg(long)]
    pin: Option<String>,
    /// Its model, which names its boot files. Without it: 5360.
    #[arg(long)]
    model: Option<String>,
    /// How long it may take to be in service.
    #[arg(long, value_name = "TIME", default_value = "120 s")]
    within: String,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
struct OutputArgs {
    /// Write the frames to this file: pcapng, or classic pcap if it ends in `.pcap`.
    #[arg(long, value_name = "FILE")]
    capture: Option<PathBuf>,
    /// Tell details too: neighbours, offers, dropped frames.
    #[arg(long, short)]
    verbose: bool,
    /// JSON, one object a line.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct CheckArgs {
    /// The scenario files.
    #[arg(required = true)]
    scenarios: Vec<PathBuf>,
    /// Print the plan, with every default filled in.
    #[arg(long)]
    explain: bool,
    /// Warnings count as errors.
    #[arg(long)]
    strict: bool,
}

/// Runs the program with the arguments of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let exit = match &cli.command {
        Command::Run(args) => run::run(args),
        Command::Test(args) => test::test(args),
        Command::Merge(args) => merge::merge(args),
        Command::Compare(args) => compare::compare(args),
        Command::Serve(args) => serve::serve(args),
        Command::Phone(args) => phone::phone(args),
        Command::Doctor => doctor::doctor(),
        Command::Faults => faults::faults(),
        Command::Check(args) => check::check(args),
        Command::Controller(args) => controller::controller(args),
        Command::Admin(args) => match controller::admin(args) {
            Ok(status) => return status.into(),
            Err(exit) => exit,
        },
        Command::Option125(command) => option125::run(command),
    };
    exit.into()
}

/// Writes a message to standard error.
#[expect(clippy::print_stderr, reason = "this is where the program speaks")]
fn complain(text: &str) {
    eprintln!("{}", text.trim_end());
}

/// Writes to standard output; a reader that has gone away is no error.
fn print(text: &str) {
    use std::io::Write as _;
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// Exit for a scenario that could not even be read from disk.
fn unreadable(path: &Path, error: &std::io::Error) -> Exit {
    complain(&format!("error: {}: {error}", path.display()));
    Exit::ScenarioWrong
}
