//! What an administrator does to an element while sets are in service (AD-1 to AD-7).
//!
//! An [`Operation`] changes the forms of one element, and tells the sets that are connected what follows for
//! them. What follows later (a set that registers again, with a PIN that the forms no longer bear out) is
//! decided by the table of registrations alone.
//!
//! Deleting a set's row in Multiline IP Sets ([`Operation::DeleteSet`], AD-5) is another operation than
//! deleting its MAC from the database by any other way, say maintenance or a restore
//! ([`Operation::DeleteMac`], AD-3 and AD-4): the former also clears the PIN of a set that is connected.
//!
//! Operations are data: `{"delete-dn": {"dn": "6000"}}`.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::element::{Effects, Element};
use super::forms::{FormError, Forms};
use crate::outbox::{Administered, TraceEvent};
use crate::time::Instant;
use crate::wire::Mac;
use crate::wire::reg::{Message, Reason, ResetKind};

/// Something that an administrator does at one element.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Operation {
    /// Deletes a DN from the Telephone Directory; a set there is reset (AD-1).
    DeleteDn { dn: String },
    /// Gives a DN another number with the System Administration Tool; a set there has it at once (AD-2).
    ChangeDn { dn: String, to: String },
    /// Deletes a MAC from the database; the set is reset (AD-3, AD-4).
    DeleteMac {
        #[serde(with = "mac_text")]
        mac: Mac,
    },
    /// Deletes a row of Multiline IP Sets; a connected set forgets its PIN and is reset hard (AD-5).
    DeleteSet(SetKey),
    /// Changes both access codes; sets in service stay (AD-6).
    ChangeCodes {
        registration: String,
        replacement: String,
    },
    /// Gives a DN away to another element, with the set that is at it (AD-7).
    GiveDn { dn: String },
    /// Sends the DNs of this element to all others, for their Remote Directory Numbers (CL-8).
    Synchronise {},
    /// Takes a DN over from another element, with the set that is at it (AD-7).
    TakeDn {
        dn: String,
        #[serde(with = "mac_text::optional", default)]
        mac: Option<Mac>,
    },
}

/// How a row of Multiline IP Sets is named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SetKey {
    Dn(String),
    Mac(#[serde(with = "mac_text")] Mac),
}

/// An operation that was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Done {
    /// The set that it was about, if there was one.
    pub set: Option<Mac>,
}

/// Why an operation was not done. Nothing has changed then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error(transparent)]
    Form(#[from] FormError),
    #[error("set {0} is at no DN")]
    NotInDatabase(Mac),
    #[error("no set is at DN {0}")]
    NoSet(String),
    #[error("a set is at DN {0}")]
    InUse(String),
    #[error("DN {0} is in the Telephone Directory already")]
    InDirectory(String),
}

impl Operation {
    /// Its name in data.
    pub fn name(&self) -> &'static str {
        match self {
            Operation::DeleteDn { .. } => "delete-dn",
            Operation::ChangeDn { .. } => "change-dn",
            Operation::DeleteMac { .. } => "delete-mac",
            Operation::DeleteSet(_) => "delete-set",
            Operation::ChangeCodes { .. } => "change-codes",
            Operation::GiveDn { .. } => "give-dn",
            Operation::TakeDn { .. } => "take-dn",
            Operation::Synchronise {} => "synchronise",
        }
    }

    /// The rules that say what follows.
    pub fn rule(&self) -> &'static str {
        match self {
            Operation::DeleteDn { .. } => "AD-1",
            Operation::ChangeDn { .. } => "AD-2",
            Operation::DeleteMac { .. } => "AD-3, AD-4",
            Operation::DeleteSet(_) => "AD-5",
            Operation::ChangeCodes { .. } => "AD-6",
            Operation::GiveDn { .. } | Operation::TakeDn { .. } => "AD-7",
            Operation::Synchronise {} => "CL-8",
        }
    }
}

impl fmt::Display for Operation {
    /// What to do, as one would say it: `delete DN 6000 from the Telephone Directory`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Operation::DeleteDn { dn } => write!(f, "delete DN {dn} from the Telephone Directory"),
            Operation::ChangeDn { dn, to } => write!(f, "change DN {dn} to {to}"),
            Operation::DeleteMac { mac } => write!(f, "delete MAC {mac} from the database"),
            Operation::DeleteSet(SetKey::Dn(dn)) => {
                write!(f, "delete DN {dn} from Multiline IP Sets")
            }
            Operation::DeleteSet(SetKey::Mac(mac)) => {
                write!(f, "delete MAC {mac} from Multiline IP Sets")
            }
            Operation::ChangeCodes {
                registration,
                replacement,
            } => write!(
                f,
                "change the access codes to {registration} and {replacement}"
            ),
            Operation::GiveDn { dn } => write!(f, "give DN {dn} to another element"),
            Operation::Synchronise {} => {
                f.write_str("synchronise the remote numbers of the others")
            }
            Operation::TakeDn { dn, .. } => write!(f, "take DN {dn} from another element"),
        }
    }
}

