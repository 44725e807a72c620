//! Faults that a controller build may have: a closed list, each with the rule that it breaks.
//!
//! The reference controller can be started with one of them (`--fault NAME`), to see that a suite of scenarios
//! notices. What an element does with a fault is in `faulty.rs`; `docs/faulty-builds.md` says which scenario
//! catches each, and how.
//!
//! A message that is spread over many segments, or several in one, is no fault: where segments begin means
//! nothing on a stream (PR-1). A length that is wrong is one.

use std::fmt;
use std::str::FromStr;

/// One plausible mistake of whoever writes a controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    LosesStars,
    CrashesOnLongPin,
    CutsLongPins,
    AnswersNoKeepAlives,
    CountsNoRedirects,
    IgnoresReset,
    ComparesOneCharacter,
    SavesNoPin,
    SaysDnOfAnother,
    SaysNoCommunicationsUp,
    IgnoresMac,
    GivesTakenDn,
    RegistersBeforeDeciding,
    KeepsOldMac,
    KeepsReplacedInService,
    PromptsReplacer,
    ForgetsSetsOnRestart,
    ReplacesWithoutMac,
    RedirectsWithoutSave,
    PromptsForRemoteDn,
    RedirectsToItself,
    OneReasonForAll,
    PromptsProgrammed,
    TakesStalePin,
    KeepsDeletedDnInService,
    ResetsAtChangedDn,
    ClearsPinAtDeletedMac,
    KeepsPinOfDeletedSet,
    KeepsOldCodes,
    CountsNoHeader,
    NumbersItsOwnMessages,
    AnswersNoHeartbeats,
    AnswersLate,
    HalfCloses,
    LeaksConnections,
}

/// What is known of a fault.
#[derive(Debug)]
struct About {
    fault: Fault,
    name: &'static str,
    rule: &'static str,
    does: &'static str,
}

const fn about(fault: Fault, name: &'static str, rule: &'static str, does: &'static str) -> About {
    About {
        fault,
        name,
        rule,
        does,
    }
}

