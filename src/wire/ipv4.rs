//! IPv4 packets (RFC 791).
