//! What a run asks of an element that is a program, through that program's driver, and what the driver answers
//! (docs/controller-under-test.md). Both are JSON objects; how the driver ends says how to read its answer.
//!
//! | status | object | meaning |
//! | --- | --- | --- |
//! | 0 | what was asked for, or `{}` | done |
//! | 1 | `{"refused": "why"}` | the element does not do this now |
//! | 3 | `{"unsupported": "why"}` | this element can never do it |
//!
//! All else is a driver that has failed.

use serde_json::{Map, Value, json};

use super::admin::Operation;
use super::element::{Effects, Element};
use super::forms_data::FormsData;
use crate::time::Instant;
use crate::wire::Mac;

/// What an element is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Which requests it takes.
    Operations,
    /// What its forms are.
    ShowForms,
    /// Which of its IP trunks are up.
    ShowTrunks,
    /// That it does something.
    Do(Operation),
}

/// What comes back.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// It is done; what was asked for.
    Done(Value),
    /// The element refuses, as things stand.
    Refused(String),
    /// The element has no such thing.
    Unsupported(String),
}

impl Request {
    /// The names of all requests.
    pub const NAMES: [&'static str; 11] = [
        "operations",
        "show-forms",
        "show-trunks",
        "delete-dn",
        "change-dn",
        "delete-mac",
        "delete-set",
        "change-codes",
        "give-dn",
        "take-dn",
        "synchronise",
    ];

    /// Its name: the one member of its object.
    pub fn name(&self) -> &'static str {
        match self {
            Request::Operations => "operations",
            Request::ShowForms => "show-forms",
            Request::ShowTrunks => "show-trunks",
            Request::Do(operation) => operation.name(),
        }
    }

    /// Its object, for example `{"delete-dn": {"dn": "6000"}}`.
    pub fn to_json(&self) -> Value {
        match self {
            Request::Operations | Request::ShowForms | Request::ShowTrunks => {
                json!({ self.name(): {} })
            }
            Request::Do(operation) => json!(operation),
        }
    }

    /// Reads its object.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn read(text: &str) -> Result<Request, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let object = value.as_object().ok_or("this is no JSON object")?;
        let query = |name: &str| object.len() == 1 && object.get(name) == Some(&json!({}));
        for request in [Request::Operations, Request::ShowForms, Request::ShowTrunks] {
            if query(request.name()) {
                return Ok(request);
            }
        }
        let operation = serde_json::from_value(value).map_err(|error| error.to_string())?;
        Ok(Request::Do(operation))
    }
}

impl Answer {
    /// How a driver ends that has this answer.
    pub fn status(&self) -> u8 {
        match self {
            Answer::Done(_) => 0,
            Answer::Refused(_) => 1,
            Answer::Unsupported(_) => 3,
        }
    }

    /// Its object.
    pub fn to_json(&self) -> Value {
        match self {
            Answer::Done(value) => value.clone(),
            Answer::Refused(why) => json!({ "refused": why }),
            Answer::Unsupported(why) => json!({ "unsupported": why }),
        }
    }

    /// Reads what a driver has written before it ended with this status.
    ///
    /// # Errors
    /// In which way this is no answer.
    pub fn read(status: i32, bytes: &[u8]) -> Result<Answer, String> {
        let object: Map<String, Value> = serde_json::from_slice(bytes)
            .map_err(|error| format!("exit status {status}, and no JSON object: {error}"))?;
        let why = |member: &str| {
            let why = object.get(member).and_then(Value::as_str);
            let why = why.map(str::to_owned);
            why.ok_or_else(|| format!("exit status {status}, and no text `{member}`"))
        };
        match status {
            0 => Ok(Answer::Done(Value::Object(object))),
            1 => why("refused").map(Answer::Refused),
            3 => why("unsupported").map(Answer::Unsupported),
            status => Err(format!("exit status {status}, which means nothing here")),
        }
    }
}

/// The requests that an element takes, as its answer to [`Request::Operations`] has them.
///
/// # Errors
/// What is wrong with the answer.
pub fn read_operations(answer: &Value) -> Result<Vec<String>, String> {
    let names = answer["operations"].as_array();
    let names = names.ok_or("there is no list `operations`")?;
    let text = |name: &Value| name.as_str().map(str::to_owned);
    let names = names.iter().map(text).collect::<Option<_>>();
    names.ok_or_else(|| "an entry of `operations` is no text".to_owned())
}

/// The forms of an element, as its answer to [`Request::ShowForms`] has them.
///
/// # Errors
/// What is wrong with the answer.
pub fn read_forms(answer: &Value) -> Result<FormsData, String> {
    serde_json::from_value(answer["forms"].clone()).map_err(|error| format!("`forms`: {error}"))
}

