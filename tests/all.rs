//! The integration tests, one binary: whole scenarios, and the program as its user meets it.
//!
//! A test that this machine cannot do says `SKIPPED: test: reason` on standard error; `scripts/test` counts
//! those apart. `BLESS=1` in the environment writes goldens anew in place of comparing with them.

#![expect(
    clippy::unwrap_used,
    reason = "tests: a panic is the report, also in the functions that they share"
)]

#[path = "all/captures.rs"]
mod captures;
#[path = "all/cli.rs"]
mod cli;
#[path = "all/compare.rs"]
mod compare;
#[path = "all/controller.rs"]
mod controller;
#[path = "all/faults.rs"]
mod faults;
#[path = "../fixtures/library/tests/office.rs"]
mod library;
#[path = "all/live.rs"]
mod live;
#[path = "all/option125.rs"]
mod option125;
#[path = "all/scenarios.rs"]
mod scenarios;
#[path = "all/suite.rs"]
mod suite;
#[path = "all/support.rs"]
mod support;
#[path = "all/trunk.rs"]
mod trunk;
