//! Shards: a part of many scenarios, the same on every machine.
//!
//! A scenario belongs to a shard by the hash of its name alone. So each machine finds its part without asking another
//! one, and a new scenario moves no other one to another shard.

use std::fmt;

/// One part of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// From 0.
    index: u64,
    /// At least 1.
    count: u64,
}

/// Why something names no shard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShardError {
    #[error("`{0}` is no shard: a shard is `I/N`, with I from 1 to N, or `auto`")]
    Text(String),
    #[error("the environment names no shard: {0}")]
    Environment(String),
}

/// Where a batch system says which of how many processes this is, and from where it counts.
struct Source {
    index: &'static str,
    /// The number of the first process: a variable, or 0.
    first: Option<&'static str>,
    /// The step between numbers: a variable, or 1.
    step: Option<&'static str>,
    count: &'static str,
}

/// What `auto` looks for, in this order.
const SOURCES: &[Source] = &[
    // sbatch(1), OUTPUT ENVIRONMENT VARIABLES.
    Source {
        index: "SLURM_ARRAY_TASK_ID",
        first: Some("SLURM_ARRAY_TASK_MIN"),
        step: Some("SLURM_ARRAY_TASK_STEP"),
        count: "SLURM_ARRAY_TASK_COUNT",
    },
    // Kubernetes sets the index of an indexed Job; the number of completions is in its manifest alone.
    Source {
        index: "JOB_COMPLETION_INDEX",
        first: None,
        step: None,
        count: "JACKFIELD_SHARDS",
    },
];

impl Shard {
    /// A shard as a user writes it, counted from 1: `2/8`; or `auto`: as the environment says, in which `variable`
    /// looks a variable up.
    ///
    /// # Errors
    /// [`ShardError`] says what is wrong with it.
    pub fn read(
        text: &str,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Shard, ShardError> {
        if text == "auto" {
            return Shard::of_environment(variable);
        }
        let wrong = || ShardError::Text(text.to_owned());
        let (number, count) = text.split_once('/').ok_or_else(wrong)?;
        let (number, count): (u64, u64) = (
            number.parse().map_err(|_| wrong())?,
            count.parse().map_err(|_| wrong())?,
        );
        let index = number.checked_sub(1).ok_or_else(wrong)?;
        Shard::new(index, count).ok_or_else(wrong)
    }

    /// Part `index`, from 0, of `count`; `None` if there is no such part.
    pub fn new(index: u64, count: u64) -> Option<Shard> {
        (index < count).then_some(Shard { index, count })
    }

    fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Result<Shard, ShardError> {
        let wrong = ShardError::Environment;
        let number = |name: &str| {
            let text = variable(name).ok_or_else(|| wrong(format!("{name} is not set")))?;
            let number: u64 = (text.trim().parse())
                .map_err(|_| wrong(format!("{name} is `{text}`, which is no number")))?;
            Ok(number)
        };
        let number_or = |name: Option<&str>, default| match name {
            Some(name) if variable(name).is_some() => number(name),
            Some(_) | None => Ok(default),
        };
        let is_set = |source: &&Source| variable(source.index).is_some();
        let Some(source) = SOURCES.iter().find(is_set) else {
            let names: Vec<&str> = SOURCES.iter().map(|source| source.index).collect();
            return Err(wrong(format!("none of {} is set", names.join(", "))));
        };
        let (task, count) = (number(source.index)?, number(source.count)?);
        let first = number_or(source.first, 0)?;
        let step = number_or(source.step, 1)?.max(1);
        let behind = task.checked_sub(first).filter(|behind| behind % step == 0);
        behind
            .and_then(|behind| Shard::new(behind / step, count))
            .ok_or_else(|| {
                wrong(format!(
                    "{} is {task}, which is none of {count} numbers from {first} on without a gap",
                    source.index
                ))
            })
    }

    /// From 0.
    pub fn index(self) -> u64 {
        self.index
    }

    /// How many shards there are.
    pub fn count(self) -> u64 {
        self.count
    }

    /// Whether the scenario of this name belongs to it.
    pub fn has(self, name: &str) -> bool {
        spread(fnv1a(name.bytes())) % self.count == self.index
    }
}

impl fmt::Display for Shard {
    /// Counted from 1: `2/8`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index + 1, self.count)
    }
}

