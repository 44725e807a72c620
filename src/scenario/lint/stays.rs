//! Which sets are ever plugged in where: at first, or moved there by a step.

use std::collections::BTreeMap;

use crate::scenario::file::{self, File};
use crate::scenario::plan::{Action, PhoneId, Plan, StepKind, SubnetId};
use crate::scenario::problem::Span;

/// The sets of one `[[phone]]` table in one subnet.
#[derive(Debug)]
pub(super) struct Stay {
    pub(super) subnet: SubnetId,
    /// Index of the table in the file.
    pub(super) table: usize,
    /// Where the file says so.
    pub(super) span: Span,
    /// They come by a step.
    pub(super) moved: bool,
}

/// All of them, by subnet and table.
#[derive(Debug)]
pub(super) struct Stays {
    /// Index in the plan of each table's first set.
    firsts: Vec<usize>,
    stays: Vec<Stay>,
}

impl Stays {
    pub(super) fn of(plan: &Plan, file: &File) -> Stays {
        let mut firsts = Vec::new();
        let mut next = 0;
        let mut found: BTreeMap<(SubnetId, usize), Stay> = BTreeMap::new();
        for (table, phone) in file.phones.iter().enumerate() {
            firsts.push(next);
            if let (Some(first), Some(at)) = (plan.phones.get(next), &phone.at) {
                let stay = Stay {
                    subnet: first.at,
                    table,
                    span: at.span.clone(),
                    moved: false,
                };
                found.insert((first.at, table), stay);
            }
            next += count(phone);
        }
        let mut stays = Stays {
            firsts,
            stays: Vec::new(),
        };
        for (planned, step) in plan.steps.iter().zip(&file.steps) {
            let StepKind::Act(Action::Move { phones, to: subnet }) = &planned.kind else {
                continue;
            };
            let Some(file::StepKind::Act(file::Action::Move { to, .. })) = &step.kind else {
                continue;
            };
            for phone in phones {
                let table = stays.table_of(*phone);
                let place = (*subnet, table);
                found.entry(place).or_insert_with(|| Stay {
                    subnet: *subnet,
                    table,
                    span: to.span.clone(),
                    moved: true,
                });
            }
        }
        stays.stays = found.into_values().collect();
        stays
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Stay> {
        self.stays.iter()
    }

    /// Those of a subnet.
    pub(super) fn in_(&self, subnet: SubnetId) -> impl Iterator<Item = &Stay> {
        let of_subnet = move |stay: &&Stay| stay.subnet == subnet;
        self.stays.iter().filter(of_subnet)
    }

    /// Index in the plan of a table's first set.
    pub(super) fn first(&self, table: usize) -> usize {
        self.firsts[table]
    }

    fn table_of(&self, phone: PhoneId) -> usize {
        self.firsts.partition_point(|first| *first <= phone.0) - 1
    }
}

/// How many sets a table makes.
pub(super) fn count(phone: &file::Phone) -> usize {
    phone.count.as_ref().map_or(1, |count| count.value)
}

/// What a table's set or sets are called.
pub(super) fn name(phone: &file::Phone) -> &str {
    phone.name.as_ref().map_or("a set", |name| &name.value)
}
