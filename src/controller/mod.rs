//! The reference controller.
