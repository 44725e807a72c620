//! DHCP: server, client, leases.
