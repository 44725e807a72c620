//! A scenario that stands: its servers serve what is plugged in from outside, and nothing else happens.

use super::plan::{Host, HostKind, Plan, SubnetId};
use crate::wire::Mac;

/// Why an interface can't be plugged in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlugError {
    #[error("there is no subnet {segment}; there are: {known}")]
    NoSegment { segment: String, known: String },
    #[error("which subnet is {device} to be plugged into? Name one with --segment: {known}")]
    WhichSegment { device: String, known: String },
    #[error("{device} is plugged in already")]
    Twice { device: String },
}

/// The plan's network with nobody in it: no sets, no kernels of this machine with their programs, no steps.
pub fn standing(plan: Plan) -> Plan {
    let is_kernel = |host: &Host| matches!(host.kind, HostKind::Kernel { .. });
    Plan {
        phones: Vec::new(),
        groups: Vec::new(),
        // Steps alone name hosts by their place in this list.
        hosts: plan
            .hosts
            .into_iter()
            .filter(|host| !is_kernel(host))
            .collect(),
        steps: Vec::new(),
        ..plan
    }
}

/// Plugs an interface of the machine into a segment of the plan; without a name, into the only one that it can be.
///
/// # Errors
/// No such segment, or more than one that it could be; or the interface has been plugged in before.
pub fn plug_in(plan: &mut Plan, segment: Option<&str>, device: &str) -> Result<(), PlugError> {
    let names = || -> Vec<&str> { plan.subnets.iter().map(|it| it.name.as_str()).collect() };
    let device = device.to_owned();
    let at = match segment {
        Some(name) => names().iter().position(|it| *it == name),
        None if plan.subnets.len() == 1 => Some(0),
        None => {
            let known = names().join(", ");
            return Err(PlugError::WhichSegment { device, known });
        }
    };
    let Some(at) = at else {
        return Err(PlugError::NoSegment {
            segment: segment.unwrap_or_default().to_owned(),
            known: names().join(", "),
        });
    };
    let is_it =
        |kind: &HostKind| matches!(kind, HostKind::Interface { device: other } if *other == device);
    if plan.hosts.iter().any(|host| is_it(&host.kind)) {
        return Err(PlugError::Twice { device });
    }
    plan.hosts.push(Host {
        name: device.clone(),
        at: SubnetId(at),
        mac: Mac::ZERO, // it has none in the emulated network: stations behind it have theirs
        kind: HostKind::Interface { device },
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Deaf, Recorder, Run, firmware, read};
    use crate::sim::{Drive as _, Next};
    use crate::time::{Duration, Instant};

    #[test]
    fn a_network_with_the_program_of_a_host_stands_without_it() {
        let text = include_str!("../../fixtures/scenarios/live/host-program.toml");
        let mut plan = standing(read(text).unwrap());
        plug_in(&mut plan, Some("office"), "eth0").unwrap();
        let names: Vec<&str> = plan.hosts.iter().map(|host| host.name.as_str()).collect();
        assert_eq!(names, ["firmware", "eth0"]);
        let files = firmware(&plan, |_| Ok(Default::default())).unwrap();
        let mut run = Run::new(&plan, &files, Recorder::off(), Deaf).unwrap();
        run.stand();
        assert_ne!(run.advance(Instant::ZERO), Next::Finished);
        assert_eq!(run.program(), None);
        let later = Instant::ZERO + Duration::from_secs(86_400);
        assert_ne!(run.advance(later), Next::Finished);
    }

    #[test]
    fn an_interface_goes_into_the_segment_that_is_named_or_into_the_only_one() {
        let text = "scenario = \"s\"\nsubnet = [{ name = \"a\", prefix = \"10.1.0.0/24\", gateway = \"none\" }]";
        let mut plan = standing(read(text).unwrap());
        plug_in(&mut plan, None, "eth0").unwrap();
        assert_eq!(
            (plan.hosts[0].at, plan.hosts[0].name.as_str()),
            (SubnetId(0), "eth0")
        );
        let twice = plug_in(&mut plan, Some("a"), "eth0").unwrap_err();
        assert_eq!(twice.to_string(), "eth0 is plugged in already");
        plan.subnets.push(plan.subnets[0].clone());
        plan.subnets[1].name = "b".to_owned();
        plug_in(&mut plan, Some("b"), "eth1").unwrap();
        assert_eq!(plan.hosts[1].at, SubnetId(1));
        let which = plug_in(&mut plan, None, "eth2").unwrap_err().to_string();
        assert!(which.ends_with("--segment: a, b"), "{which}");
        let none = plug_in(&mut plan, Some("c"), "eth2").unwrap_err();
        assert_eq!(none.to_string(), "there is no subnet c; there are: a, b");
    }
}
