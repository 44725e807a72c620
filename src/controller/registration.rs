//! The decision about a registration: one pure function, to be read beside the rulebook's table.
//!
//! [`decide`] changes nothing. It says which rule applies and what is to be done; the element does it.

use super::cluster::{REDIRECTS_MAX, resolve};
use super::forms::{AccessCode, Forms};
use crate::outbox::Answer;
use crate::wire::Mac;
use crate::wire::reg::{Reason, Target};

/// What a set asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Request<'a> {
    pub(super) mac: Mac,
    /// `None` is the null value.
    pub(super) pin: Option<&'a str>,
    /// The user typed the PIN at a prompt of this attempt; else it is the one that the set had stored.
    pub(super) typed_now: bool,
    /// The user held `*` during power-up (ST-3).
    pub(super) reset: bool,
    /// Redirects that the set has followed in this attempt.
    pub(super) redirects: u8,
}

/// What is to be done, and by which rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    /// For example `RG-9`.
    pub(super) rule: &'static str,
    /// The set's MAC leaves the DN that it has here, if any, before anything else.
    pub(super) releases: bool,
    pub(super) action: Action,
}

/// What an element does about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// Put the MAC at the DN; tell the set to save this PIN, if there is one. Whoever was there is replaced.
    Register {
        dn: String,
        save: Option<String>,
        because: &'static str,
    },
    Prompt(Reason),
    /// Tell the set to clear its PIN, then prompt.
    ClearAndPrompt(Reason),
    /// Tell the set to save this PIN, then redirect it.
    Redirect {
        dn: String,
        save: String,
        to: Target,
    },
    /// Say why, and close.
    Refuse(Reason),
}

/// Decides about a registration.
pub(super) fn decide(forms: &Forms, request: &Request<'_>) -> Verdict {
    let here = forms.dn_of(request.mac);
    // ST-3: a set that was reset counts as one with an unknown MAC.
    let known = here.filter(|_| !request.reset);
    let verdict = match request.pin {
        None => without_pin(known),
        Some(pin) => with_pin(forms, request, known, pin),
    };
    Verdict {
        releases: verdict.releases || (request.reset && here.is_some()),
        ..verdict
    }
}

fn without_pin(known: Option<&str>) -> Verdict {
    match known {
        None => prompt("RG-1", Reason::NoPin),
        Some(dn) => register("RG-11", dn, None, "no PIN needed, the MAC is at the DN"),
    }
}

fn with_pin(forms: &Forms, request: &Request<'_>, known: Option<&str>, pin: &str) -> Verdict {
    let Some((code, dn)) = forms.split_pin(pin) else {
        return if request.typed_now {
            prompt("RG-2", Reason::InvalidAccessCode)
        } else {
            prompt("RG-14", Reason::AccessCodeNotValid)
        };
    };
    let by_itself = code == AccessCode::Registration && dn.is_empty();
    if by_itself && let Some(at) = known.filter(|at| forms.is_automatic(at)) {
        // It was told to save the full PIN, and did not hear it: one number is enough.
        return register(
            "RG-13",
            at,
            Some(&forms.registration_pin(at)),
            "the set has a DN of the automatic range",
        );
    }
    let moves = known.is_some_and(|at| at != dn);
    if moves && !request.typed_now {
        return clear("RG-12", Reason::PinNoLongerValid);
    }
    if by_itself && let Some(free) = forms.automatic() {
        return automatic(forms, free);
    }
    let Some(at_dn) = forms.local(dn) else {
        return remote(forms, request, dn, pin, moves);
    };
    // A set that was reset has left its DN (ST-3).
    let at_dn = at_dn.filter(|mac| !(request.reset && *mac == request.mac));
    // A PIN that was typed is saved whichever rule accepts it: the one in memory is an older one (RG-14).
    let typed = request.typed_now.then_some(pin);
    let same = at_dn == Some(request.mac);
    match (code, at_dn) {
        (AccessCode::Registration, None) if moves => register(
            "RG-12",
            dn,
            Some(pin),
            "the typed PIN moves the set to this DN",
        ),
        (AccessCode::Registration, None) => register("RG-3", dn, Some(pin), "no set at the DN"),
        (AccessCode::Registration, Some(_)) if same => {
            register("RG-4", dn, typed, "the MAC is at the DN")
        }
        (AccessCode::Registration, Some(_)) => clear("RG-5", Reason::DnInUse),
        (AccessCode::Replacement, Some(_)) if same => {
            register("RG-7", dn, typed, "the MAC is at the DN")
        }
        (AccessCode::Replacement, Some(_)) => {
            register("RG-6", dn, Some(pin), "replaces the set at the DN")
        }
        (AccessCode::Replacement, None) => prompt("RG-8", Reason::ReplacementNeedsMac),
    }
}

