//! Tests of the DHCP server.
