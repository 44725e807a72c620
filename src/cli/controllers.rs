//! `--controller` and `--driver`: programs in the place of elements (docs/controller-under-test.md).
//!
//! A command is one text. It is split into words as a shell does it, and no shell stands between: quotes and
//! backslashes keep a word together, nothing else is special. What stands in braces is put in afterwards, so a
//! path with a space in it stays one word.

use std::str::FromStr;

use clap::Args;

use crate::os::FOLDER;
use crate::scenario::plan::{Driver, Element, HostProgram, Outside, Plan, Ready};
use crate::scenario::{FORMS_FILE, misspelt_placeholder, read_duration};
use crate::time::Duration;
use crate::wire::reg;

/// Programs in the place of elements.
#[derive(Debug, Clone, Args)]
pub(super) struct ControllerArgs {
    /// A program in the place of an element, or of every element that none is named for: `[ELEMENT=]COMMAND`. In the
    /// command stand {forms}, {listen}, {address}, {name}, {folder} and {scenario}. Can be given more than once.
    #[arg(long, value_name = "[ELEMENT=]COMMAND")]
    pub(super) controller: Vec<Assigned>,
    /// The command that carries an administrator's operations to such a program, likewise.
    #[arg(long, value_name = "[ELEMENT=]COMMAND", requires = "controller")]
    pub(super) driver: Vec<Assigned>,
    /// How long a controller may take to be ready: until its port 6800 is open.
    #[arg(long, value_name = "TIME", default_value = "20 s", value_parser = read_duration)]
    pub(super) ready_within: Duration,
    /// How long a driver may take for one operation.
    #[arg(long, value_name = "TIME", default_value = "10 s", value_parser = read_duration)]
    pub(super) driver_within: Duration,
}

/// A command, and the element that it is for; `None`: every one that none is named for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Assigned {
    element: Option<String>,
    words: Vec<String>,
}

impl ControllerArgs {
    /// Whether there is any.
    pub(super) fn is_empty(&self) -> bool {
        self.controller.is_empty()
    }

    /// Puts the programs in the place of the plan's elements. `{scenario}` is left to
    /// [`super::live::place_commands`].
    ///
    /// # Errors
    /// An element is named that the plan does not have, or twice; or one has a driver and no controller, or a fault
    /// that the scenario stages.
    pub(super) fn replace(&self, plan: &mut Plan) -> Result<(), String> {
        for (option, all) in [("controller", &self.controller), ("driver", &self.driver)] {
            check(option, all, plan)?;
        }
        for element in &mut plan.elements {
            let Some(words) = find(&self.controller, &element.name) else {
                if find_named(&self.driver, &element.name).is_some() {
                    return Err(format!("{} has a driver and no controller", element.name));
                }
                continue;
            };
            // A fault that the scenario stages is the reference controller's.
            if let Some(fault) = element.fault {
                if find_named(&self.controller, &element.name).is_some() {
                    let name = &element.name;
                    return Err(format!("the scenario needs {name} with the fault {fault}"));
                }
                continue;
            }
            let driver = find(&self.driver, &element.name).map(|words| Driver {
                command: filled_in(words, element),
                within: self.driver_within,
            });
            let outside = Outside {
                program: HostProgram {
                    command: filled_in(words, element),
                    environment: Vec::new(),
                    ready: Some(Ready::Port(reg::PORT)),
                },
                ready_within: self.ready_within,
                driver,
            };
            element.outside = Some(outside);
        }
        Ok(())
    }

    /// Why no element is a program, although there is a command for them; `None` if one is, or there is no command.
    pub(super) fn unused(&self, plan: &Plan) -> Option<&'static str> {
        let is_used = plan
            .elements
            .iter()
            .any(|element| element.outside.is_some());
        match (self.is_empty() || is_used, plan.elements.is_empty()) {
            (true, _) => None,
            (false, true) => Some("it has no element, which a program could be"),
            (false, false) => {
                Some("no element can be a program: the scenario needs each with its fault")
            }
        }
    }
}

/// Whether each command is for an element that there is, and for another one than the others.
fn check(option: &str, all: &[Assigned], plan: &Plan) -> Result<(), String> {
    for (n, assigned) in all.iter().enumerate() {
        if all[..n].iter().any(|it| it.element == assigned.element) {
            let whose = assigned.element.as_deref().unwrap_or("every element");
            return Err(format!("--{option} for {whose} is given twice"));
        }
        let Some(name) = &assigned.element else {
            continue;
        };
        if !plan.elements.iter().any(|element| element.name == *name) {
            let all = plan.elements.iter().map(|element| element.name.as_str());
            let known: Vec<&str> = all.collect();
            let known = known.join(", ");
            return Err(format!(
                "--{option} is for {name}, which is no element; there are: {known}"
            ));
        }
    }
    Ok(())
}

