//! Captures: pcapng, display filters.
