//! Two sequences beside each other: what both have in the same order, and what one of them has alone.

/// A place in the alignment of two sequences, with indexes into them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pair {
    Both(usize, usize),
    OnlyA(usize),
    OnlyB(usize),
}

/// Cells of the table beyond which the middle parts are taken as different as a whole.
const CELLS_MAX: usize = 4_000_000;

/// Aligns two sequences so that as many items as possible stand beside their like (longest common subsequence). Between two
/// common items those of `a` come before those of `b`.
pub(super) fn align<T: PartialEq>(a: &[T], b: &[T]) -> Vec<Pair> {
    let alike = |(a, b): &(&T, &T)| a == b;
    let before = a.iter().zip(b).take_while(alike).count();
    let (rest_a, rest_b) = (&a[before..], &b[before..]);
    let after = rest_a
        .iter()
        .rev()
        .zip(rest_b.iter().rev())
        .take_while(alike)
        .count();
    let middle_a = &rest_a[..rest_a.len() - after];
    let middle_b = &rest_b[..rest_b.len() - after];
    let mut pairs: Vec<Pair> = (0..before).map(|n| Pair::Both(n, n)).collect();
    middle(middle_a, middle_b, before, &mut pairs);
    let (end_a, end_b) = (before + middle_a.len(), before + middle_b.len());
    pairs.extend((0..after).map(|n| Pair::Both(end_a + n, end_b + n)));
    pairs
}

/// Aligns the parts that begin at index `from` of both.
fn middle<T: PartialEq>(a: &[T], b: &[T], from: usize, pairs: &mut Vec<Pair>) {
    let (rows, columns) = (a.len() + 1, b.len() + 1);
    let (mut i, mut j) = (0, 0);
    if rows.saturating_mul(columns) <= CELLS_MAX {
        // `common[i][j]`: how many items the parts from `i` and `j` on have in common.
        let mut common = vec![0_u32; rows * columns];
        for i in (0..a.len()).rev() {
            for j in (0..b.len()).rev() {
                let (down, right) = (common[(i + 1) * columns + j], common[i * columns + j + 1]);
                common[i * columns + j] = match a[i] == b[j] {
                    true => common[(i + 1) * columns + j + 1] + 1,
                    false => down.max(right),
                };
            }
        }
        while i < a.len() && j < b.len() {
            if a[i] == b[j] {
                pairs.push(Pair::Both(from + i, from + j));
                (i, j) = (i + 1, j + 1);
            } else if common[(i + 1) * columns + j] >= common[i * columns + j + 1] {
                pairs.push(Pair::OnlyA(from + i));
                i += 1;
            } else {
                pairs.push(Pair::OnlyB(from + j));
                j += 1;
            }
        }
    }
    pairs.extend((i..a.len()).map(|n| Pair::OnlyA(from + n)));
    pairs.extend((j..b.len()).map(|n| Pair::OnlyB(from + n)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_alike_stands_beside_its_like() {
        assert_eq!(shown("abcd", "abcd"), "abcd");
        assert_eq!(shown("abcd", "abxd"), "ab-c+xd");
        assert_eq!(shown("abcd", "bcd"), "-abcd");
        assert_eq!(shown("abc", "abcd"), "abc+d");
        assert_eq!(shown("abcbd", "acbed"), "a-bcb+ed");
        assert_eq!(shown("", "ab"), "+a+b");
    }

    proptest! {
        #[test]
        fn each_item_is_there_once_and_in_order(a in "[abc]{0,12}", b in "[abc]{0,12}") {
            let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
            let (mut of_a, mut of_b) = (Vec::new(), Vec::new());
            for pair in align(&a, &b) {
                match pair {
                    Pair::Both(i, j) => {
                        prop_assert_eq!(a[i], b[j]);
                        of_a.push(i);
                        of_b.push(j);
                    }
                    Pair::OnlyA(i) => of_a.push(i),
                    Pair::OnlyB(j) => of_b.push(j),
                }
            }
            prop_assert_eq!(of_a, (0..a.len()).collect::<Vec<_>>());
            prop_assert_eq!(of_b, (0..b.len()).collect::<Vec<_>>());
        }
    }

    fn shown(a: &str, b: &str) -> String {
        let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
        let pairs = align(&a, &b).into_iter().map(|pair| match pair {
            Pair::Both(i, _) => a[i].to_string(),
            Pair::OnlyA(i) => format!("-{}", a[i]),
            Pair::OnlyB(j) => format!("+{}", b[j]),
        });
        pairs.collect()
    }
}
