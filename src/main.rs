//! The `jackfield` command.

use std::process::ExitCode;

/// Frames are allocated and freed by the million, most of them longer than what the C library caches.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    jackfield::cli::main()
}
