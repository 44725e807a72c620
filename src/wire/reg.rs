//! The registration protocol.