impl Element {
    /// Does what an administrator asks for, and tells the sets that it is about.
    ///
    /// # Errors
    /// Why not; then nothing has changed.
    pub fn administer(
        &mut self,
        now: Instant,
        operation: &Operation,
        out: &mut Effects,
    ) -> Result<Done, Refused> {
        let result = change(self.forms_mut(), operation);
        out.trace(TraceEvent::Administered(Administered {
            rule: operation.rule(),
            what: operation.to_string(),
            set: result.as_ref().ok().and_then(|(set, _)| *set),
            refused: result.as_ref().err().map(ToString::to_string),
        }));
        let (set, then) = result?;
        if matches!(operation, Operation::Synchronise {}) {
            self.synchronise(now, out);
        }
        if let Some(mac) = set {
            self.tell(now, mac, then, out);
        }
        Ok(Done { set })
    }

    /// Tells a set what follows for it, if it is connected.
    fn tell(&mut self, now: Instant, mac: Mac, then: Then, out: &mut Effects) {
        match then {
            Then::Nothing => {}
            Then::Stay(dn) => self.note_given(dn, mac),
            Then::Rename(dn) => self.rename(now, mac, dn, out),
            Then::Reset(reason) => {
                let kind = ResetKind::Soft;
                self.send_away(now, mac, [Message::Reset { kind, reason }], out);
            }
            Then::ClearAndReset(reason) => {
                let kind = ResetKind::Hard;
                let messages = [
                    Message::ClearPin { reason },
                    Message::Reset { kind, reason },
                ];
                self.send_away(now, mac, messages, out);
            }
        }
    }
}

/// What follows for the set that an operation was about.
enum Then {
    Nothing,
    /// Its DN has gone to another element. It stays until a synchronisation says to which (AD-7).
    Stay(String),
    /// It has this DN now.
    Rename(String),
    /// It registers again, with the PIN that it has.
    Reset(Reason),
    /// It boots again, and has no PIN.
    ClearAndReset(Reason),
}

/// Changes the forms. The set that this is about, if there is one, and what follows for it.
fn change(forms: &mut Forms, operation: &Operation) -> Result<(Option<Mac>, Then), Refused> {
    Ok(match operation {
        Operation::DeleteDn { dn } => (forms.remove_dn(dn)?, Then::Reset(Reason::DnDeleted)),
        Operation::ChangeDn { dn, to } => {
            let mac = change_dn(forms, dn, to)?;
            (Some(mac), Then::Rename(to.clone()))
        }
        Operation::DeleteMac { mac } => {
            forms.unmap(*mac).ok_or(Refused::NotInDatabase(*mac))?;
            (Some(*mac), Then::Reset(Reason::MacDeleted))
        }
        Operation::DeleteSet(key) => {
            let mac = match key {
                SetKey::Dn(dn) => set_at(forms, dn)?,
                SetKey::Mac(mac) => *mac,
            };
            forms.unmap(mac).ok_or(Refused::NotInDatabase(mac))?;
            (Some(mac), Then::ClearAndReset(Reason::SetDeleted))
        }
        Operation::ChangeCodes {
            registration,
            replacement,
        } => {
            forms.set_access_codes(registration, replacement)?;
            (None, Then::Nothing)
        }
        Operation::GiveDn { dn } => (forms.remove_dn(dn)?, Then::Stay(dn.clone())),
        Operation::Synchronise {} => (None, Then::Nothing),
        Operation::TakeDn { dn, mac } => {
            if forms.local(dn).is_some() {
                return Err(Refused::InDirectory(dn.clone()));
            }
            forms.add_dn(dn)?;
            if let Some(mac) = mac {
                forms.map(dn, *mac)?;
            }
            (*mac, Then::Nothing)
        }
    })
}

/// AD-2: the number of a row changes, and nothing else of it.
fn change_dn(forms: &mut Forms, dn: &str, to: &str) -> Result<Mac, Refused> {
    let mac = set_at(forms, dn)?;
    if forms.mac_of(to).is_some() {
        return Err(Refused::InUse(to.to_owned()));
    }
    forms.add_dn(to)?;
    forms.remove_dn(dn)?;
    forms.map(to, mac)?;
    Ok(mac)
}

/// The set at a DN of the Telephone Directory.
fn set_at(forms: &Forms, dn: &str) -> Result<Mac, Refused> {
    let set = forms
        .local(dn)
        .ok_or_else(|| FormError::NotInDirectory(dn.to_owned()))?;
    set.ok_or_else(|| Refused::NoSet(dn.to_owned()))
}

/// A MAC as text.
mod mac_text {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::wire::Mac;

    pub(super) fn serialize<S: Serializer>(mac: &Mac, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(mac)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Mac, D::Error> {
        parse(&String::deserialize(from)?)
    }

    fn parse<E: Error>(text: &str) -> Result<Mac, E> {
        let mac = text.parse();
        mac.map_err(|()| E::custom(format_args!("`{text}` is not a MAC address")))
    }

    /// One that need not be there.
    pub(super) mod optional {
        use super::{Deserialize, Deserializer, Mac, Serializer, parse};

        pub(in crate::controller::admin) fn serialize<S: Serializer>(
            mac: &Option<Mac>,
            to: S,
        ) -> Result<S::Ok, S::Error> {
            match mac {
                Some(mac) => super::serialize(mac, to),
                None => to.serialize_none(),
            }
        }

        pub(in crate::controller::admin) fn deserialize<'de, D: Deserializer<'de>>(
            from: D,
        ) -> Result<Option<Mac>, D::Error> {
            let text = Option::<String>::deserialize(from)?;
            text.map(|text| parse(&text)).transpose()
        }
    }
}

#[cfg(test)]
mod tests;
