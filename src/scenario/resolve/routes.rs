//! Static routes: those that the file gives a router, or the shortest ways to every subnet.

use std::collections::BTreeSet;

use crate::scenario::file::{self, At};
use crate::scenario::plan::{Route, Router, Subnet, SubnetId};
use crate::scenario::problem::{Problem, Problems};

/// Gives each router its routes. The routers of the file come first in `routers`, in order.
pub(super) fn fill_in(
    file: &file::File,
    subnets: &[Subnet],
    routers: &mut [Router],
    problems: &mut Problems,
) {
    let joined = Joined::of(subnets, routers);
    let all: Vec<Vec<Route>> = (0..routers.len())
        .map(|from| {
            let given = file
                .routers
                .get(from)
                .and_then(|router| router.routes.as_ref());
            match given {
                Some(routes) => given_routes(routes, &routers[from], subnets, problems),
                None => joined.shortest(from, subnets, routers),
            }
        })
        .collect();
    for (router, routes) in routers.iter_mut().zip(all) {
        router.routes = routes;
    }
}

/// A next router must stand in a subnet of this one.
fn given_routes(
    routes: &[At<Route>],
    router: &Router,
    subnets: &[Subnet],
    problems: &mut Problems,
) -> Vec<Route> {
    for At {
        value: Route { via, .. },
        span,
    } in routes
    {
        let mut own = router
            .interfaces
            .iter()
            .map(|interface| &subnets[interface.subnet.0]);
        if !own.any(|subnet| subnet.prefix.contains(*via)) {
            let message = format!(
                "{via} is in no subnet that {} has an interface in",
                router.name
            );
            problems.push(Problem::new(span, message));
        }
    }
    routes.iter().map(|route| route.value).collect()
}

/// Which routers stand in each subnet, ordered by name.
struct Joined(Vec<Vec<usize>>);

impl Joined {
    fn of(subnets: &[Subnet], routers: &[Router]) -> Joined {
        let mut by_name: Vec<usize> = (0..routers.len()).collect();
        by_name.sort_by_key(|router| &routers[*router].name);
        let mut joined = vec![Vec::new(); subnets.len()];
        for router in by_name {
            for interface in &routers[router].interfaces {
                joined[interface.subnet.0].push(router);
            }
        }
        Joined(joined)
    }

    /// The shortest way to each subnet that `from` is not in: breadth first over routers and subnets; of
    /// routers that are as far away the first by name.
    fn shortest(&self, from: usize, subnets: &[Subnet], routers: &[Router]) -> Vec<Route> {
        let mut routes = Vec::new();
        let mut seen_subnets: BTreeSet<SubnetId> = BTreeSet::new();
        let mut seen_routers = BTreeSet::from([from]);
        // Routers as far away as each other, and the address of the next router on the way there.
        let mut level = vec![(from, None)];
        while !level.is_empty() {
            let mut next = Vec::new();
            for (router, via) in level {
                for interface in &routers[router].interfaces {
                    let subnet = interface.subnet;
                    if !seen_subnets.insert(subnet) {
                        continue;
                    }
                    if let Some(via) = via {
                        let to = subnets[subnet.0].prefix;
                        routes.push((subnet, Route { to, via }));
                    }
                    for &neighbour in &self.0[subnet.0] {
                        if seen_routers.insert(neighbour) {
                            next.push((neighbour, via.or(address_in(&routers[neighbour], subnet))));
                        }
                    }
                }
            }
            next.sort_by_key(|(router, _)| &routers[*router].name);
            level = next;
        }
        routes.sort_by_key(|(subnet, _)| *subnet);
        routes.into_iter().map(|(_, route)| route).collect()
    }
}

fn address_in(router: &Router, subnet: SubnetId) -> Option<std::net::Ipv4Addr> {
    let mut interfaces = router.interfaces.iter();
    let found = interfaces.find(|interface| interface.subnet == subnet);
    found.map(|interface| interface.address)
}

#[cfg(test)]
mod tests {
    use crate::scenario::read;

    /// Two ways from a to d, as long as each other: over b and over c.
    const DIAMOND: &str = r#"
        scenario = "A diamond"
        subnet = [
            { name = "home", prefix = "10.0.0.0/24", gateway = { router = "a" } },
            { name = "ab", prefix = "10.0.1.0/24", gateway = { router = "b" } },
            { name = "ac", prefix = "10.0.2.0/24", gateway = { router = "c" } },
            { name = "bd", prefix = "10.0.3.0/24", gateway = { router = "b" } },
            { name = "cd", prefix = "10.0.4.0/24", gateway = { router = "c" } },
            { name = "far", prefix = "10.0.5.0/24", gateway = { router = "d" } },
            { name = "alone", prefix = "10.0.6.0/24" },
        ]
        [[router]]
        name = "a"
        interfaces = [{ subnet = "ac", address = "10.0.2.9" }, { subnet = "ab", address = "10.0.1.9" }]
        [[router]]
        name = "d"
        interfaces = [{ subnet = "cd", address = "10.0.4.9" }, { subnet = "bd", address = "10.0.3.9" }]
    "#;

    #[test]
    fn a_router_knows_the_shortest_way_and_of_equal_ones_the_first_by_name() {
        let plan = read(DIAMOND).unwrap();
        let routes = |name: &str| {
            let router = plan.routers.iter().find(|router| router.name == name);
            let routes = router.unwrap().routes.iter();
            let shown = routes.map(|route| format!("{} via {}", route.to, route.via));
            shown.collect::<Vec<_>>()
        };
        assert_eq!(
            routes("a"),
            [
                "10.0.3.0/24 via 10.0.1.1",
                "10.0.4.0/24 via 10.0.2.1",
                "10.0.5.0/24 via 10.0.1.1"
            ]
        );
        assert_eq!(
            routes("b"),
            [
                "10.0.0.0/24 via 10.0.1.9",
                "10.0.2.0/24 via 10.0.1.9",
                "10.0.4.0/24 via 10.0.3.9",
                "10.0.5.0/24 via 10.0.3.9"
            ]
        );
    }
}