/// The command for an element: its own, or that of all.
fn find<'a>(all: &'a [Assigned], name: &str) -> Option<&'a [String]> {
    let of_all = || all.iter().find(|it| it.element.is_none());
    let found = find_named(all, name).or_else(of_all)?;
    Some(&found.words)
}

fn find_named<'a>(all: &'a [Assigned], name: &str) -> Option<&'a Assigned> {
    all.iter()
        .find(|it| it.element.as_deref().is_some_and(|it| it == name))
}

/// What stands in braces in a command: [`filled_in`] puts all but the last in, `{scenario}` is left to
/// [`super::live::place_commands`].
const PLACEHOLDERS: &[&str] = &["forms", "folder", "listen", "address", "name", "scenario"];

/// The words of a command for this element.
fn filled_in(words: &[String], element: &Element) -> Vec<String> {
    let address = element.address.to_string();
    let places = [
        ("{forms}", format!("{FOLDER}/{FORMS_FILE}")),
        ("{folder}", FOLDER.to_owned()),
        ("{listen}", format!("{address}:{}", reg::PORT)),
        ("{address}", address),
        ("{name}", element.name.clone()),
    ];
    let fill = |word: &String| {
        let places = places.iter();
        places.fold(word.clone(), |word, (place, value)| {
            word.replace(place, value)
        })
    };
    words.iter().map(fill).collect()
}

impl FromStr for Assigned {
    type Err = String;

    /// `mivb-a=./controller {forms}`, or without a name.
    fn from_str(text: &str) -> Result<Assigned, String> {
        let is_name = |text: &str| {
            text.chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
        };
        let (element, command) = match text.split_once('=') {
            Some((name, command)) if is_name(name) => (Some(name.to_owned()), command),
            Some(_) | None => (None, text),
        };
        let words = words(command)?;
        if words.is_empty() || element.as_deref() == Some("") {
            return Err("there is no command".to_owned());
        }
        let mut misspelt = words
            .iter()
            .map(|word| misspelt_placeholder(word, PLACEHOLDERS));
        if let Some((wrong, meant)) = misspelt.find_map(|it| it) {
            return Err(format!(
                "`{{{wrong}}}` is no placeholder; did you mean `{{{meant}}}`?"
            ));
        }
        Ok(Assigned { element, words })
    }
}

