//! Each operation beside what it says to a set, and what the set meets when it comes back.

use super::*;
use crate::app::{App as _, AppEffect, StreamEvent, StreamId};
use crate::controller::{ElementConfig, TrunkConfig};
use crate::outbox::{Out, Outbox};
use crate::time::Duration;
use crate::wire::reg::{Decoder, DeviceRegistration, Envelope, PORT};

#[test]
fn ad_1_a_deleted_dn_resets_its_set_which_is_then_prompted() {
    let mut bench = Bench::with_set("***6000");
    assert_eq!(
        bench.does(&delete_dn("6000")),
        [
            "AD-1 delete DN 6000 from the Telephone Directory",
            "Reset, seq 0, soft, reason DN deleted"
        ]
    );
    assert_eq!(bench.forms().local("6000"), None);
    assert_eq!(
        bench.registers(Some("***6000"))[0],
        "RG-10 Prompt: unknown DN"
    );
}

#[test]
fn ad_2_a_changed_dn_is_told_without_a_reset_and_the_old_pin_is_no_longer_valid() {
    let mut bench = Bench::with_set("***6000");
    let change = |dn: &str, to: &str| Operation::ChangeDn {
        dn: dn.to_owned(),
        to: to.to_owned(),
    };
    assert_eq!(
        bench.does(&change("6000", "6005")),
        ["AD-2 change DN 6000 to 6005", "DN Changed, seq 0, dn 6005"]
    );
    assert_eq!(bench.element.in_service(SET), Some("6005"));
    assert_eq!(bench.forms().local("6000"), None);
    assert_eq!(
        bench.registers(Some("***6000"))[0],
        "RG-12 ClearAndPrompt: PIN no longer valid"
    );
    bench.forms_mut().map("6001", OTHER).unwrap();
    assert_eq!(
        bench.refuses(&change("6005", "6001")),
        "a set is at DN 6001"
    );
    assert_eq!(
        bench.refuses(&change("6002", "6001")),
        "no set is at DN 6002"
    );
    assert_eq!(bench.refuses(&change("6000", "6001")), NOT_THERE);
    assert_eq!(bench.forms().dn_of(SET), Some("6005"));
}

#[test]
fn ad_3_and_ad_4_a_deleted_mac_comes_back_with_the_registration_code_alone() {
    for (pin, then) in [
        (
            "***6000",
            "RG-3 Registered { dn: \"6000\" }: no set at the DN",
        ),
        (
            "###6000",
            "RG-8 Prompt: replacement code needs a MAC at the DN",
        ),
    ] {
        let mut bench = Bench::with_set(pin);
        assert_eq!(
            bench.does(&Operation::DeleteMac { mac: SET }),
            [
                "AD-3, AD-4 delete MAC 08:00:0f:00:00:01 from the database",
                "Reset, seq 0, soft, reason MAC deleted"
            ]
        );
        assert_eq!(bench.registers(Some(pin))[0], then);
    }
    let mut bench = Bench::with_set("***6000");
    let unknown = Operation::DeleteMac { mac: OTHER };
    assert_eq!(bench.refuses(&unknown), "set 08:00:0f:00:00:02 is at no DN");
}

#[test]
fn ad_5_a_set_that_is_deleted_by_its_dn_or_its_mac_loses_its_pin_and_boots() {
    for key in [SetKey::Dn("6000".to_owned()), SetKey::Mac(SET)] {
        let mut bench = Bench::with_set("***6000");
        assert_eq!(
            bench.does(&Operation::DeleteSet(key.clone()))[1..],
            [
                "Clear PIN, seq 0, reason deleted from Multiline IP Sets",
                "Reset, seq 0, hard, reason deleted from Multiline IP Sets"
            ]
        );
        assert_eq!(bench.forms().local("6000"), Some(None));
        assert_eq!(bench.registers(None)[0], "RG-1 Prompt: no PIN");
        assert!(!bench.refuses(&Operation::DeleteSet(key)).is_empty());
    }
}

#[test]
fn a_set_that_is_not_connected_is_told_nothing() {
    for operation in [
        delete_dn("6000"),
        Operation::DeleteMac { mac: SET },
        Operation::DeleteSet(SetKey::Mac(SET)),
    ] {
        let mut bench = Bench::new();
        bench.forms_mut().map("6000", SET).unwrap();
        assert_eq!(bench.does(&operation).len(), 1);
        assert_eq!(bench.forms().dn_of(SET), None);
    }
}

#[test]
fn ad_6_changed_codes_leave_sets_in_service_and_bad_ones_are_refused() {
    let mut bench = Bench::with_set("***6000");
    let codes = |registration: &str| Operation::ChangeCodes {
        registration: registration.to_owned(),
        replacement: "#1".to_owned(),
    };
    assert_eq!(
        bench.does(&codes("*1")),
        ["AD-6 change the access codes to *1 and #1"]
    );
    assert_eq!(bench.element.in_service(SET), Some("6000"));
    assert_eq!(
        bench.refuses(&codes("#12")),
        "access codes `#12` and `#1` begin alike"
    );
    assert!(bench.registers(Some("***6000"))[0].starts_with("RG-14 "));
}

#[test]
fn ad_7_a_dn_goes_to_another_element_with_its_set() {
    let (mut from, mut to) = (Bench::with_set("***6000"), Bench::new());
    to.forms_mut().remove_dn("6000").unwrap();
    let give = Operation::GiveDn {
        dn: "6000".to_owned(),
    };
    let mut out = Outbox::default();
    let done = from.element.administer(Instant::ZERO, &give, &mut out);
    assert_eq!(done, Ok(Done { set: Some(SET) }));
    assert_eq!(from.element.in_service(SET), Some("6000"));
    let take = Operation::TakeDn {
        dn: "6000".to_owned(),
        mac: Some(SET),
    };
    assert_eq!(to.does(&take).len(), 1);
    assert_eq!(to.forms().mac_of("6000"), Some(SET));
    assert_eq!(
        to.refuses(&take),
        "DN 6000 is in the Telephone Directory already"
    );
    assert_eq!(from.refuses(&give), NOT_THERE);
}

