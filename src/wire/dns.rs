//! DNS messages (RFC 1035), as far as a stub resolver and a server of addresses need them: one question, its answer.
//!
//! The bytes are the crate simple-dns's. Here stands what this project makes of a message: names without the last
//! point; of an answer the first address of the name that was asked for, or of what it is an alias of.

use std::borrow::Cow;
use std::fmt;
use std::net::Ipv4Addr;

use simple_dns::rdata::{A, CNAME, RData};
use simple_dns::{
    CLASS, Name, OPCODE, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, ResourceRecord, TYPE,
};

use super::DecodeError;

/// The UDP port of name servers.
pub const PORT: u16 = 53;

/// The longest time for which a record can hold, in seconds (RFC 2181 section 8).
pub const TTL_MAX: u32 = i32::MAX as u32;

/// A question for the records of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The asker's number for it.
    pub id: u16,
    /// The asker wants the server to ask others for what it does not know (RD).
    pub recursion: bool,
    /// As the asker spells it, without a point at the end.
    pub name: String,
    pub asks: Asks,
}

/// What a question asks for: a type of records, and their class (RFC 1035 sections 3.2.3 and 3.2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asks(QTYPE, QCLASS);

impl Asks {
    /// IPv4 addresses: type A, class IN.
    pub const ADDRESS: Asks = Asks(QTYPE::TYPE(TYPE::A), QCLASS::CLASS(CLASS::IN));
}

/// The answer to a question for an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The question's number.
    pub id: u16,
    /// What the question says of recursion (RD), copied.
    pub recursion: bool,
    /// The name that was asked for, spelled as in the [`Query`].
    pub name: String,
    /// What was asked for.
    pub asks: Asks,
    /// What the server says.
    pub rcode: Rcode,
    /// The name's first address, and for how many seconds it holds: the shortest time of the records that lead there.
    pub address: Option<(Ipv4Addr, u32)>,
}

/// What a server says to a question (RFC 1035 section 4.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rcode {
    /// It knows the name.
    NoError,
    /// The name does not exist.
    NxDomain,
    /// It can't or won't answer: any other code.
    Failure,
}

impl Query {
    /// The message's bytes. `None` if the name can't be written: a label above 63 bytes, a name above 255, an empty
    /// label.
    pub fn encode(&self) -> Option<Vec<u8>> {
        let mut packet = Packet::new_query(self.id);
        if self.recursion {
            packet.set_flags(PacketFlag::RECURSION_DESIRED);
        }
        packet.questions.push(question(&self.name, self.asks)?);
        packet.build_bytes_vec().ok()
    }

    /// Reads a question.
    ///
    /// Fails if the bytes are no DNS message, or no standard query with one question.
    pub fn decode(bytes: &[u8]) -> Result<Query, DecodeError> {
        let packet = parse(bytes)?;
        if packet.has_flags(PacketFlag::RESPONSE) || packet.opcode() != OPCODE::StandardQuery {
            return Err(DecodeError::new("dns", 2, "not a standard query"));
        }
        let [question] = packet.questions.as_slice() else {
            return Err(DecodeError::new("dns", 4, "not one question"));
        };
        Ok(Query {
            id: packet.id(),
            recursion: packet.has_flags(PacketFlag::RECURSION_DESIRED),
            name: question.qname.to_string(),
            asks: Asks(question.qtype, question.qclass),
        })
    }
}

impl Answer {
    /// The message's bytes, from a server that knows by itself (AA) and does not ask others. `None` if the name can't be
    /// written.
    pub fn encode(&self) -> Option<Vec<u8>> {
        let mut packet = Packet::new_reply(self.id);
        packet.set_flags(PacketFlag::AUTHORITATIVE_ANSWER);
        if self.recursion {
            packet.set_flags(PacketFlag::RECURSION_DESIRED);
        }
        *packet.rcode_mut() = match self.rcode {
            Rcode::NoError => RCODE::NoError,
            Rcode::NxDomain => RCODE::NameError,
            Rcode::Failure => RCODE::ServerFailure,
        };
        packet.questions.push(question(&self.name, self.asks)?);
        if let Some((address, ttl)) = self.address {
            let name = Name::new(&self.name).ok()?;
            let data = RData::A(A {
                address: address.to_bits(),
            });
            let record = ResourceRecord::new(name, CLASS::IN, ttl, data);
            packet.answers.push(record);
        }
        packet.build_bytes_vec_compressed().ok()
    }

