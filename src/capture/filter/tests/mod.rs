//! Filters as a whole.

mod frames;
mod pcapng;
mod referee;
mod text;
