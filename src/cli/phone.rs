//! `jackfield phone`: one emulated set on an existing network, to see whether the network would serve a real one.

use super::exit::Exit;
use super::live::Terms;
use super::run::timeline;
use super::site::{Prepared, style};
use super::{PhoneArgs, complain, print};
use crate::os::{LiveError, Settings, date_nanos};
use crate::report::{Diagnosis, JsonLines, Remarks, SiteReport, TextReport, outcome_json};
use crate::scenario::plan::{Plan, Prefix};
use crate::scenario::{self, Files, Listener, Problem, Problems, plug_in};

/// The one station of the plan.
const PHONE: &str = "phone";
/// The one subnet of the plan.
const SITE: &str = "site";
const NANOS_A_MILLI: u64 = 1_000_000;

pub(super) fn phone(args: &PhoneArgs) -> Exit {
    let text = scenario_of(args);
    let mut plan = match scenario::read(&text) {
        Ok(plan) => plan,
        Err(problems) => {
            complain(&wrong_arguments(&problems, &text));
            return Exit::ScenarioWrong;
        }
    };
    // Every boot of a set has its own first ports and numbers.
    plan.seed = date_nanos() / NANOS_A_MILLI;
    // The site has the prefix that its DHCP server says.
    plan.subnets[0].prefix = Prefix::of([0, 0, 0, 0].into(), 0);
    if let Err(error) = plug_in(&mut plan, Some(SITE), &args.interface) {
        complain(&format!("error: {error}"));
        return Exit::ScenarioWrong;
    }
    let terms = Terms {
        late_max: Settings::LATE_BOUND,
        stands: false,
        keep: false,
    };
    let prepared = match Prepared::new(&plan, args.output.capture.as_deref(), terms) {
        Ok(prepared) => prepared,
        Err(exit) => return exit,
    };
    if args.output.json {
        go(args, &plan, prepared, JsonLines::new(timeline(true)))
    } else {
        let report = TextReport::new(&plan, style(&args.output), timeline(true));
        let mut report = report.without_file(args.output.capture.is_some());
        report.begin(&plan, "live");
        go(args, &plan, prepared, report)
    }
}

/// The arguments as a scenario: a set that is powered up, and has so much time to be in service.
fn scenario_of(args: &PhoneArgs) -> String {
    let quoted = |text: &str| toml::Value::from(text).to_string();
    let mut phone = format!("name = \"{PHONE}\"\nat = \"{SITE}\"\n");
    if let Some(mac) = &args.mac {
        phone += &format!("mac = {}\n", quoted(mac));
    }
    if let Some(model) = &args.model {
        phone += &format!("model = {}\n", quoted(model));
    }
    if let Some(pin) = &args.pin {
        phone += &format!("user = {{ pin = {} }}\n", quoted(pin));
    }
    let title = quoted(&format!("A set on {}", args.interface));
    let within = quoted(&args.within);
    format!(
        "scenario = {title}\n\
         [[subnet]]\nname = \"{SITE}\"\nprefix = \"192.0.2.0/24\"\ngateway = \"none\"\n\
         [[phone]]\n{phone}\
         [[step]]\npower-up = \"{PHONE}\"\n\
         [[step]]\nwithin = {within}\nexpect.{PHONE} = {{ registered = true }}\n"
    )
}

/// What is wrong with the arguments, one a line, by the names of the arguments.
fn wrong_arguments(problems: &Problems, text: &str) -> String {
    let one = |problem: &Problem| {
        let before = text.get(..problem.span.start).unwrap_or_default();
        let line = text.lines().nth(before.matches('\n').count());
        let key = line.and_then(|line| line.split(' ').next());
        let argument = match key {
            Some("mac") => "--mac: ",
            Some("model") => "--model: ",
            Some("user") => "--pin: ",
            Some("within") => "--within: ",
            _ => "",
        };
        let mut said = format!("error: {argument}{}", problem.message);
        for more in [
            &problem.label,
            problem.help.as_ref().unwrap_or(&String::new()),
        ] {
            if !more.is_empty() {
                said += &format!("; {more}");
            }
        }
        said
    };
    problems.iter().map(one).collect::<Vec<_>>().join("\n")
}

