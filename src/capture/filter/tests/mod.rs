//! Filters as a whole.

mod frames;
mod referee;
