//! The resolver against the server, and against scripted answers.

use super::*;
use crate::app::App;
use crate::dns::server::{DnsServer, ServerConfig};
use crate::outbox::Out;
use crate::wire::dns::TTL_MAX;

const ONE: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 53);
const TWO: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 54);
const SET: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 50);
const ELEMENT: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 11);
const NAME: &str = "mivb-b.example";

#[test]
fn a_name_resolves_and_is_remembered_for_its_time() {
    let mut bench = Bench::new(60, 0);
    assert_eq!(bench.look_for("MiVB-B.example."), Found::Address(ELEMENT));
    assert_eq!(bench.look_for(NAME), Found::Address(ELEMENT));
    assert_eq!(bench.asked, [ONE]);
    bench.server.set_record(NAME, Some(TWO));
    bench.now += Duration::from_secs(59);
    assert_eq!(bench.look_for(NAME), Found::Address(ELEMENT));
    bench.now += Duration::from_secs(1);
    assert_eq!(bench.look_for(NAME), Found::Address(TWO));
    assert_eq!(bench.asked, [ONE, ONE]);
    assert!(bench.bound.is_empty());
}

#[test]
fn a_record_for_no_time_is_asked_for_each_time() {
    let mut bench = Bench::new(0, 0);
    bench.look_for(NAME);
    bench.look_for(NAME);
    assert_eq!(bench.asked.len(), 2);
}

#[test]
fn a_name_that_does_not_exist_ends_the_search_and_is_asked_for_again() {
    let mut bench = Bench::new(60, 0);
    assert_eq!(bench.look_for("nobody.example"), Found::NoSuchName);
    assert_eq!(bench.look_for("nobody.example"), Found::NoSuchName);
    assert_eq!(bench.look_for("not..a.name"), Found::NoSuchName);
    assert_eq!((bench.now, bench.asked.len()), (Instant::ZERO, 2));
}

#[test]
fn silent_servers_are_asked_in_turn_each_second_for_five() {
    let mut bench = Bench::new(60, 0);
    bench.silent = true;
    assert_eq!(bench.look_for(NAME), Found::NoAnswer);
    assert_eq!(bench.asked, [ONE, TWO, ONE, TWO, ONE]);
    assert_eq!(bench.now, Instant::ZERO + PATIENCE);
    assert!(bench.bound.is_empty());
}

#[test]
fn a_late_answer_counts_as_long_as_the_search_runs() {
    for (delay, found) in [
        (2_500, Found::Address(ELEMENT)),
        (4_900, Found::Address(ELEMENT)),
        (5_100, Found::NoAnswer),
    ] {
        assert_eq!(Bench::new(60, delay).look_for(NAME), found, "{delay} ms");
    }
}

#[test]
fn without_a_server_there_is_no_answer() {
    let mut bench = Bench::new(60, 0);
    let found = bench
        .resolver
        .start(bench.now, NAME, &[], &mut Outbox::default());
    assert_eq!(found, Some(Found::NoAnswer));
}

#[test]
fn a_closed_port_or_a_failing_server_has_the_next_one_asked_at_once() {
    for by_refusal in [true, false] {
        let mut bench = Bench::new(60, 0);
        bench.silent = true;
        let (port, id) = bench.start(NAME);
        for _ in 0..3 {
            let mut out = Outbox::default();
            let to = SocketAddrV4::new(*bench.asked.last().unwrap(), PORT);
            let found = if by_refusal {
                bench.resolver.handle_refusal(bench.now, port, to, &mut out)
            } else {
                bench.hears(to, port, &answer(id, NAME, Rcode::Failure, None), &mut out)
            };
            assert_eq!(found, None);
            bench.carry_out(&mut out);
        }
        assert_eq!(bench.asked, [ONE, TWO], "each once");
        assert_eq!(
            bench.resolver.poll_timeout().unwrap().0,
            Instant::ZERO + REPEAT
        );
    }
}

#[test]
fn an_answer_that_is_not_to_this_question_is_ignored() {
    let mut bench = Bench::new(60, 0);
    bench.silent = true;
    let (port, id) = bench.start(NAME);
    let good = answer(id, NAME, Rcode::NoError, Some((ELEMENT, 60)));
    let wrong = [
        (
            ONE,
            PORT,
            port,
            answer(id ^ 1, NAME, Rcode::NoError, Some((TWO, 60))),
        ),
        (
            ONE,
            PORT,
            port,
            answer(id, "other.example", Rcode::NxDomain, None),
        ),
        (ONE, PORT, port, answer_to_another_class(id)),
        (TWO, PORT, port, good.clone()),
        (ONE, 54, port, good.clone()),
        (ONE, PORT, port ^ 1, good.clone()),
        (ONE, PORT, port, vec![1, 2, 3]),
    ];
    for (from, from_port, to_port, payload) in wrong {
        let mut out = Outbox::default();
        let from = SocketAddrV4::new(from, from_port);
        assert_eq!(bench.hears(from, to_port, &payload, &mut out), None);
        assert!(out.is_empty());
    }
    let from = SocketAddrV4::new(ONE, PORT);
    let found = bench.hears(from, port, &good, &mut Outbox::default());
    assert_eq!(found, Some(Found::Address(ELEMENT)));
}

#[test]
fn questions_have_ports_and_numbers_of_their_own() {
    let mut bench = Bench::new(0, 0);
    bench.silent = true;
    let mut drawn: Vec<(u16, u16)> = (0..20).map(|_| bench.start(NAME)).collect();
    drawn.sort();
    drawn.dedup();
    assert_eq!(drawn.len(), 20);
    assert_eq!(bench.bound.len(), 1);
}