fn go(
    args: &PhoneArgs,
    plan: &Plan,
    prepared: Prepared<'_>,
    report: impl Listener + Remarks,
) -> Exit {
    let capture = args.output.capture.as_deref();
    let report = SiteReport::new(report, PHONE, plan.phones[0].mac);
    let ended = match prepared.run(&Files::new(), None, report) {
        Ok(ended) => ended,
        Err(exit) => return exit,
    };
    let diagnosis = ended.listener.diagnosis();
    if args.output.json {
        let shown = capture.map(|path| path.display().to_string());
        let mut value = outcome_json(plan, &ended.outcome, &args.interface, shown.as_deref());
        if let Some(Diagnosis { stopped, mend }) = &diagnosis {
            value["diagnosis"] = serde_json::json!({"stopped": stopped, "mend": mend});
        }
        print(&format!("{value}\n"));
    } else if matches!(ended.pace, Ok(_) | Err(LiveError::Stopped { .. })) {
        let unasked = args.pin.as_deref().filter(|_| !ended.listener.was_asked());
        print(&closing(
            &ended.outcome.phones[0],
            diagnosis.as_ref(),
            unasked,
        ));
    }
    let exit = match ended.outcome.passed() {
        true => Exit::Passed,
        false => Exit::ExpectationFailed,
    };
    ended.machine(&args.output).unwrap_or(exit)
}

/// The last lines for a person. `unasked` is a PIN that was given, and that no call server asked for.
fn closing(
    view: &scenario::PhoneView,
    diagnosis: Option<&Diagnosis>,
    unasked: Option<&str>,
) -> String {
    match (diagnosis, &view.registered) {
        (Some(Diagnosis { stopped, mend }), _) => format!(
            "\nnot in service; its display shows `{}`\nit stopped here: {stopped}\nto mend it: {mend}\n",
            view.display
        ),
        (None, Some((dn, element))) => {
            let unasked = unasked.map(|pin| {
                format!(
                    "the PIN {pin} was not asked for: the call server knows the set by its MAC\n"
                )
            });
            let unasked = unasked.unwrap_or_default();
            format!("\nin service: DN {dn} at {element}\n{unasked}")
        }
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::OutputArgs;

    fn args() -> PhoneArgs {
        PhoneArgs {
            interface: "eth1".to_owned(),
            mac: None,
            pin: Some("126000".to_owned()),
            model: None,
            within: "120 s".to_owned(),
            output: OutputArgs {
                capture: None,
                verbose: false,
                json: false,
            },
        }
    }

    #[test]
    fn a_pin_of_digits_alone_is_taken_as_the_access_codes_of_the_site_are_not_known() {
        let plan = scenario::read(&scenario_of(&args())).unwrap();
        assert_eq!(plan.phones[0].user_pin.as_deref(), Some("126000"));
    }

    #[test]
    fn a_wrong_argument_is_called_by_its_name() {
        let wrong = PhoneArgs {
            mac: Some("zz".to_owned()),
            pin: Some("ab".to_owned()),
            within: "5x".to_owned(),
            ..args()
        };
        let text = scenario_of(&wrong);
        let said = wrong_arguments(&scenario::read(&text).unwrap_err(), &text);
        for (line, start) in said.lines().zip([
            "error: --mac: `zz` is not a MAC address; six pairs",
            "error: --pin: `ab` is not a PIN; ",
            "error: --within: `x` is not a unit of a duration; ",
        ]) {
            assert!(line.starts_with(start), "{said}");
        }
        assert_eq!(said.lines().count(), 3, "{said}");
    }

    #[test]
    fn a_pin_that_nobody_asked_for_is_told() {
        let view = scenario::PhoneView {
            registered: Some(("6000".to_owned(), [10, 9, 0, 10].into())),
            ..scenario::PhoneView::default()
        };
        let end = "\nin service: DN 6000 at 10.9.0.10\n";
        assert_eq!(closing(&view, None, None), end);
        let unasked = closing(&view, None, Some("***6000"));
        assert_eq!(
            unasked.strip_prefix(end),
            Some("the PIN ***6000 was not asked for: the call server knows the set by its MAC\n")
        );
    }
}
