//! Captures: pcapng, display filters.

pub mod filter;
