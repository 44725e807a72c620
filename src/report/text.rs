//! The report for a person: a timeline as it happens, then what came of it.
//!
//! ```text
//! ── move anna to branch
//!   12.004512  anna       cable out
//!   12.004512  anna       ▏Waiting for LAN link▕ ▏to come up▕
//!   ✓ within 90s: anna shows `Waiting for Link` (frame 812)
//! ```

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::words::{Line, line};
use super::{Remarks, rules};
use crate::outbox::TraceEvent;
use crate::scenario::plan::{Plan, Step, StepKind};
use crate::scenario::{Listener, Outcome, ProgramView, Verdict, Violation};
use crate::time::Instant;

/// How a report looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// ANSI colours: on a terminal only.
    pub colour: bool,
    /// Details too: neighbours, leases, dropped frames.
    pub verbose: bool,
}

const RED: &str = "31";
const GREEN: &str = "32";
const YELLOW: &str = "33";
const CYAN: &str = "36";
const BOLD: &str = "1";
const DIM: &str = "2";

/// Writes the timeline of a run.
#[derive(Debug)]
pub struct TextReport<W> {
    out: W,
    style: Style,
    /// MACs and addresses of the plan, and who has them.
    names: BTreeMap<String, String>,
    name_width: usize,
    /// The scenario is a file that the user has: its lines and its seed tell something.
    has_file: bool,
    /// Frames have numbers that can be looked up.
    has_capture: bool,
}