    /// Reads an answer.
    ///
    /// Fails if the bytes are no DNS message, or no response with one question.
    pub fn decode(bytes: &[u8]) -> Result<Answer, DecodeError> {
        let packet = parse(bytes)?;
        if !packet.has_flags(PacketFlag::RESPONSE) {
            return Err(DecodeError::new("dns", 2, "not a response"));
        }
        let [question] = packet.questions.as_slice() else {
            return Err(DecodeError::new("dns", 4, "not one question"));
        };
        Ok(Answer {
            id: packet.id(),
            recursion: packet.has_flags(PacketFlag::RECURSION_DESIRED),
            name: question.qname.to_string(),
            asks: Asks(question.qtype, question.qclass),
            rcode: if packet.rcode() == RCODE::NoError {
                Rcode::NoError
            } else if packet.rcode() == RCODE::NameError {
                Rcode::NxDomain
            } else {
                Rcode::Failure
            },
            address: address_in(question, &packet.answers),
        })
    }
}

/// A name as this project compares it: small letters, no point at the end.
pub fn plain_name(name: &str) -> Cow<'_, str> {
    let name = name.strip_suffix('.').unwrap_or(name);
    match name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => Cow::Owned(name.to_ascii_lowercase()),
        false => Cow::Borrowed(name),
    }
}

/// For how many seconds a record holds: a number whose first bit is set is 0 (RFC 2181 section 8).
fn time_of(ttl: u32) -> u32 {
    if ttl > TTL_MAX { 0 } else { ttl }
}

fn parse(bytes: &[u8]) -> Result<Packet<'_>, DecodeError> {
    Packet::parse(bytes).map_err(|_| DecodeError::new("dns", 0, "not a message"))
}

/// The address that records give a question's name, and for how many seconds. An alias stands before what it is an alias
/// of (RFC 1034 section 4.3.2 step 3 a); records of other names, types or classes answer something else (RFC 1035
/// section 7.3).
fn address_in(question: &Question<'_>, records: &[ResourceRecord<'_>]) -> Option<(Ipv4Addr, u32)> {
    let plain = |name: &Name<'_>| plain_name(&name.to_string()).into_owned();
    let (mut name, mut holds) = (plain(&question.qname), TTL_MAX);
    for record in records {
        if plain(&record.name) != name || !record.match_qclass(question.qclass) {
            continue;
        }
        if let RData::CNAME(CNAME(of)) = &record.rdata {
            (name, holds) = (plain(of), holds.min(time_of(record.ttl)));
        } else if let RData::A(a) = &record.rdata {
            return Some((
                Ipv4Addr::from_bits(a.address),
                holds.min(time_of(record.ttl)),
            ));
        }
    }
    None
}

fn question(name: &str, Asks(kind, class): Asks) -> Option<Question<'_>> {
    if name.is_empty() || name.split('.').any(str::is_empty) {
        return None;
    }
    Some(Question::new(Name::new(name).ok()?, kind, class, false))
}

