//! The results of shards as those of one run.

use super::lines::Head;
use super::result::{Status, TestResult, Why};

/// The results of one shard, and where they come from.
pub type Part = (String, Result<(Head, Vec<TestResult>, u64), String>);

/// What shards come to together.
#[derive(Debug)]
pub struct Merged {
    pub head: Head,
    /// By name. A shard that is missing, and a file that is no shard's, stands here as broken.
    pub results: Vec<TestResult>,
    /// The longest of the shards, in nanoseconds.
    pub took_ns: u64,
}

/// Joins the files of shards. Nothing is lost silently: what is wrong with a file, or with all of them together, becomes
/// a broken result beside the others.
pub fn merge(parts: Vec<Part>) -> Merged {
    let mut first: Option<(String, Head)> = None;
    let mut results = Vec::new();
    let mut wrong = Vec::new();
    let mut files: Vec<(u64, String)> = Vec::new();
    let mut took_ns = 0;
    for (file, part) in parts {
        let (head, found, took) = match part {
            Ok(part) => part,
            Err(reason) => {
                wrong.push(broken(&file, reason));
                continue;
            }
        };
        let (with, whole) = first.get_or_insert_with(|| (file.clone(), head.clone()));
        if (head.shards, head.scenarios, &head.digest)
            != (whole.shards, whole.scenarios, &whole.digest)
        {
            wrong.push(broken(
                &file,
                format!("it is a shard of other scenarios than {with}"),
            ));
            continue;
        }
        if let Some((_, other)) = files.iter().find(|(shard, _)| *shard == head.shard) {
            let reason = format!(
                "it is shard {}/{}, as {other} is",
                head.shard + 1,
                head.shards
            );
            wrong.push(broken(&file, reason));
            continue;
        }
        whole.began_ns = whole.began_ns.min(head.began_ns);
        took_ns = took_ns.max(took);
        files.push((head.shard, file));
        results.extend(found);
    }
    let head = first.map(|(_, head)| head);
    let mut head = head.unwrap_or_else(|| Head::new(None, 0, String::new(), 0));
    let there = files.iter().map(|(shard, _)| *shard).collect();
    wrong.extend(missing(there, head.shards));
    if wrong.is_empty() && results.len() != head.scenarios {
        let (found, all) = (results.len(), head.scenarios);
        wrong.push(broken(
            "all shards",
            format!("they have {found} results of {all}"),
        ));
    }
    results.sort_by(|a, b| a.name.cmp(&b.name));
    results.extend(wrong);
    (head.shard, head.shards) = (0, 1);
    Merged {
        head,
        results,
        took_ns,
    }
}

/// What stands for the shards that are not there, one for all that follow each other: a file may name any number of them.
fn missing(mut there: Vec<u64>, shards: u64) -> Vec<TestResult> {
    there.sort_unstable();
    let (mut gaps, mut next) = (Vec::new(), 0);
    for end in there.into_iter().chain([shards]) {
        match end.saturating_sub(next) {
            0 => {}
            1 => {
                let name = format!("shard {end}/{shards}");
                gaps.push(broken(&name, "it is missing".to_owned()));
            }
            _ => {
                let name = format!("shards {}/{shards} to {end}/{shards}", next + 1);
                gaps.push(broken(&name, "they are missing".to_owned()));
            }
        }
        next = end.saturating_add(1);
    }
    gaps
}

fn broken(name: &str, reason: String) -> TestResult {
    TestResult {
        name: name.to_owned(),
        path: name.to_owned(),
        title: String::new(),
        shows: Vec::new(),
        tags: Vec::new(),
        status: Status::Broken,
        why: vec![Why::new(reason)],
        tries: 0,
        took_ns: 0,
        again: String::new(),
        captures: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_that_are_not_there_are_named_however_many() {
        let names = |there: &[u64], shards| {
            let gaps = missing(there.to_vec(), shards);
            gaps.into_iter().map(|gap| gap.name).collect::<Vec<_>>()
        };
        assert_eq!(names(&[2, 0, 1], 3), [""; 0]);
        assert_eq!(
            names(&[3, 1], 6),
            ["shard 1/6", "shard 3/6", "shards 5/6 to 6/6"]
        );
        let most = u64::MAX;
        let expected = format!("shards 2/{most} to {most}/{most}");
        assert_eq!(names(&[0], most), [expected]);
        assert_eq!(names(&[most - 1], most).len(), 1);
    }
}
