//! A toy of a run for tests: one neighbour that answers ARP and ping by frames made by hand.

use std::collections::VecDeque;
use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::sim::{Drive, EdgeId, Halt, Next, Program, ProgramEnd, ProgramId};
use crate::time::{Duration, Instant};
use crate::wire::Frame;

const TOY_MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
pub(super) const TOY_ADDRESS: [u8; 4] = [10, 77, 0, 1];

/// A run with one program at a time behind edge 0 and a neighbour that answers ARP and ping.
#[derive(Default)]
pub(super) struct Toy {
    pub(super) programs: VecDeque<Program>,
    going: bool,
    pub(super) ends: Vec<ProgramEnd>,
    /// Programs that were told to be ready.
    pub(super) ready: Vec<ProgramId>,
    /// What is done to one that is.
    pub(super) halt_when_ready: Option<Halt>,
    halts: VecDeque<(ProgramId, Halt)>,
    outward: VecDeque<(usize, Frame)>,
    /// Wants to be called this often.
    pub(super) tick: Option<Duration>,
    next_tick: Instant,
    /// Counts the sleepers in this namespace each time that a program ends.
    pub(super) look_at: Option<u64>,
    pub(super) seen_at_end: Vec<usize>,
    /// Sends SIGTERM to this process when the first program is started.
    pub(super) signal_at_start: bool,
}

impl Toy {
    pub(super) fn running(commands: &[&[&str]]) -> Toy {
        let numbered = (0..).map(ProgramId).zip(commands);
        let programs = numbered.map(|(id, command)| Program {
            id,
            edge: EdgeId(0),
            command: command.iter().map(|word| (*word).to_owned()).collect(),
            environment: Vec::new(),
            within: Some(Duration::from_secs(30)),
            ready: None,
            files: Vec::new(),
            input: None,
        });
        Toy {
            programs: programs.collect(),
            ..Toy::default()
        }
    }
}

impl Drive for Toy {
    fn advance(&mut self, now: Instant) -> Next {
        if self.programs.is_empty() && !self.going {
            return Next::Finished;
        }
        let Some(tick) = self.tick else {
            return Next::Outside;
        };
        while self.next_tick <= now {
            self.next_tick += tick;
        }
        Next::At(self.next_tick)
    }

    fn frame_in(&mut self, _now: Instant, edge: EdgeId, frame: &Frame) {
        if let Some(answer) = answer(frame) {
            self.outward.push_back((edge.0, answer));
        }
    }

    fn frame_out(&mut self, edge: EdgeId) -> Option<Frame> {
        self.outward
            .pop_front_if(|(to, _)| *to == edge.0)
            .map(|(_, frame)| frame)
    }

    fn program(&mut self) -> Option<Program> {
        if self.going {
            return None;
        }
        let program = self.programs.pop_front()?;
        self.going = true;
        if self.signal_at_start {
            let this = rustix::process::getpid();
            rustix::process::kill_process(this, rustix::process::Signal::TERM).unwrap();
        }
        Some(program)
    }

    fn halt(&mut self) -> Option<(ProgramId, Halt)> {
        self.halts.pop_front()
    }

    fn program_ready(&mut self, _now: Instant, program: ProgramId) {
        self.ready.push(program);
        self.halts
            .extend(self.halt_when_ready.map(|halt| (program, halt)));
    }

    fn program_ended(&mut self, _now: Instant, _program: ProgramId, end: ProgramEnd) {
        self.going = false;
        self.ends.push(end);
        if let Some(inode) = self.look_at {
            self.seen_at_end.push(sleepers_in(inode));
        }
    }
}

/// The neighbour's answer to an ARP request for it or a ping of it.
fn answer(frame: &[u8]) -> Option<Frame> {
    let mut answer = frame.to_vec();
    match frame.get(12..14)? {
        [0x08, 0x06] if frame.get(20..22)? == [0, 1] && frame.get(38..42)? == TOY_ADDRESS => {
            answer[21] = 2; // reply
            answer.copy_within(22..32, 32); // the asker becomes the target
            answer[22..28].copy_from_slice(&TOY_MAC);
            answer[28..32].copy_from_slice(&TOY_ADDRESS);
        }
        [0x08, 0x00] if frame.get(23)? == &1 && frame.get(34)? == &8 => {
            answer.copy_within(26..30, 30); // the asker becomes the destination
            answer[26..30].copy_from_slice(&TOY_ADDRESS);
            answer[34] = 0; // echo reply
            // RFC 1624: the type fell by 0x0800, so the complement of the sum rises by as much.
            let sum = u32::from(u16::from_be_bytes([frame[36], frame[37]])) + 0x0800;
            let folded = ((sum & 0xffff) + (sum >> 16)) as u16;
            answer[36..38].copy_from_slice(&folded.to_be_bytes());
        }
        _ => return None,
    }
    answer.copy_within(6..12, 0);
    answer[6..12].copy_from_slice(&TOY_MAC);
    Some(answer.into())
}

/// The command lines of the processes in a network namespace.
pub(super) fn processes_in(inode: u64) -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap();
    let inside = processes.filter_map(|entry| {
        let path = entry.unwrap().path();
        let namespace = fs::metadata(path.join("ns/net")).ok()?;
        let command = fs::read_to_string(path.join("cmdline")).ok()?;
        (namespace.ino() == inode).then_some(command)
    });
    inside.collect()
}

pub(super) fn sleepers_in(inode: u64) -> usize {
    let commands = processes_in(inode);
    commands
        .iter()
        .filter(|command| command.starts_with("sleep"))
        .count()
}
