//! DHCP messages (RFC 2131, RFC 2132).
