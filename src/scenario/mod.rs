//! Scenarios: a file becomes a plan, a plan becomes a lab, a lab runs and gives an outcome.

pub mod plan;
