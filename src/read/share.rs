//! Which files of an archive each of several runs reads. Nothing is opened for that.

use std::ops::Range;

use crate::archive::File;
use crate::flow::Shard;

/// Returns which of `files` a shard reads. A file belongs to the shard in which its middle is, if all are put
/// in a row; a file without a known length counts as a byte.
pub(super) fn share_of(files: &[File], shard: Shard) -> Range<usize> {
    let len = |file: &File| u128::from(file.len.max(1));
    let all: u128 = files.iter().map(len).sum();
    let mut before = 0;
    let shards: Vec<u128> = files
        .iter()
        .map(|file| {
            let middle = 2 * before + len(file);
            before += len(file);
            middle * u128::from(shard.of()) / (2 * all) + 1
        })
        .collect();
    let number = u128::from(shard.number());
    let start = shards.partition_point(|of_file| *of_file < number);
    let end = shards.partition_point(|of_file| *of_file <= number);
    start..end
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_file_is_read_by_one_run_in_order(
            lens in prop::collection::vec(0_u64..9, 0..40),
            huge in prop::option::of(0_usize..40),
            of in 1_u32..9,
        ) {
            let mut files: Vec<File> = Vec::new();
            for len in lens {
                let mut file = File::typed("a.log".into(), None);
                file.len = len;
                files.push(file);
            }
            if let Some(file) = huge.and_then(|index| files.get_mut(index)) {
                file.len = u64::MAX;
            }
            let mut next = 0;
            for number in 1..=of {
                let share = share_of(&files, Shard::new(number, of).unwrap());
                prop_assert_eq!(share.start, next);
                next = share.end;
            }
            prop_assert_eq!(next, files.len());
        }
    }

    #[test]
    fn runs_read_about_as_much_as_each_other() {
        let mut files = vec![File::typed("a.log".into(), None); 100];
        files.iter_mut().for_each(|file| file.len = 70);
        for number in 1..=4 {
            assert_eq!(share_of(&files, Shard::new(number, 4).unwrap()).len(), 25);
        }
    }
}
