//! `jackfield merge`: the results of shards as one report.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;

use super::exit::Exit;
use super::files::create;
use super::test::{ResultArgs, finish};
use super::{complain, print};
use crate::suite::{self, Line, read_lines};

#[derive(Debug, Args)]
pub(super) struct MergeArgs {
    /// What `jackfield test --results` wrote, a file for each shard.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    output: ResultArgs,
}

pub(super) fn merge(args: &MergeArgs) -> Exit {
    let parts = args.files.iter().map(|path| {
        let text = fs::read_to_string(path).map_err(|error| error.to_string());
        (
            path.display().to_string(),
            text.and_then(|text| read_lines(&text)),
        )
    });
    let merged = suite::merge(parts.collect());
    let mut lines = Line::Suite(merged.head.clone()).json();
    lines.extend(
        merged
            .results
            .iter()
            .map(|it| Line::Test(it.clone()).json()),
    );
    let results = merged.results.len();
    let took_ns = merged.took_ns;
    lines += &Line::End { results, took_ns }.json();
    if args.output.json {
        print(&lines);
    }
    if let Some(path) = &args.output.results {
        let written = create(path).and_then(|mut file| file.write_all(lines.as_bytes()));
        if let Err(error) = written {
            complain(&format!("error: {error}"));
            return Exit::MachineRefused;
        }
    }
    finish(&args.output, &merged.head, &merged.results, took_ns)
}
