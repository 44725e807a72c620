//! Which scenarios of many are wanted.

use crate::scenario::plan::Plan;

/// What is asked for. What is asked for in several ways has to fit all of them; of each way, one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Ids of rules, such as `MV-2`: the scenario shows it.
    pub rules: Vec<String>,
    /// Text of its name or title, upper and lower case alike.
    pub names: Vec<String>,
    pub tags: Vec<String>,
}

impl Selection {
    /// Whether a scenario is asked for. `name`: its path below its root. One that cannot be read (`None`) is asked for
    /// whatever its rules and tags: nobody knows that they are not the wanted ones.
    pub fn has(&self, name: &str, plan: Option<&Plan>) -> bool {
        let title = plan.map_or("", |plan| plan.title.as_str());
        let named = |text: &String| {
            let text = text.to_lowercase();
            name.to_lowercase().contains(&text) || title.to_lowercase().contains(&text)
        };
        let (rules, tags) = match plan {
            Some(plan) => (
                any_of(&self.rules, &plan.shows),
                any_of(&self.tags, &plan.tags),
            ),
            None => (true, true),
        };
        rules && tags && (self.names.is_empty() || self.names.iter().any(named))
    }
}

/// Whether one of the wanted ones is there; nothing wanted: yes.
fn any_of(wanted: &[String], found: &[String]) -> bool {
    wanted.is_empty() || wanted.iter().any(|it| found.contains(it))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario;

    #[test]
    fn a_scenario_fits_one_of_each_way_of_asking() {
        let text = "scenario = \"Anna moves\"\nshows = [\"MV-2\", \"RG-3\"]\ntags = [\"nightly\"]";
        let plan = scenario::read(text).unwrap();
        let fits = |rules: &[&str], names: &[&str], tags: &[&str]| {
            let owned = |list: &[&str]| list.iter().map(|it| (*it).to_owned()).collect();
            let selection = Selection {
                rules: owned(rules),
                names: owned(names),
                tags: owned(tags),
            };
            selection.has("offices/subnet-move.toml", Some(&plan))
        };
        assert!(fits(&[], &[], &[]));
        assert!(fits(&["MV-9", "RG-3"], &["Subnet"], &["nightly"]));
        assert!(fits(&[], &["anna"], &[]));
        assert!(!fits(&["MV-22"], &[], &[]) && !fits(&["MV-"], &[], &[]));
        assert!(!fits(&["MV-2"], &["bert"], &[]));
        assert!(!fits(&["MV-2"], &[], &["night"]));
    }

    #[test]
    fn what_cannot_be_read_is_left_out_by_its_name_alone() {
        let of_rule = Selection {
            rules: vec!["MV-2".to_owned()],
            ..Selection::default()
        };
        assert!(of_rule.has("a.toml", None));
        let named = Selection {
            names: vec!["b".to_owned()],
            ..Selection::default()
        };
        assert!(!named.has("a.toml", None));
    }
}
