//! ICMP (RFC 792).
