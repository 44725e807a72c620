//! `jackfield phone`: one emulated set on an existing network, to see whether the network would serve a real one.

use super::exit::Exit;
use super::live::Terms;
use super::run::timeline;
use super::site::{Prepared, style};
use super::{PhoneArgs, complain, print};
use crate::os::Settings;
use crate::report::{Diagnosis, JsonLines, Remarks, SiteReport, TextReport, outcome_json};
use crate::scenario::plan::{Plan, Prefix};
use crate::scenario::{self, Files, Listener, plug_in};

/// The one station of the plan.
const PHONE: &str = "phone";
/// The one subnet of the plan.
const SITE: &str = "site";

pub(super) fn phone(args: &PhoneArgs) -> Exit {
    let text = scenario_of(args);
    let mut plan = match scenario::read(&text) {
        Ok(plan) => plan,
        Err(problems) => {
            complain(&problems.render("the arguments, as a scenario", &text, false));
            return Exit::ScenarioWrong;
        }
    };
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
        let mut report = TextReport::new(&plan, style(&args.output), timeline(true));
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
    } else if ended.pace.is_ok() {
        print(&closing(&ended.outcome.phones[0], diagnosis.as_ref()));
    }
    let exit = match ended.outcome.passed() {
        true => Exit::Passed,
        false => Exit::ExpectationFailed,
    };
    ended.machine(&args.output).unwrap_or(exit)
}

/// The last lines for a person.
fn closing(view: &scenario::PhoneView, diagnosis: Option<&Diagnosis>) -> String {
    match (diagnosis, &view.registered) {
        (Some(Diagnosis { stopped, mend }), _) => format!(
            "\nnot in service; its display shows `{}`\nit stopped here: {stopped}\nto mend it: {mend}\n",
            view.display
        ),
        (None, Some((dn, element))) => format!("\nin service: DN {dn} at {element}\n"),
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::OutputArgs;

    #[test]
    fn a_pin_of_digits_alone_is_taken_as_the_access_codes_of_the_site_are_not_known() {
        let args = PhoneArgs {
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
        };
        let plan = scenario::read(&scenario_of(&args)).unwrap();
        assert_eq!(plan.phones[0].user_pin.as_deref(), Some("126000"));
    }
}