#[test]
fn an_answer_repeats_the_question_as_it_was_asked() {
    let mut server = Bench::new(1 << 40, 0).server;
    for (name, recursion) in [(NAME.to_owned(), true), (NAME.to_uppercase(), false)] {
        let query = Query {
            id: 9,
            recursion,
            name: name.clone(),
            asks: Asks::ADDRESS,
        };
        let datagram = Datagram {
            from: SocketAddrV4::new(SET, 20_000),
            to: SocketAddrV4::new(ONE, PORT),
            payload: &query.encode().unwrap(),
        };
        let mut out = Outbox::default();
        server.handle_datagram(Instant::ZERO, &datagram, &mut out);
        let Some(Out::Effect(AppEffect::Send { payload, .. })) = out.drain().next() else {
            panic!("no answer");
        };
        let expected = Answer {
            id: 9,
            recursion,
            name,
            asks: Asks::ADDRESS,
            rcode: Rcode::NoError,
            address: Some((ELEMENT, TTL_MAX)),
        };
        assert_eq!(Answer::decode(&payload), Ok(expected));
    }
}

#[test]
fn no_more_than_sixteen_names_are_remembered() {
    let mut bench = Bench::new(60, 0);
    for n in 0..100 {
        let name = format!("n{n}.example");
        bench.server.set_record(&name, Some(ELEMENT));
        bench.look_for(&name);
    }
    assert_eq!(bench.resolver.remembered.len(), REMEMBERED_MAX);
}

/// A resolver, and a server that is both of its servers.
struct Bench {
    now: Instant,
    resolver: Resolver,
    server: DnsServer,
    silent: bool,
    asked: Vec<Ipv4Addr>,
    bound: Vec<u16>,
    question: (u16, u16),
}

impl Bench {
    fn new(ttl_secs: u64, delay_ms: u64) -> Bench {
        Bench {
            now: Instant::ZERO,
            resolver: Resolver::new(Rng::stream(1, "resolver")),
            server: DnsServer::new(ServerConfig {
                records: BTreeMap::from([(NAME.to_owned(), ELEMENT)]),
                ttl: Duration::from_secs(ttl_secs),
                delay: Duration::from_millis(delay_ms),
            }),
            silent: false,
            asked: Vec::new(),
            bound: Vec::new(),
            question: (0, 0),
        }
    }

    /// Begins a search, whose port and number come back.
    fn start(&mut self, name: &str) -> (u16, u16) {
        let mut out = Outbox::default();
        let found = self.resolver.start(self.now, name, &[ONE, TWO], &mut out);
        assert_eq!(found, None);
        self.carry_out(&mut out);
        self.question
    }

    /// A whole search.
    fn look_for(&mut self, name: &str) -> Found {
        let mut out = Outbox::default();
        let mut found = self.resolver.start(self.now, name, &[ONE, TWO], &mut out);
        loop {
            found = self.carry_out(&mut out).or(found);
            if let Some(found) = found {
                return found;
            }
            let next = [self.resolver.poll_timeout(), self.server.poll_timeout()];
            self.now = next.into_iter().flatten().map(|(at, _)| at).min().unwrap();
            self.server.handle_timeout(self.now, &mut out);
            found = self.carry_out(&mut out);
            if found.is_none() {
                found = self.resolver.handle_timeout(self.now, &mut out);
            }
        }
    }

    fn hears(
        &mut self,
        from: SocketAddrV4,
        port: u16,
        payload: &[u8],
        out: &mut Outbox<AppEffect>,
    ) -> Option<Found> {
        let to = SocketAddrV4::new(SET, port);
        let datagram = Datagram { from, to, payload };
        self.resolver.handle_datagram(self.now, &datagram, out)
    }

    /// Datagrams arrive at once.
    fn carry_out(&mut self, out: &mut Outbox<AppEffect>) -> Option<Found> {
        let mut found = None;
        for effect in out.drain().collect::<Vec<_>>() {
            match effect {
                Out::Effect(AppEffect::Bind { port }) => self.bound.push(port),
                Out::Effect(AppEffect::Unbind { port }) => {
                    self.bound.retain(|bound| *bound != port)
                }
                Out::Effect(AppEffect::Send {
                    from_port: PORT,
                    to,
                    payload,
                    ..
                }) => {
                    let from = SocketAddrV4::new(ONE, PORT);
                    let mut answers = Outbox::default();
                    found = self
                        .hears(from, to.port(), &payload, &mut answers)
                        .or(found);
                    self.carry_out(&mut answers);
                }
                Out::Effect(AppEffect::Send {
                    from_port,
                    to,
                    payload,
                    ..
                }) => {
                    assert!(self.bound.contains(&from_port));
                    self.asked.push(*to.ip());
                    self.question = (from_port, Query::decode(&payload).unwrap().id);
                    if self.silent {
                        continue;
                    }
                    let datagram = Datagram {
                        from: SocketAddrV4::new(SET, from_port),
                        to,
                        payload: &payload,
                    };
                    let mut answers = Outbox::default();
                    self.server
                        .handle_datagram(self.now, &datagram, &mut answers);
                    found = self.carry_out(&mut answers).or(found);
                }
                other @ (Out::Effect(_) | Out::Trace(_)) => panic!("unexpected: {other:?}"),
            }
        }
        found
    }
}

/// That the name does not exist in class CH.
fn answer_to_another_class(id: u16) -> Vec<u8> {
    let mut bytes = answer(id, NAME, Rcode::NxDomain, None);
    *bytes.last_mut().unwrap() = 3;
    bytes
}

fn answer(id: u16, name: &str, rcode: Rcode, address: Option<(Ipv4Addr, u32)>) -> Vec<u8> {
    let name = name.to_owned();
    Answer {
        asks: Asks::ADDRESS,
        id,
        recursion: true,
        name,
        rcode,
        address,
    }
    .encode()
    .unwrap()
}