#[test]
fn operations_are_data() {
    for (operation, json) in [
        (delete_dn("6000"), r#"{"delete-dn":{"dn":"6000"}}"#),
        (
            Operation::DeleteSet(SetKey::Mac(SET)),
            r#"{"delete-set":{"mac":"08:00:0f:00:00:01"}}"#,
        ),
        (
            Operation::TakeDn {
                dn: "6000".to_owned(),
                mac: None,
            },
            r#"{"take-dn":{"dn":"6000","mac":null}}"#,
        ),
    ] {
        assert_eq!(serde_json::to_string(&operation).unwrap(), json);
        let back: Operation = serde_json::from_str(json).unwrap();
        assert_eq!(back, operation);
    }
    for wrong in [
        r#"{"delete-dn":{}}"#,
        r#"{"delete-dn":{"dn":"1","mac":"2"}}"#,
        r#"{"delete-mac":{"mac":"2"}}"#,
        r#"{"delete-all":{}}"#,
    ] {
        assert!(serde_json::from_str::<Operation>(wrong).is_err(), "{wrong}");
    }
}

const SET: Mac = Mac([8, 0, 0x0f, 0, 0, 1]);
const OTHER: Mac = Mac([8, 0, 0x0f, 0, 0, 2]);
const NOT_THERE: &str = "DN 6000 is not in the Telephone Directory";

fn delete_dn(dn: &str) -> Operation {
    Operation::DeleteDn { dn: dn.to_owned() }
}

/// An element with 6000 to 6002, and one set.
struct Bench {
    element: Element,
    streams: u64,
}

impl Bench {
    fn new() -> Bench {
        let mut forms = Forms::new("***", "###").unwrap();
        for dn in ["6000", "6001", "6002"] {
            forms.add_dn(dn).unwrap();
        }
        let heartbeat = Duration::from_secs(30);
        Bench {
            element: Element::new(ElementConfig {
                forms,
                heartbeat,
                trunks: TrunkConfig::default(),
            }),
            streams: 0,
        }
    }

    /// The set is in service at 6000, with this PIN.
    fn with_set(pin: &str) -> Bench {
        let mut bench = Bench::new();
        bench.forms_mut().map("6000", SET).unwrap();
        bench.registers(Some(pin));
        assert_eq!(bench.element.in_service(SET), Some("6000"));
        bench
    }

    fn forms(&self) -> &Forms {
        self.element.forms()
    }

    fn forms_mut(&mut self) -> &mut Forms {
        self.element.forms_mut()
    }

    fn does(&mut self, operation: &Operation) -> Vec<String> {
        let mut out = Outbox::default();
        let done = self.element.administer(Instant::ZERO, operation, &mut out);
        assert!(done.is_ok(), "{operation}: {done:?}");
        lines(&mut out)
    }

    fn refuses(&mut self, operation: &Operation) -> String {
        let mut out = Outbox::default();
        let done = self.element.administer(Instant::ZERO, operation, &mut out);
        let why = done.unwrap_err().to_string();
        let said = lines(&mut out);
        assert_eq!(
            said,
            [format!("{} {operation}, refused: {why}", operation.rule())]
        );
        why
    }

    /// The set comes with a connection of its own.
    fn registers(&mut self, pin: Option<&str>) -> Vec<String> {
        self.streams += 1;
        let stream = StreamId(self.streams);
        let mut out = Outbox::default();
        let peer = std::net::SocketAddrV4::new([10, 1, 0, 50].into(), 40_000);
        let accepted = StreamEvent::Accepted { peer, port: PORT };
        let now = Instant::ZERO;
        self.element.handle_stream(now, stream, accepted, &mut out);
        let device = Message::DeviceRegistration(DeviceRegistration {
            mac: SET,
            pin: pin.map(str::to_owned),
            device_type: "5360".to_owned(),
            firmware: "1.0".to_owned(),
            address: *peer.ip(),
            reset: false,
            redirects: 0,
        });
        let bytes = Envelope::new(1, device).encode();
        let received = StreamEvent::Received(&bytes);
        self.element.handle_stream(now, stream, received, &mut out);
        let mut said = lines(&mut out);
        said.retain(|line| !line.starts_with("abort"));
        said
    }
}

fn lines(out: &mut Effects) -> Vec<String> {
    let mut lines = Vec::new();
    for item in out.drain() {
        match item {
            Out::Effect(AppEffect::SendStream { bytes, .. }) => {
                let (mut decoder, mut bytes) = (Decoder::default(), bytes.as_slice());
                while let Some(envelope) = decoder.next(&mut bytes).unwrap() {
                    lines.push(envelope.to_string());
                }
            }
            Out::Effect(AppEffect::Abort { .. }) => lines.push("abort".to_owned()),
            Out::Trace(TraceEvent::Decision(made)) => {
                lines.push(format!("{} {:?}: {}", made.rule, made.answer, made.reason));
            }
            Out::Trace(TraceEvent::Administered(made)) => {
                let refused = made.refused.map(|why| format!(", refused: {why}"));
                lines.push(format!(
                    "{} {}{}",
                    made.rule,
                    made.what,
                    refused.unwrap_or_default()
                ));
            }
            Out::Effect(other) => panic!("{other:?}"),
            Out::Trace(other) => panic!("{other:?}"),
        }
    }
    lines
}