fn automatic(forms: &Forms, free: Option<String>) -> Verdict {
    match free {
        Some(dn) => register(
            "RG-13",
            &dn,
            Some(&forms.registration_pin(&dn)),
            "the lowest free DN of the automatic range",
        ),
        None => prompt("RG-13", Reason::RangeExhausted),
    }
}

fn remote(forms: &Forms, request: &Request<'_>, dn: &str, pin: &str, moves: bool) -> Verdict {
    match resolve(forms, dn) {
        Err(reason) => prompt("RG-10", reason),
        Ok(_) if request.redirects >= REDIRECTS_MAX => {
            verdict("CL-8", Action::Refuse(Reason::TooManyRedirects))
        }
        Ok(to) => Verdict {
            // A typed PIN takes the set away from the DN that it has here (RG-12).
            releases: moves,
            ..verdict(
                "RG-9",
                Action::Redirect {
                    dn: dn.to_owned(),
                    save: pin.to_owned(),
                    to,
                },
            )
        },
    }
}

fn register(rule: &'static str, dn: &str, save: Option<&str>, because: &'static str) -> Verdict {
    verdict(
        rule,
        Action::Register {
            dn: dn.to_owned(),
            save: save.map(str::to_owned),
            because,
        },
    )
}

fn prompt(rule: &'static str, reason: Reason) -> Verdict {
    verdict(rule, Action::Prompt(reason))
}

fn clear(rule: &'static str, reason: Reason) -> Verdict {
    verdict(rule, Action::ClearAndPrompt(reason))
}

fn verdict(rule: &'static str, action: Action) -> Verdict {
    Verdict {
        rule,
        releases: false,
        action,
    }
}

impl Verdict {
    /// The answer, for whoever watches the run.
    pub(super) fn answer(&self) -> Answer {
        match &self.action {
            Action::Register { dn, .. } => Answer::Registered { dn: dn.clone() },
            Action::Prompt(_) => Answer::Prompt,
            Action::ClearAndPrompt(_) => Answer::ClearAndPrompt,
            Action::Redirect { dn, to, .. } => Answer::Redirect {
                dn: dn.clone(),
                to: to.to_string(),
            },
            Action::Refuse(_) => Answer::Refused,
        }
    }

