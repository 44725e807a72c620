//! The command line: what the user asks for, and what the program's exit code says.

mod check;
mod exit;
mod files;
mod live;
mod option125;
mod progress;
mod run;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

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
    /// Read scenarios and say what is wrong or odd in them, without running them.
    Check(CheckArgs),
    /// Read and write the sets' configuration in DHCP options 125 and 43.
    #[command(subcommand)]
    Option125(option125::Command),
}

#[derive(Debug, Args)]
struct RunArgs {
    /// The scenario file.
    scenario: PathBuf,
    /// Run on this machine's clock, with its kernel and programs behind TAP devices. Needs root if the scenario has
    /// kernel hosts.
    #[arg(long)]
    live: bool,
    /// The seed of everything that chance decides, in place of the scenario's.
    #[arg(long)]
    seed: Option<u64>,
    /// Where to write the frames: pcapng, or classic pcap if it ends in `.pcap`.
    /// Without it: captures/<scenario>.pcapng.
    #[arg(long, value_name = "FILE")]
    capture: Option<PathBuf>,
    /// Write no capture.
    #[arg(long, conflicts_with = "capture")]
    no_capture: bool,
    /// Say only what came of it.
    #[arg(long, short)]
    quiet: bool,
    /// Tell details too: neighbours, leases, dropped frames.
    #[arg(long, short, conflicts_with = "quiet")]
    verbose: bool,
    /// JSON, one object a line; the last is the outcome.
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
        Command::Check(args) => check::check(args),
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
fn unreadable(path: &std::path::Path, error: &std::io::Error) -> Exit {
    complain(&format!("error: {}: {error}", path.display()));
    Exit::ScenarioWrong
}