impl fmt::Display for Query {
    /// `DNS, id 7, A mivb-b.example?`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.asks {
            Asks::ADDRESS => "A",
            Asks(..) => "not A",
        };
        write!(f, "DNS, id {}, {kind} {}?", self.id, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_question_and_its_answer_are_the_bytes_of_the_standard() {
        let query = Query {
            id: 7,
            recursion: true,
            name: "a.example".to_owned(),
            asks: Asks::ADDRESS,
        };
        let bytes = query.encode().unwrap();
        let name = b"\x01a\x07example\0";
        assert_eq!(
            bytes,
            [
                &b"\0\x07\x01\0\0\x01\0\0\0\0\0\0"[..],
                name,
                b"\0\x01\0\x01"
            ]
            .concat()
        );
        assert_eq!(Query::decode(&bytes), Ok(query));
        let answer = answer(Some((Ipv4Addr::new(10, 9, 0, 11), 60)), Rcode::NoError);
        let bytes = answer.encode().unwrap();
        let record = b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x0a\x09\0\x0b";
        let header = b"\0\x07\x85\0\0\x01\0\x01\0\0\0\0";
        let expected = [&header[..], name, b"\0\x01\0\x01", record].concat();
        assert_eq!(bytes, expected);
        assert_eq!(Answer::decode(&bytes), Ok(answer));
    }

    #[test]
    fn an_answer_has_the_question_that_was_asked() {
        // AAAA (28) of class IN: of a name that is known, an answer without records (RFC 2308 section 2.2).
        let question = b"\x01a\x07example\0\0\x1c\0\x01";
        let bytes = [&b"\0\x07\x01\0\0\x01\0\0\0\0\0\0"[..], question].concat();
        let query = Query::decode(&bytes).unwrap();
        assert_ne!(query.asks, Asks::ADDRESS);
        let answer = Answer {
            asks: query.asks,
            ..answer(None, Rcode::NoError)
        };
        let bytes = answer.encode().unwrap();
        let header = b"\0\x07\x85\0\0\x01\0\0\0\0\0\0";
        assert_eq!(bytes, [&header[..], question].concat());
        assert_eq!(Answer::decode(&bytes), Ok(answer));
    }

    #[test]
    fn an_alias_leads_to_the_address_for_the_shortest_time() {
        let header = b"\0\x07\x81\x80\0\x01\0\x02\0\0\0\0";
        let question = b"\x01a\x07example\0\0\x01\0\x01";
        // a is b for 5 s; b has an address for 60 s.
        let alias = b"\xc0\x0c\0\x05\0\x01\0\0\0\x05\0\x04\x01b\xc0\x0e";
        let address = b"\xc0\x27\0\x01\0\x01\0\0\0\x3c\0\x04\x0a\x09\0\x0b";
        let bytes = [&header[..], question, alias, address].concat();
        let found = Answer::decode(&bytes).unwrap().address;
        assert_eq!(found, Some((Ipv4Addr::new(10, 9, 0, 11), 5)));
    }

    #[test]
    fn records_of_another_name_type_or_class_have_no_address_for_the_question() {
        let header = b"\0\x07\x81\x80\0\x01\0\x01\0\0\0\0";
        let question = b"\x01a\x07example\0\0\x01\0\x01";
        let address = Ipv4Addr::new(10, 9, 0, 11);
        for (record, found) in [
            // A, in letters of another size, class IN.
            (&b"\x01A\x07Example\0\0\x01\0\x01"[..], Some((address, 60))),
            (b"\x01b\xc0\x0e\0\x01\0\x01", None),
            // Class CH.
            (b"\xc0\x0c\0\x01\0\x03", None),
            // NULL: four bytes of anything.
            (b"\xc0\x0c\0\x0a\0\x01", None),
        ] {
            let data = b"\0\0\0\x3c\0\x04\x0a\x09\0\x0b";
            let bytes = [&header[..], question, record, data].concat();
            assert_eq!(Answer::decode(&bytes).unwrap().address, found, "{record:?}");
        }
    }

    #[test]
    fn a_time_whose_first_bit_is_set_is_none() {
        let address = Ipv4Addr::new(10, 9, 0, 11);
        for (ttl, time) in [(TTL_MAX, TTL_MAX), (TTL_MAX + 1, 0), (u32::MAX, 0)] {
            let bytes = answer(Some((address, ttl)), Rcode::NoError).encode();
            let found = Answer::decode(&bytes.unwrap()).unwrap().address;
            assert_eq!(found, Some((address, time)));
        }
    }

    #[test]
    fn names_are_compared_in_small_letters_and_without_the_last_point() {
        assert_eq!(plain_name("MiVB-B.Example."), "mivb-b.example");
        assert_eq!(plain_name("mivb-b.example"), "mivb-b.example");
    }

    #[test]
    fn a_name_that_can_not_be_written_has_no_bytes() {
        for name in ["", ".", "a..b", &"x".repeat(64), &"x.".repeat(200)] {
            let name = name.to_owned();
            let query = Query {
                id: 1,
                recursion: true,
                name,
                asks: Asks::ADDRESS,
            };
            assert_eq!(query.encode(), None);
        }
    }

    #[test]
    fn a_query_is_no_answer_and_the_reverse() {
        let query = Query {
            id: 7,
            recursion: true,
            name: "a".to_owned(),
            asks: Asks::ADDRESS,
        };
        Answer::decode(&query.encode().unwrap()).unwrap_err();
        Query::decode(&answer(None, Rcode::NxDomain).encode().unwrap()).unwrap_err();
    }

    proptest! {
        #[test]
        fn no_bytes_make_decoding_panic(bytes: Vec<u8>) {
            let _ = (Query::decode(&bytes), Answer::decode(&bytes));
        }

        #[test]
        fn damage_to_a_real_answer_does_no_harm(
            damage in prop::collection::vec((0..50_usize, any::<u8>()), 1..6), len in 0..50_usize,
        ) {
            let whole = answer(Some((Ipv4Addr::new(10, 9, 0, 11), 60)), Rcode::NoError);
            let mut bytes = whole.encode().unwrap();
            for (at, value) in damage {
                let at = at % bytes.len();
                bytes[at] = value;
            }
            let _ = (Query::decode(&bytes), Answer::decode(&bytes));
            bytes.truncate(len);
            let _ = (Query::decode(&bytes), Answer::decode(&bytes));
        }
    }

    fn answer(address: Option<(Ipv4Addr, u32)>, rcode: Rcode) -> Answer {
        let name = "a.example".to_owned();
        Answer {
            id: 7,
            recursion: true,
            name,
            asks: Asks::ADDRESS,
            rcode,
            address,
        }
    }
}