/// A number that tells lists of names apart, as hexadecimal digits.
pub fn digest<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let bytes = names.into_iter().flat_map(|name| name.bytes().chain([0]));
    format!("{:016x}", fnv1a(bytes))
}

/// FNV-1a with 64 bits (draft-eastlake-fnv-17, section 2). Shards of different versions of this program have to agree.
fn fnv1a(bytes: impl IntoIterator<Item = u8>) -> u64 {
    const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let add = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(PRIME);
    bytes.into_iter().fold(OFFSET_BASIS, add)
}

/// Brings the upper bits into the lower ones: FNV's lowest bit is that of the bytes' sum alone (the finaliser of MurmurHash3).
fn spread(mut hash: u64) -> u64 {
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_in_one_shard_and_shards_are_of_a_size() {
        let names: Vec<String> = (0..1000).map(|n| format!("folder/{n}.toml")).collect();
        for count in [1, 2, 3, 8] {
            let mut sizes = vec![0; count as usize];
            for name in &names {
                let has = |index| Shard::new(index, count).unwrap().has(name);
                let of: Vec<u64> = (0..count).filter(|index| has(*index)).collect();
                assert_eq!(of.len(), 1, "{name}");
                sizes[of[0] as usize] += 1;
            }
            let fair = names.len() / count as usize;
            let near = |size: &usize| size.abs_diff(fair) * 4 <= fair;
            assert!(sizes.iter().all(near), "{sizes:?}");
        }
    }

    /// The published values for these inputs; another hash would leave scenarios out while versions are mixed.
    #[test]
    fn the_hash_is_the_one_that_other_versions_have() {
        assert_eq!(fnv1a([]), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(*b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a(*b"foobar"), 0x8594_4171_f739_67e8);
        let shard_of = |name| (0..8).find(|n| Shard::new(*n, 8).unwrap().has(name));
        assert_eq!(shard_of("subnet-move.toml"), Some(2));
    }

    #[test]
    fn a_shard_is_counted_from_one_by_its_user() {
        let read = |text| Shard::read(text, |_| None);
        let shard = read("2/8").unwrap();
        assert_eq!((shard.index(), shard.count()), (1, 8));
        assert_eq!(shard.to_string(), "2/8");
        for wrong in ["", "2", "0/8", "9/8", "0/0", "1/0", "-1/2", "1/2/3", "a/b"] {
            assert_eq!(read(wrong), Err(ShardError::Text(wrong.to_owned())));
        }
    }

    #[test]
    fn auto_reads_what_slurm_and_kubernetes_set() {
        let read = |set: &[(&str, &str)]| {
            let look_up = |name: &str| {
                let found = set.iter().find(|(it, _)| *it == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            Shard::read("auto", look_up).map(|shard| shard.to_string())
        };
        let slurm = |id, min, step, count| {
            [
                ("SLURM_ARRAY_TASK_ID", id),
                ("SLURM_ARRAY_TASK_MIN", min),
                ("SLURM_ARRAY_TASK_STEP", step),
                ("SLURM_ARRAY_TASK_COUNT", count),
            ]
        };
        assert_eq!(read(&slurm("0", "0", "1", "4")).unwrap(), "1/4");
        assert_eq!(read(&slurm("4", "1", "1", "4")).unwrap(), "4/4");
        assert_eq!(read(&slurm("8", "0", "4", "3")).unwrap(), "3/3");
        // `--array=1,3,7`: Slurm says nothing of the gaps.
        assert!(read(&slurm("7", "1", "1", "3")).is_err());
        let indexed = [("JOB_COMPLETION_INDEX", "2"), ("JACKFIELD_SHARDS", "3")];
        assert_eq!(read(&indexed).unwrap(), "3/3");
        let error = read(&indexed[..1]).unwrap_err().to_string();
        assert!(error.ends_with("JACKFIELD_SHARDS is not set"), "{error}");
        let error = read(&[]).unwrap_err().to_string();
        assert!(error.contains("SLURM_ARRAY_TASK_ID"), "{error}");
    }
}