    /// Why: a lower-case fragment.
    pub(super) fn reason(&self) -> String {
        match &self.action {
            Action::Register { because, .. } => (*because).to_owned(),
            Action::Redirect { .. } => "the DN is another element's".to_owned(),
            Action::Prompt(reason) | Action::ClearAndPrompt(reason) | Action::Refuse(reason) => {
                reason.to_string()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::net::Ipv4Addr;
    use std::{env, fs};

    use super::*;
    use crate::controller::Trunk;

    const SET: Mac = Mac([0x08, 0x00, 0x0f, 0, 0, 1]);
    const OTHER: Mac = Mac([0x08, 0x00, 0x0f, 0, 0, 2]);
    const GOLDEN: &str = "fixtures/golden/registration_decisions.txt";

    /// Each class of PIN, and what the class is. 6000 is the DN that the set has, where it has one.
    const PINS: &[(Option<&str>, &str)] = &[
        (None, "null"),
        (Some("6000"), "no access code"),
        (Some("***"), "registration code alone"),
        (Some("###"), "replacement code alone"),
        (Some("***6000"), "own or free DN"),
        (Some("###6000"), "own or free DN"),
        (Some("***6001"), "free DN"),
        (Some("###6001"), "free DN"),
        (Some("***6002"), "another set's DN"),
        (Some("###6002"), "another set's DN"),
        (Some("***2004"), "remote DN"),
        (Some("###2004"), "remote DN"),
        (Some("***2005"), "remote, no CEID digits"),
        (Some("***2006"), "remote, no ICP/PBX number"),
        (Some("***2007"), "remote, no trunk"),
        (Some("***2008"), "remote, no address"),
        (Some("***2009"), "remote, CEID mismatch"),
        (Some("***9999"), "unknown DN"),
        (Some("###9999"), "unknown DN"),
    ];

    #[test]
    fn every_class_of_request_is_decided_as_the_table_says() {
        let mut table = String::from(
            "# What an element decides for every class of request. Written by src/controller/registration.rs;\n\
             # BLESS=1 writes it anew.\n\
             # at: the DN that the MAC has here; reset: `*` was held (ST-3); (-): the MAC leaves its DN first\n\
             # at   | PIN      | what it is                | from   | reset | redirects | decision\n",
        );
        for at in [None, Some("6000")] {
            for reset in [false, true] {
                for typed_now in [false, true] {
                    for (pin, what) in PINS {
                        row(
                            &mut table,
                            &forms(at),
                            at,
                            (*pin, what),
                            typed_now,
                            reset,
                            0,
                        );
                    }
                }
            }
        }
        for redirects in [4, 5] {
            let pin = (Some("***2004"), "remote DN");
            row(&mut table, &forms(None), None, pin, false, false, redirects);
        }
        for (last, what) in [
            ("6101", "automatic, a DN left"),
            ("6100", "automatic, used up"),
        ] {
            for at in [None, Some("6000")] {
                let mut forms = forms(at);
                forms.set_automatic("6100", last).unwrap();
                forms.add_dn("6100").unwrap();
                forms.map("6100", Mac([0x08, 0x00, 0x0f, 0, 0, 3])).unwrap();
                for (reset, typed) in [(false, false), (false, true), (true, false)] {
                    let pin = (Some("***"), what);
                    row(&mut table, &forms, at, pin, typed, reset, 0);
                }
            }
        }

        if env::var_os("BLESS").is_some() {
            fs::write(GOLDEN, &table).unwrap();
        }
        assert_eq!(fs::read_to_string(GOLDEN).unwrap(), table);
    }

    #[test]
    fn every_registration_rule_decides_somewhere_in_the_table() {
        let table = fs::read_to_string(GOLDEN).unwrap();
        for rule in 1..=14 {
            let rule = format!("| RG-{rule} ");
            assert!(table.contains(&rule), "{rule}");
        }
        assert!(table.contains("| CL-8 "));
    }

    fn row(
        table: &mut String,
        forms: &Forms,
        at: Option<&str>,
        (pin, what): (Option<&str>, &str),
        typed_now: bool,
        reset: bool,
        redirects: u8,
    ) {
        if typed_now && (pin.is_none() || reset) {
            return; // Null is never typed; and a reset is over when its prompt is answered.
        }
        let request = Request {
            mac: SET,
            pin,
            typed_now,
            reset,
            redirects,
        };
        let verdict = decide(forms, &request);
        let answer = match &verdict.action {
            Action::Register {
                dn,
                save: Some(pin),
                ..
            } => format!("save {pin}, register at {dn}"),
            Action::Register { dn, save: None, .. } => format!("register at {dn}"),
            Action::Prompt(_) => "prompt".to_owned(),
            Action::ClearAndPrompt(_) => "clear, prompt".to_owned(),
            Action::Redirect { dn, save, to } => format!("save {save}, redirect {dn} to {to}"),
            Action::Refuse(_) => "refuse".to_owned(),
        };
        writeln!(
            table,
            "{:6} | {:8} | {what:25} | {:6} | {:5} | {redirects:9} | {} {}{answer}: {}",
            at.unwrap_or("-"),
            pin.unwrap_or("null"),
            if typed_now { "typed" } else { "stored" },
            if reset { "reset" } else { "-" },
            verdict.rule,
            if verdict.releases { "(-) " } else { "" },
            verdict.reason(),
        )
        .unwrap();
    }

    /// 6000, 6001 and 6002 are local; 2004 resolves; 2005 to 2009 fail at a step each.
    fn forms(at: Option<&str>) -> Forms {
        let mut forms = Forms::new("***", "###").unwrap();
        for dn in ["6000", "6001", "6002"] {
            forms.add_dn(dn).unwrap();
        }
        forms.map("6002", OTHER).unwrap();
        if let Some(dn) = at {
            forms.map(dn, SET).unwrap();
        }
        forms.set_remote("2005", None).unwrap();
        for (dn, digits) in [("2004", "4"), ("2006", "6"), ("2007", "7"), ("2008", "8")] {
            forms.set_remote(dn, Some(digits)).unwrap();
        }
        forms.set_remote("2009", Some("9")).unwrap();
        for index in [4, 7, 8, 9] {
            let digits = index.to_string();
            forms.set_cluster_element(&digits, index, index).unwrap();
        }
        for icp in [4, 8, 9] {
            forms.set_trunk(icp, Some(Trunk::Dpnss)).unwrap();
        }
        let there = Target::Address(Ipv4Addr::new(10, 9, 0, 20));
        forms.set_networking(4, 4, Some(there.clone())).unwrap();
        forms.set_networking(8, 8, None).unwrap();
        forms.set_networking(9, 1, Some(there)).unwrap();
        forms
    }
}
