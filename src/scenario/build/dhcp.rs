//! A DHCP server as the plan has it.

use crate::dhcp::{DhcpServer, Scope, ServerConfig};
use crate::scenario::plan::{self, Plan, SubnetId};

/// A server with a scope for each subnet that names it.
pub(super) fn dhcp_server(plan: &Plan, address: std::net::Ipv4Addr) -> DhcpServer {
    let prefix = |at: SubnetId| plan.subnets[at.0].prefix;
    let scope = |(at, dhcp): (SubnetId, &plan::Dhcp)| Scope {
        prefix: (prefix(at).address, prefix(at).len),
        authoritative: dhcp.authoritative,
        pool: dhcp.pool,
        router: dhcp.router,
        name_servers: dhcp.name_servers.clone(),
        lease: dhcp.lease,
        renew: dhcp.renew,
        rebind: dhcp.rebind,
        options: dhcp.options.clone(),
        reservations: dhcp.reservations.iter().copied().collect(),
        client_reservations: dhcp.client_reservations.iter().cloned().collect(),
        classes: dhcp.classes.clone(),
        rapid_commit: dhcp.rapid_commit,
        probe: dhcp.probe,
    };
    DhcpServer::new(ServerConfig {
        address,
        scopes: plan.served_by(address).map(scope).collect(),
    })
}