/// The words of a command, as a POSIX shell splits and unquotes them.
fn words(text: &str) -> Result<Vec<String>, String> {
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\n' => words.extend(word.take()),
            '\'' => quoted(&mut chars, '\'', word.get_or_insert_default())?,
            '"' => quoted(&mut chars, '"', word.get_or_insert_default())?,
            '\\' => {
                let next = chars.next().ok_or("a backslash is the last character")?;
                word.get_or_insert_default().push(next);
            }
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

/// The rest of a quoted text, to the quote that ends it.
fn quoted(chars: &mut std::str::Chars<'_>, quote: char, word: &mut String) -> Result<(), String> {
    while let Some(c) = chars.next() {
        match c {
            c if c == quote => return Ok(()),
            // In double quotes a backslash is for these alone (POSIX.1 XCU section 2.2.3).
            '\\' if quote == '"' => match chars.next() {
                Some(c @ ('"' | '\\' | '$' | '`')) => word.push(c),
                Some(c) => word.extend(['\\', c]),
                None => break,
            },
            c => word.push(c),
        }
    }
    Err(format!("the quote {quote} has no end"))
}

#[cfg(test)]
mod tests {
    use super::super::faults;
    use super::*;
    use crate::scenario;

    const SCENARIO: &str = r#"
scenario = "Two elements"

[[subnet]]
name = "servers"
prefix = "10.9.0.0/24"
gateway = "none"

[[element]]
name = "mivb-a"
address = "10.9.0.10"
ceid = { index = 1, digits = "1" }

[[element]]
name = "mivb-b"
address = "10.9.0.11"
ceid = { index = 2, digits = "2" }
"#;

    #[test]
    fn the_command_of_an_element_comes_before_that_of_all() {
        let args = args(
            &["mivb-b=b {listen}", "all --forms {forms} {name}"],
            &["drive"],
        );
        let mut plan = scenario::read(SCENARIO).unwrap();
        args.replace(&mut plan).unwrap();
        let outside = |n: usize| plan.elements[n].outside.clone().unwrap();
        assert_eq!(
            outside(0).program.command,
            ["all", "--forms", "/dev/shm/forms.json", "mivb-a"]
        );
        assert_eq!(outside(1).program.command, ["b", "10.9.0.11:6800"]);
        assert_eq!(outside(1).driver.unwrap().command, ["drive"]);
    }

    #[test]
    fn a_command_for_one_element_leaves_the_others_alone() {
        let mut plan = scenario::read(SCENARIO).unwrap();
        args(&["mivb-a=c"], &[]).replace(&mut plan).unwrap();
        assert!(plan.elements[0].outside.is_some());
        assert_eq!(plan.elements[1].outside, None);
    }

    #[test]
    fn what_is_for_no_element_is_refused() {
        for (controllers, drivers, why) in [
            (
                &["mivb-c=c"][..],
                &[][..],
                "--controller is for mivb-c, which is no element; there are: mivb-a, mivb-b",
            ),
            (
                &["c", "d"],
                &[],
                "--controller for every element is given twice",
            ),
            (
                &["mivb-a=c"],
                &["mivb-b=d"],
                "mivb-b has a driver and no controller",
            ),
        ] {
            let mut plan = scenario::read(SCENARIO).unwrap();
            let refused = args(controllers, drivers).replace(&mut plan).unwrap_err();
            assert_eq!(refused, why);
        }
    }

    #[test]
    fn a_fault_of_an_element_that_is_a_program_is_refused() {
        for (fault, controller) in [
            ("saves-no-pin", "mivb-b=c"),
            ("mivb-b=saves-no-pin", "c"),
            ("mivb-b=saves-no-pin", "mivb-b=c"),
        ] {
            let mut plan = scenario::read(SCENARIO).unwrap();
            args(&[controller], &[]).replace(&mut plan).unwrap();
            let refused = faults::place(&mut plan, &[fault.to_owned()]).unwrap_err();
            assert!(
                refused.ends_with("is a program: give the fault to the program"),
                "{refused}"
            );
        }
        let mut plan = scenario::read(SCENARIO).unwrap();
        args(&["mivb-b=c"], &[]).replace(&mut plan).unwrap();
        assert_eq!(
            faults::place(&mut plan, &["mivb-a=saves-no-pin".to_owned()]),
            Ok(())
        );
    }

    #[test]
    fn a_scenario_whose_elements_all_have_faults_leaves_nothing_to_a_program() {
        let one = SCENARIO.replace(
            "index = 1, digits = \"1\" }",
            "index = 1, digits = \"1\" }\nfault = \"half-closes\"",
        );
        let all = one.replace(
            "index = 2, digits = \"2\" }",
            "index = 2, digits = \"2\" }\nfault = \"half-closes\"",
        );
        for (text, why) in [
            (SCENARIO, None),
            (&one, None),
            (
                &all,
                Some("no element can be a program: the scenario needs each with its fault"),
            ),
            (
                "scenario = \"Nobody\"",
                Some("it has no element, which a program could be"),
            ),
        ] {
            let mut plan = scenario::read(text).unwrap();
            let args = args(&["c"], &[]);
            args.replace(&mut plan).unwrap();
            assert_eq!(args.unused(&plan), why, "{text}");
        }
    }

    #[test]
    fn a_command_is_split_into_words_as_a_shell_does_it() {
        let split = |text: &str| words(text).unwrap();
        assert_eq!(split("  a  b\tc "), ["a", "b", "c"]);
        assert_eq!(
            split(r#"'a b' "c \"d\" \n" e\ f"#),
            ["a b", r#"c "d" \n"#, "e f"]
        );
        assert_eq!(split(r#"a'b'"c" ''"#), ["abc", ""]);
        assert!(words("'a").is_err() && words("\"a").is_err() && words("a\\").is_err());
        let command: Assigned = "env A=b c".parse().unwrap();
        assert_eq!((command.element, command.words.len()), (None, 3));
        assert!("mivb-a=".parse::<Assigned>().is_err());
    }

    #[test]
    fn a_misspelt_placeholder_is_refused_and_braces_of_a_shell_are_not() {
        let refused = "mivb-a=c --forms {form}".parse::<Assigned>().unwrap_err();
        assert_eq!(
            refused,
            "`{form}` is no placeholder; did you mean `{forms}`?"
        );
        for command in ["sh -c 'c ${form}'", "c '{\"form\": 1}' {forms} {scenario}"] {
            assert!(command.parse::<Assigned>().is_ok(), "{command}");
        }
    }

    fn args(controllers: &[&str], drivers: &[&str]) -> ControllerArgs {
        let all = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        ControllerArgs {
            controller: all(controllers),
            driver: all(drivers),
            ready_within: Duration::from_secs(20),
            driver_within: Duration::from_secs(10),
        }
    }
}