impl Style {
    fn paint(self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

impl<W: Write> TextReport<W> {
    /// A report to `out`; what can't be written is lost silently, as on a closed pipe.
    pub fn new(plan: &Plan, style: Style, out: W) -> TextReport<W> {
        let phones = plan.phones.iter().map(|phone| &phone.name);
        let elements = plan.elements.iter().map(|element| &element.name);
        let routers = plan.routers.iter().map(|router| &router.name);
        let hosts = plan.hosts.iter().map(|host| &host.name);
        let all = phones.chain(elements).chain(routers).chain(hosts);
        let widest = all.map(|name| name.chars().count()).max();
        let macs = plan.phones.iter();
        let macs = macs.map(|phone| (phone.mac.to_string(), phone.name.clone()));
        let addresses = plan.elements.iter();
        let addresses = addresses.map(|e| (e.address.to_string(), e.name.clone()));
        TextReport {
            out,
            style,
            names: macs.chain(addresses).collect(),
            name_width: widest.unwrap_or(0).clamp(6, 16),
            has_file: true,
            has_capture: true,
        }
    }

    /// The same of a plan that is from no file of the user's; it names frames only if there is a capture.
    #[must_use]
    pub fn without_file(mut self, has_capture: bool) -> TextReport<W> {
        self.has_file = false;
        self.has_capture = has_capture;
        self
    }

    /// Writes the head of the report.
    pub fn begin(&mut self, plan: &Plan, clock: &str) {
        let title = self.style.paint(BOLD, &plan.title);
        let mut about = Vec::new();
        if !plan.shows.is_empty() {
            about.push(plan.shows.join(" "));
        }
        if self.has_file {
            about.push(format!("seed {}", plan.seed));
        }
        about.push(clock.to_owned());
        let faulty = plan.elements.iter();
        about.extend(faulty.filter_map(|it| Some(format!("{} {}", it.name, it.fault?))));
        self.write(&format!("{title}\n{}\n", about.join(" · ")));
    }

    fn write(&mut self, text: &str) {
        // A reader that has gone away, such as `head`, is no reason to end the run.
        let _ = self.out.write_all(text.as_bytes());
    }

    fn entry(&mut self, now: Instant, who: &str, text: &str) {
        let time = self.style.paint(DIM, &format!("{:>12}", now.to_string()));
        let width = self.name_width;
        let who = self.style.paint(CYAN, &format!("{who:<width$}"));
        self.write(&format!("{time}  {who}  {text}\n"));
    }

    fn verdict_line(&self, verdict: &Verdict) -> String {
        let style = self.style;
        let proof = frames_named(verdict).filter(|_| self.has_capture);
        let proof = proof.map(|frames| style.paint(DIM, &frames));
        let sentence = format!("{}: {}", verdict.when, verdict.expected);
        if verdict.passed {
            let mark = style.paint(GREEN, "✓");
            let proof = proof.unwrap_or_default();
            return format!("  {mark} {sentence}  {proof}\n");
        }
        let mark = style.paint(RED, "✗");
        let mut text = format!("  {mark} {sentence}\n      found: {}", verdict.found);
        let _ = write!(text, ", at {} s", verdict.at);
        if let Some(proof) = proof {
            let _ = write!(text, ", {proof}");
        }
        if self.has_file {
            let _ = write!(text, " (line {})", verdict.line);
        }
        text.push('\n');
        text
    }

    /// Puts the name beside each MAC and address of the scenario.
    fn named(&self, text: &str) -> String {
        let mut named = String::with_capacity(text.len());
        for (n, word) in text.split(' ').enumerate() {
            if n > 0 {
                named.push(' ');
            }
            let bare = word.trim_end_matches([',', ':', ';', ')']);
            match self.names.get(bare) {
                Some(name) => {
                    let _ = write!(named, "{name} ({bare}){}", &word[bare.len()..]);
                }
                None => named.push_str(word),
            }
        }
        named
    }
}

impl<W: Write> Remarks for TextReport<W> {
    fn remark(&mut self, now: Instant, who: &str, line: Line) {
        match line {
            Line::Says(text) => {
                let text = self.named(&text);
                self.entry(now, who, &text);
            }
            Line::Display(upper, lower) => {
                let lines = [upper, lower].map(|line| match line.is_empty() {
                    true => String::new(),
                    false => format!("▏{line}▕"),
                });
                let text = match lines.concat().is_empty() {
                    true => "(display dark)".to_owned(),
                    false => lines.join(" "),
                };
                let text = self.style.paint(BOLD, text.trim_end());
                self.entry(now, who, &text);
            }
            Line::Trouble(text) => {
                let text = self.style.paint(YELLOW, &self.named(&text));
                self.entry(now, who, &text);
            }
            Line::Detail(text) if self.style.verbose => {
                let text = self.style.paint(DIM, &self.named(&text));
                self.entry(now, who, &text);
            }
            Line::Detail(_) => {}
        }
    }
}

impl<W: Write> Listener for TextReport<W> {
    fn event(&mut self, now: Instant, who: &str, event: &TraceEvent) {
        self.remark(now, who, line(event));
    }

    fn step(&mut self, _now: Instant, plan: &Plan, step: &Step) {
        let mut lines = Vec::new();
        if let StepKind::Act(_) = step.kind {
            lines.push(format!("── {}", step.kind.describe(plan)));
        }
        lines.extend(step.note.iter().map(|note| format!("   {note}")));
        if !lines.is_empty() {
            let text = self.style.paint(BOLD, &lines.join("\n"));
            self.write(&format!("\n{text}\n"));
        }
    }

    fn verdict(&mut self, verdict: &Verdict) {
        let text = self.verdict_line(verdict);
        self.write(&text);
    }
}

/// What came of a run, in a few lines. `file` is the scenario, `capture` where the frames are.
pub fn summary(
    plan: &Plan,
    outcome: &Outcome,
    file: &str,
    capture: Option<&str>,
    style: Style,
) -> String {
    let mut text = format!("\n{}", phone_lines(plan, outcome));
    if !outcome.drops.is_empty() {
        let drops = outcome.drops.iter();
        let drops: Vec<String> = drops.map(|(reason, n)| format!("{n} {reason}")).collect();
        let _ = writeln!(text, "not delivered: {}", drops.join(", "));
    }
    let failed: Vec<&Verdict> = outcome.verdicts.iter().filter(|v| !v.passed).collect();
    for verdict in &failed {
        text.push_str(&failure(verdict, file, capture, style));
    }
    if let Some(stopped) = &outcome.stopped {
        let stop = style.paint(RED, "stopped");
        let _ = writeln!(text, "{stop} {file}:{}: {}", stopped.line, stopped.reason);
    }
    if let Some(reason) = &outcome.skipped {
        let mark = style.paint(YELLOW, "skipped");
        let _ = writeln!(text, "{mark} {file}: {reason}");
        return text;
    }
    if !outcome.passed() {
        text.extend(outcome.programs.iter().map(program_lines));
    }
    if let Some(violation) = &outcome.violation {
        text.push_str(&broken_rule(plan, violation, file, style));
    }
    text.push_str(&rules_at_stake(plan, outcome));
    let passed = outcome.verdicts.len() - failed.len();
    let mark = match (outcome.passed(), &outcome.stopped) {
        (true, _) => style.paint(GREEN, "passed"),
        // Under a mix of faults expectations decide nothing.
        (false, None) if outcome.withstood() => style.paint(YELLOW, "not judged"),
        (false, Some(_)) => style.paint(RED, "stopped"),
        (false, None) => style.paint(RED, "FAILED"),
    };
    // "FAILED: 6 of 14 expectations" would read as if 6 had failed.
    let met = if outcome.passed() { "" } else { " met" };
    let _ = write!(
        text,
        "{mark}: {passed} of {} expectations{met}, {} s, {} frames",
        plan.expectations(),
        outcome.ended,
        outcome.frames
    );
    if let Some(capture) = capture {
        let _ = write!(text, " in {capture}");
    }
    text.push('\n');
    text
}

/// How each phone is at the end.
fn phone_lines(plan: &Plan, outcome: &Outcome) -> String {
    let mut text = String::new();
    for (phone, view) in plan.phones.iter().zip(&outcome.phones).take(PHONES_SHOWN) {
        let registered = match &view.registered {
            Some((dn, element)) => format!("DN {dn} at {}", element_name(plan, *element)),
            None => "not in service".to_owned(),
        };
        let display = match view.display.to_string() {
            blank if blank.is_empty() => "(dark)".to_owned(),
            shown => shown,
        };
        let _ = writeln!(text, "{:<16}  {registered:<24}  {display}", phone.name);
    }
    match plan.phones.len().saturating_sub(PHONES_SHOWN) {
        0 => {}
        1 => text.push_str("and 1 more phone\n"),
        more => {
            let _ = writeln!(text, "and {more} more phones");
        }
    }
    text
}

/// An expectation that failed: what, where it is written, what was found instead, and how to look at it.
fn failure(verdict: &Verdict, file: &str, capture: Option<&str>, style: Style) -> String {
    let mark = style.paint(RED, "failed");
    let mut text = format!("{mark} {file}:{}\n", verdict.line);
    let _ = writeln!(text, "  expected  {}: {}", verdict.when, verdict.expected);
    let _ = writeln!(text, "  found     {}", verdict.found);
    let _ = writeln!(text, "  at        {} s, {}", verdict.at, proof(verdict));
    if let Some(told) = &verdict.told {
        let _ = writeln!(text, "  told      by {told}");
    }
    if let Some(capture) = capture {
        let script = format!("lua_script:{}", dissector_of(Path::new(capture)).display());
        let (script, file) = (shell_word(&script), shell_word(capture));
        let filter = shell_word(&display_filter(verdict));
        let _ = writeln!(
            text,
            "  see       tshark -X {script} {TSHARK_OPTIONS} -r {file} -Y {filter}"
        );
    }
    text
}

/// The frames that a failure stands on.
fn proof(verdict: &Verdict) -> String {
    match (&verdict.filter, frames_named(verdict)) {
        (_, None) => "no frame".to_owned(),
        (Some(_), Some(frames)) => frames,
        (None, Some(frames)) => format!("after {frames}"),
    }
}

/// `frame 3`, `frames 3 4`; `None` where there are none.
fn frames_named(verdict: &Verdict) -> Option<String> {
    let frames: Vec<String> = verdict.frames.iter().map(u64::to_string).collect();
    match frames.as_slice() {
        [] => None,
        [one] => Some(format!("frame {one}")),
        all => Some(format!("frames {}", all.join(" "))),
    }
}

/// Which rules a failure is about, and what they say.
fn rules_at_stake(plan: &Plan, outcome: &Outcome) -> String {
    let rules = rules::at_stake(plan, outcome);
    let mut text = match (rules.is_empty(), &outcome.violation) {
        (true, _) => return String::new(),
        (false, Some(_)) => "every run is held to\n".to_owned(),
        (false, None) => "this scenario shows\n".to_owned(),
    };
    for rule in rules {
        let _ = writeln!(text, "  {rule:<6} {}", rules::says(rule));
    }
    text
}

/// The rule that the oracle saw broken, and what led to it.
fn broken_rule(plan: &Plan, violation: &Violation, file: &str, style: Style) -> String {
    let mark = style.paint(RED, "broken");
    let who = violation.set.map(|set| plan.phones[set.0].name.as_str());
    let who = who.map_or(String::new(), |who| format!("{who} "));
    let mut text = format!(
        "{mark} {file}: {}, at {} s: {who}{}\n",
        violation.rule, violation.at, violation.what
    );
    let skipped = violation.evidence.len().saturating_sub(EVIDENCE_SHOWN);
    if skipped > 0 {
        let _ = writeln!(text, "  after {skipped} earlier events:");
    }
    for evidence in &violation.evidence[skipped..] {
        let line = line(&evidence.event).into_text();
        let _ = writeln!(text, "  {:>12}  {line}", evidence.at.to_string());
    }
    text
}

/// The frames that a verdict is about: those that it counted, or the last ones before it.
fn display_filter(verdict: &Verdict) -> String {
    match (&verdict.filter, verdict.after) {
        (Some(filter), 0) => filter.clone(),
        (Some(filter), after) => format!("frame.number > {after} && {filter}"),
        (None, _) => {
            let last = verdict.frames.last().copied().unwrap_or(0);
            let first = last.saturating_sub(FRAMES_SHOWN);
            format!("frame.number > {first} && frame.number <= {last}")
        }
    }
}

/// A word as a shell reads it back.
pub fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// Wireshark's script for what it does not know: the protocols of this project, and option 125.
pub const DISSECTOR: &str = include_str!("../../scripts/jackfield.lua");

/// Where that script has to be for the command that shows what failed: beside the capture.
pub fn dissector_of(capture: &Path) -> PathBuf {
    capture.with_file_name("jackfield.lua")
}

/// What tshark needs, besides the script, to count what was counted here: TCP's payload read in each copy of a segment,
/// one a link that it crosses, which tshark else takes for retransmissions.
const TSHARK_OPTIONS: &str = "-o tcp.analyze_sequence_numbers:FALSE";
/// Lines of a program's output that a summary shows.
const LINES_SHOWN: usize = 20;
/// Characters of such a line.
const LINE_CHARS_SHOWN: usize = 200;

/// What a host's program did last, and the end of its output.
fn program_lines(program: &ProgramView) -> String {
    let mut text = format!("the program of {}: {}\n", program.host, program.found);
    let skipped = program.output.lines().count().saturating_sub(LINES_SHOWN);
    for line in program.output.lines().skip(skipped) {
        let shown: String = line.chars().take(LINE_CHARS_SHOWN).collect();
        let _ = writeln!(text, "  | {shown}");
    }
    if let Some(log) = &program.log {
        let _ = writeln!(text, "  log: {log}");
    }
    text
}

/// How many frames before a failure are shown where it is not about frames.
const FRAMES_SHOWN: u64 = 20;
/// Events that are shown as what led to a broken rule.
const EVIDENCE_SHOWN: usize = 20;
/// Phones whose last display a summary shows.
const PHONES_SHOWN: usize = 12;

fn element_name(plan: &Plan, address: std::net::Ipv4Addr) -> String {
    let element = plan.elements.iter().find(|e| e.address == address);
    element.map_or_else(|| address.to_string(), |element| element.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frames_that_are_shown_are_those_that_were_counted_or_came_last() {
        let counted = Verdict {
            filter: Some("dhcp".to_owned()),
            ..verdict(vec![30, 31])
        };
        assert_eq!(display_filter(&counted), "dhcp");
        let later = Verdict {
            after: 25,
            ..counted
        };
        assert_eq!(display_filter(&later), "frame.number > 25 && dhcp");
        let of_a_set = display_filter(&verdict(vec![46]));
        assert_eq!(of_a_set, "frame.number > 26 && frame.number <= 46");
        let early = display_filter(&verdict(vec![3]));
        assert_eq!(early, "frame.number > 0 && frame.number <= 3");
    }

    #[test]
    fn a_shell_reads_back_every_word() {
        assert_eq!(shell_word("captures/a.pcapng"), "captures/a.pcapng");
        assert_eq!(shell_word("a b.pcapng"), "'a b.pcapng'");
        assert_eq!(shell_word("contains \"it's\""), r#"'contains "it'\''s"'"#);
        assert_eq!(shell_word(""), "''");
    }

    #[test]
    fn a_failure_names_its_frames_where_there_are_some() {
        let report = TextReport {
            out: Vec::new(),
            style: Style {
                colour: false,
                verbose: false,
            },
            names: BTreeMap::new(),
            name_width: 6,
            has_file: true,
            has_capture: true,
        };
        let failed = |frames| Verdict {
            filter: Some("dhcp".to_owned()),
            found: "0 frames".to_owned(),
            ..verdict(frames)
        };
        let said = report.verdict_line(&failed(vec![]));
        let place = "      found: 0 frames, at 0.000000 s";
        assert!(said.ends_with(&format!("{place} (line 1)\n")), "{said}");
        let said = report.verdict_line(&failed(vec![7]));
        let end = format!("{place}, frame 7 (line 1)\n");
        assert!(said.ends_with(&end), "{said}");
        let report = report.without_file(true);
        let said = report.verdict_line(&failed(vec![7]));
        assert!(said.ends_with(&format!("{place}, frame 7\n")), "{said}");
        let report = report.without_file(false);
        let said = report.verdict_line(&failed(vec![7]));
        assert!(said.ends_with(&format!("{place}\n")), "{said}");
    }

    fn verdict(frames: Vec<u64>) -> Verdict {
        Verdict {
            line: 1,
            passed: false,
            expected: String::new(),
            when: String::new(),
            found: String::new(),
            told: None,
            at: Instant::ZERO,
            frames,
            after: 0,
            filter: None,
        }
    }
}
