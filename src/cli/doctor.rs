//! `jackfield doctor`: what this machine has of what live runs need, and how to get the rest.

use super::exit::Exit;
use super::print;
use crate::os::{Health, examine};

pub(super) fn doctor() -> Exit {
    let mut exit = Exit::Passed;
    for finding in examine() {
        let (mark, text) = match &finding.state {
            Health::Fine(text) => ("fine   ", text),
            Health::Note(text) => ("note   ", text),
            Health::Missing(text) => {
                exit = Exit::MachineRefused;
                ("MISSING", text)
            }
        };
        let between = if finding.what == "interface" {
            " "
        } else {
            ": "
        };
        print(&format!("{mark}  {}{between}{text}\n", finding.what));
    }
    print(if exit == Exit::Passed {
        "\nlive runs work on this machine\n"
    } else {
        "\nlive runs with kernel hosts do not work on this machine yet\n"
    });
    exit
}
