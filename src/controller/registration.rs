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
pub struct Request<'a> {
    pub mac: Mac,
    /// `None` is the null value.
    pub pin: Option<&'a str>,
    /// The user typed the PIN at a prompt of this attempt; else it is the one that the set had stored.
    pub typed_now: bool,
    /// The user held `*` during power-up (ST-3).
    pub reset: bool,
    /// Redirects that the set has followed in this attempt.
    pub redirects: u8,
}

/// What is to be done, and by which rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// For example `RG-9`.
    pub rule: &'static str,
    /// The set's MAC leaves the DN that it has here, if any, before anything else.
    pub releases: bool,
    pub action: Action,
}

/// What an element does about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
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
pub fn decide(forms: &Forms, request: &Request<'_>) -> Verdict {
    // ST-3: a set that was reset counts as one with an unknown MAC.
    let known = forms.dn_of(request.mac).filter(|_| !request.reset);
    let verdict = match request.pin {
        None => without_pin(known),
        Some(pin) => with_pin(forms, request, known, pin),
    };
    Verdict {
        releases: request.reset || verdict.releases,
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
    let moves = known.is_some_and(|at| at != dn);
    if moves && !request.typed_now {
        return clear("RG-12", Reason::PinNoLongerValid);
    }
    if code == AccessCode::Registration
        && dn.is_empty()
        && let Some(free) = forms.automatic()
    {
        return automatic(forms, free);
    }
    let Some(at_dn) = forms.local(dn) else {
        return remote(forms, request, dn, pin);
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

fn remote(forms: &Forms, request: &Request<'_>, dn: &str, pin: &str) -> Verdict {
    match resolve(forms, dn) {
        Err(reason) => prompt("RG-10", reason),
        Ok(_) if request.redirects >= REDIRECTS_MAX => {
            verdict("CL-8", Action::Refuse(Reason::TooManyRedirects))
        }
        Ok(to) => Verdict {
            // Only a typed PIN comes here with the MAC at a DN of this element: the set moves away (RG-12).
            releases: true,
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
    pub fn answer(&self) -> Answer {
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
    pub fn reason(&self) -> String {
        match &self.action {
            Action::Register { because, .. } => (*because).to_owned(),
            Action::Redirect { .. } => "the DN is another element's".to_owned(),
            Action::Prompt(reason) | Action::ClearAndPrompt(reason) | Action::Refuse(reason) => {
                reason.to_string()
            }
        }
    }
}