/// The ICP/PBX numbers of the IP trunks that are up, as an answer to [`Request::ShowTrunks`] has them.
///
/// # Errors
/// What is wrong with the answer.
pub fn read_trunks(answer: &Value) -> Result<Vec<u16>, String> {
    let rows = answer["trunks"].as_array();
    let mut up = Vec::new();
    for row in rows.ok_or("there is no list `trunks`")? {
        let icp = row["icp"].as_u64().and_then(|icp| u16::try_from(icp).ok());
        let (Some(icp), Some(is_up)) = (icp, row["up"].as_bool()) else {
            return Err(format!("`trunks`: {row} has no number `icp` and flag `up`"));
        };
        up.extend(is_up.then_some(icp));
    }
    Ok(up)
}

/// The set that an operation was about, as the answer to it has it.
///
/// # Errors
/// What is wrong with the answer.
pub fn read_set(answer: &Value) -> Result<Option<Mac>, String> {
    match answer.get("set") {
        None | Some(Value::Null) => Ok(None),
        Some(set) => {
            let mac = set.as_str().and_then(|set| set.parse().ok());
            mac.map(Some)
                .ok_or_else(|| format!("`set`: {set} is no MAC"))
        }
    }
}

impl Element {
    /// Does what it is asked, or says it.
    pub fn request(&mut self, now: Instant, request: &Request, out: &mut Effects) -> Answer {
        match request {
            Request::Operations => Answer::Done(json!({ "operations": Request::NAMES })),
            Request::ShowForms => Answer::Done(json!({ "forms": FormsData::from(self.forms()) })),
            Request::ShowTrunks => {
                let trunks = self.ip_trunks();
                let rows = trunks.map(|(icp, up)| json!({ "icp": icp, "up": up }));
                Answer::Done(json!({ "trunks": rows.collect::<Vec<_>>() }))
            }
            Request::Do(operation) => match self.administer(now, operation, out) {
                Ok(done) => Answer::Done(json!({ "set": done.set.map(|mac| mac.to_string()) })),
                Err(why) => Answer::Refused(why.to_string()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::SetKey;

    #[test]
    fn a_request_is_one_object_and_is_read_back_as_it_was() {
        let dn = "6000".to_owned();
        let mac = Mac([8, 0, 0x0f, 0, 0, 1]);
        let operations = [
            Operation::DeleteDn { dn: dn.clone() },
            Operation::ChangeDn {
                dn: dn.clone(),
                to: "6001".to_owned(),
            },
            Operation::DeleteMac { mac },
            Operation::DeleteSet(SetKey::Mac(mac)),
            Operation::ChangeCodes {
                registration: "*1".to_owned(),
                replacement: "*2".to_owned(),
            },
            Operation::GiveDn { dn: dn.clone() },
            Operation::TakeDn { dn, mac: Some(mac) },
            Operation::Synchronise {},
        ];
        let queries = [Request::Operations, Request::ShowForms, Request::ShowTrunks];
        let all: Vec<Request> = queries
            .into_iter()
            .chain(operations.map(Request::Do))
            .collect();
        for request in &all {
            let object = request.to_json();
            let members: Vec<&String> = object.as_object().unwrap().keys().collect();
            assert_eq!(members, [request.name()]);
            assert_eq!(Request::read(&object.to_string()).as_ref(), Ok(request));
        }
        let names: Vec<&str> = all.iter().map(Request::name).collect();
        assert_eq!(names, Request::NAMES);
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for text in [
            "",
            "[]",
            "{}",
            r#"{"show-forms": {"dn": "6000"}}"#,
            r#"{"reboot": {}}"#,
            r#"{"show-forms": {}, "show-trunks": {}}"#,
        ] {
            assert!(Request::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_answer_is_told_by_its_status_and_has_the_object_that_belongs_to_it() {
        for answer in [
            Answer::Done(json!({ "set": null })),
            Answer::Refused("a set is at DN 6000".to_owned()),
            Answer::Unsupported("no trunks here".to_owned()),
        ] {
            let bytes = answer.to_json().to_string();
            assert_eq!(
                Answer::read(answer.status().into(), bytes.as_bytes()),
                Ok(answer)
            );
        }
        for (status, bytes) in [
            (0, "done"),
            (0, "[]"),
            (1, "{}"),
            (3, ""),
            (2, "{}"),
            (127, ""),
        ] {
            assert!(Answer::read(status, bytes.as_bytes()).is_err(), "{status}");
        }
    }

    #[test]
    fn what_a_driver_says_of_sets_and_trunks_is_checked() {
        assert_eq!(read_set(&json!({})), Ok(None));
        assert!(read_set(&json!({ "set": "anna" })).is_err());
        let trunks = json!({ "trunks": [{ "icp": 2, "up": true }, { "icp": 3, "up": false }] });
        assert_eq!(read_trunks(&trunks), Ok(vec![2]));
        assert!(read_trunks(&json!({ "trunks": [{ "icp": 2 }] })).is_err());
        assert!(read_operations(&json!({ "operations": [1] })).is_err());
    }
}
