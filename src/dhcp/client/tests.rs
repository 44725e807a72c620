//! Tests of the DHCP client.