/// In the order of the enum, which is that of the rules.
#[rustfmt::skip]
const ALL: [About; 35] = [
    about(Fault::LosesStars, "loses-stars", "CL-4", "reads a DN up to its first `*` or `#`"),
    about(Fault::CrashesOnLongPin, "crashes-on-a-long-pin", "CL-4", "crashes on a PIN of more than 16 characters, and stays down"),
    about(Fault::CutsLongPins, "cuts-long-pins", "CL-4", "has a set save the first 16 characters of its PIN"),
    about(Fault::AnswersNoKeepAlives, "answers-no-keep-alives", "CL-5", "never answers a Keep-Alive of a trunk"),
    about(Fault::CountsNoRedirects, "counts-no-redirects", "CL-8", "redirects a set however many redirects it has followed"),
    about(Fault::IgnoresReset, "ignores-the-reset-flag", "ST-3", "does not look at the flag of a set that was started with `*`"),
    about(Fault::ComparesOneCharacter, "compares-one-character", "RG-2", "takes any access code that begins with the same character"),
    about(Fault::SavesNoPin, "saves-no-pin", "RG-3", "registers a set without telling it to save its PIN"),
    about(Fault::SaysDnOfAnother, "says-the-dn-of-another", "RG-3", "tells each set that it is registered at the first DN of the directory"),
    about(Fault::SaysNoCommunicationsUp, "says-no-communications-up", "RG-3", "says Registered, and never Communications Up"),
    about(Fault::IgnoresMac, "ignores-the-mac", "RG-4", "takes the set that has a DN for another when it comes back"),
    about(Fault::GivesTakenDn, "gives-a-taken-dn-away", "RG-5", "registers a set at a DN that has another, for the registration code"),
    about(Fault::RegistersBeforeDeciding, "registers-before-deciding", "RG-5", "says Registered to every PIN, and looks at it afterwards"),
    about(Fault::KeepsOldMac, "keeps-the-old-mac", "RG-6", "registers the set that replaces another, and leaves the other's MAC at the DN"),
    about(Fault::KeepsReplacedInService, "keeps-the-replaced-in-service", "RG-6", "says nothing to a set that was replaced"),
    about(Fault::PromptsReplacer, "prompts-the-replacer", "RG-7", "asks a set with the replacement code again when it comes back to its own DN"),
    about(Fault::ForgetsSetsOnRestart, "forgets-sets-on-restart", "RG-7", "keeps in memory alone which set is at which DN"),
    about(Fault::ReplacesWithoutMac, "replaces-without-a-mac", "RG-8", "takes the replacement code where there is nothing to replace"),
    about(Fault::RedirectsWithoutSave, "redirects-without-save", "RG-9", "redirects a set without telling it to save its PIN"),
    about(Fault::PromptsForRemoteDn, "prompts-for-a-remote-dn", "RG-9", "prompts for a DN of another element in place of redirecting"),
    about(Fault::RedirectsToItself, "redirects-to-itself", "RG-9", "redirects to its own address"),
    about(Fault::OneReasonForAll, "one-reason-for-all", "RG-10", "prompts with the reason `no PIN`, whatever the reason is"),
    about(Fault::PromptsProgrammed, "prompts-the-programmed", "RG-11", "prompts a set without a PIN whose MAC an administrator has programmed"),
    about(Fault::TakesStalePin, "takes-a-stale-pin", "RG-12", "registers a set at the DN of its MAC when its stored PIN names another"),
    about(Fault::KeepsDeletedDnInService, "keeps-a-deleted-dn-in-service", "AD-1", "says nothing to a set whose DN is deleted"),
    about(Fault::ResetsAtChangedDn, "resets-at-a-changed-dn", "AD-2", "resets a set whose DN is changed, in place of telling it the new one"),
    about(Fault::ClearsPinAtDeletedMac, "clears-the-pin-at-a-deleted-mac", "AD-3", "clears the PIN of a set whose MAC is deleted from the database"),
    about(Fault::KeepsPinOfDeletedSet, "keeps-the-pin-of-a-deleted-set", "AD-5", "resets a set that is deleted from Multiline IP Sets, and does not clear its PIN"),
    about(Fault::KeepsOldCodes, "keeps-the-old-codes", "AD-6", "goes on taking the registration code that it was started with"),
    about(Fault::CountsNoHeader, "counts-no-header", "PR-1", "writes the length of the fields alone where the length of the message belongs"),
    about(Fault::NumbersItsOwnMessages, "numbers-its-own-messages", "PR-2", "counts its own messages in place of repeating the set's number"),
    about(Fault::AnswersNoHeartbeats, "answers-no-heartbeats", "PR-3", "never answers a Heartbeat"),
    about(Fault::AnswersLate, "answers-late", "PR-4", "answers after 35 s, when a set has given up"),
    about(Fault::HalfCloses, "half-closes", "PR-5", "does not close its side of a connection that a set has closed"),
    about(Fault::LeaksConnections, "leaks-connections", "PR-6", "refuses every connection after the 20th, for it never frees one"),
];

impl Fault {
    /// Every fault there is, in the order of the rules.
    pub fn all() -> impl Iterator<Item = Fault> {
        ALL.iter().map(|it| it.fault)
    }

    /// The name by which it is asked for, for example `keeps-the-old-mac`.
    pub const fn name(self) -> &'static str {
        self.about().name
    }

    /// The rule that it breaks: an id of `docs/rules.md`.
    pub const fn rule(self) -> &'static str {
        self.about().rule
    }

    /// What an element with it does, to be read behind the element's name: a lower-case fragment.
    pub const fn does(self) -> &'static str {
        self.about().does
    }

    const fn about(self) -> &'static About {
        &ALL[self as usize]
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// There is no fault of this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no fault `{0}`: `jackfield faults` lists them")]
pub struct NoSuchFault(pub String);

impl FromStr for Fault {
    type Err = NoSuchFault;

    fn from_str(name: &str) -> Result<Fault, NoSuchFault> {
        let named = Fault::all().find(|fault| fault.name() == name);
        named.ok_or_else(|| NoSuchFault(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_fault_stands_at_its_own_row_and_is_found_by_its_name() {
        for (row, about) in ALL.iter().enumerate() {
            assert_eq!(about.fault as usize, row, "{}", about.name);
            assert_eq!(about.name.parse(), Ok(about.fault));
        }
        let names: BTreeSet<&str> = Fault::all().map(Fault::name).collect();
        assert_eq!(names.len(), ALL.len(), "two faults have one name");
        assert!("none".parse::<Fault>().is_err());
    }
}
