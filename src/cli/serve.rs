//! `jackfield serve`: a scenario's servers on interfaces of this machine, until somebody ends them.

use super::exit::Exit;
use super::files::{firmware_folder, read_scenario};
use super::leases::Kept;
use super::live::Terms;
use super::run::timeline;
use super::site::{Prepared, style};
use super::{ServeArgs, complain, print};
use crate::os::{Settings, date_nanos};
use crate::report::{JsonLines, Remarks, ServedReport, TextReport};
use crate::scenario::plan::Plan;
use crate::scenario::{self, Deaf, Files, Listener, plug_in, standing};

pub(super) fn serve(args: &ServeArgs) -> Exit {
    let mut plan = match read_scenario(&args.scenario) {
        Ok(scenario) => standing(scenario.plan),
        Err(exit) => return exit,
    };
    if let Err(error) = plug(args, &mut plan) {
        complain(&format!("error: {}: {error}", args.scenario.display()));
        return Exit::ScenarioWrong;
    }
    let files = match scenario::firmware(&plan, |folder| firmware_folder(&args.scenario, folder)) {
        Ok(files) => files,
        Err(error) => {
            complain(&format!("error: {}: {error}", args.scenario.display()));
            return Exit::ScenarioWrong;
        }
    };
    let mut kept = match args.leases.as_deref().map(Kept::open).transpose() {
        Ok(kept) => kept,
        Err(error) => {
            complain(&format!("error: {error}"));
            return Exit::MachineRefused;
        }
    };
    let terms = Terms {
        late_max: Settings::LATE_BOUND,
        stands: true,
        keep: false,
    };
    let prepared = match Prepared::new(&plan, args.output.capture.as_deref(), terms) {
        Ok(prepared) => prepared,
        Err(exit) => return exit,
    };
    let with = (prepared, &files, kept.as_mut());
    if args.quiet {
        go(args, with, Deaf)
    } else if args.output.json {
        go(args, with, JsonLines::new(timeline(true)))
    } else {
        let mut report = TextReport::new(&plan, style(&args.output), timeline(true));
        let on = args.interface.join(", ");
        report.begin(&plan, &format!("serving on {on}"));
        go(args, with, report)
    }
}

/// Plugs each interface into the segment that it names, or into that of `--segment`.
fn plug(args: &ServeArgs, plan: &mut Plan) -> Result<(), String> {
    if let Some(segment) = &args.segment
        && args.interface.iter().all(|wanted| wanted.contains('='))
    {
        return Err(format!(
            "--segment {segment} is for an interface that names no subnet, and each names one"
        ));
    }
    for wanted in &args.interface {
        let (segment, device) = match wanted.split_once('=') {
            Some((segment, device)) => (Some(segment), device),
            None => (args.segment.as_deref(), wanted.as_str()),
        };
        plug_in(plan, segment, device).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn go(
    args: &ServeArgs,
    (prepared, files, mut kept): (Prepared<'_>, &Files, Option<&mut Kept>),
    report: impl Listener + Remarks,
) -> Exit {
    let mut report = ServedReport::new(report);
    if let (Some(file), Some(kept)) = (&args.leases, &kept) {
        let (leases, current) = kept.leases(date_nanos());
        report.leases_read(&file.display().to_string(), leases, current);
    }
    report.ready(prepared.plan);
    let ended = match prepared.run(files, kept.as_deref_mut(), report) {
        Ok(ended) => ended,
        Err(exit) => return exit,
    };
    let mut served = ended.listener.served().clone();
    if let Some(kept) = kept {
        served.take_back(std::mem::take(&mut kept.not_given));
    }
    if args.output.json {
        let mut value = served.json(&ended.outcome);
        if let Ok(pace) = &ended.pace {
            value["live"] = pace.json();
        }
        print(&format!("{value}\n"));
    } else {
        print(&served.summary(&ended.outcome));
    }
    let exit = ended.machine(&args.output).unwrap_or(Exit::Passed);
    if let Some(line) = served.not_given_line() {
        complain(&line);
    }
    exit
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::OutputArgs;

    /// What becomes of these interfaces and this `--segment`: the segment and the name of each interface.
    fn plugged(interfaces: &[&str], segment: Option<&str>) -> Result<Vec<(usize, String)>, String> {
        let args = ServeArgs {
            scenario: "s.toml".into(),
            interface: interfaces.iter().map(|it| (*it).to_owned()).collect(),
            segment: segment.map(str::to_owned),
            leases: None,
            quiet: false,
            output: OutputArgs {
                capture: None,
                verbose: false,
                json: false,
            },
        };
        let text = "scenario = \"s\"\nsubnet = [{ name = \"a\", prefix = \"10.1.0.0/24\", gateway = \"none\" }, \
                    { name = \"b\", prefix = \"10.2.0.0/24\", gateway = \"none\" }]";
        let mut plan = standing(scenario::read(text).unwrap());
        plug(&args, &mut plan)?;
        let hosts = plan.hosts.into_iter();
        Ok(hosts.map(|host| (host.at.0, host.name)).collect())
    }

    #[test]
    fn segment_is_for_interfaces_that_name_none_and_an_error_where_each_names_one() {
        let both = plugged(&["a=eth0", "eth1"], Some("b")).unwrap();
        assert_eq!(both, [(0, "eth0".to_owned()), (1, "eth1".to_owned())]);
        let refused = plugged(&["a=eth0"], Some("b")).unwrap_err();
        assert_eq!(
            refused,
            "--segment b is for an interface that names no subnet, and each names one"
        );
    }
}
