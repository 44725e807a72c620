//! Tests of the DHCP codec.
