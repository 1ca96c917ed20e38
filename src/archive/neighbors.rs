//! Files that may be from the same flow log as another.

use std::cmp::Reverse;
use std::fs;

use super::{enclosure::Enclosure, file::File};

/// Returns files close to `file`, the closest first: those of the same folder with a similar name,
/// then others of the inputs. Only regular files are returned, since a pipe can be read only once, and
/// only those within the folders that may be read, if these are known.
pub fn neighbors(file: &File, inputs: &[File], within: Option<&Enclosure>) -> Vec<File> {
    let mut all: Vec<File> = inputs.iter().take(LISTED_MAX).cloned().collect();
    let folder = file.path.parent().filter(|_| !file.is_stdin());
    let folder = folder.map(|folder| match folder.as_os_str().is_empty() {
        true => ".".as_ref(),
        false => folder,
    });
    let entries = folder.and_then(|folder| fs::read_dir(folder).ok());
    for entry in entries.into_iter().flatten().take(LISTED_MAX).flatten() {
        let is_known = || {
            all.iter().any(|other| {
                other.path.file_name() == Some(&entry.file_name()) && is_beside(other, file)
            })
        };
        let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if let Ok(metadata) = entry.metadata()
            && !is_hidden
            && !is_known()
        {
            all.push(File::found(entry.path(), &metadata));
        }
    }
    all.retain(|other| other.identity != file.identity);
    all.sort_by_cached_key(|other| {
        let shared = shared_len(&other.name, &file.name);
        (!is_beside(other, file), Reverse(shared), other.name.clone())
    });
    all.truncate(NEIGHBORS_MAX);
    all.retain(|other| fs::metadata(&other.path).is_ok_and(|metadata| metadata.is_file()));
    all.retain(|other| within.is_none_or(|within| within.holds(&other.path)));
    all
}

/// Whether two files are in the same folder.
fn is_beside(one: &File, other: &File) -> bool {
    one.path.parent() == other.path.parent()
}

/// Returns how many bytes two names have in common at their front.
fn shared_len(one: &str, other: &str) -> usize {
    let pairs = one.bytes().zip(other.bytes());
    pairs.take_while(|(one, other)| one == other).count()
}

/// Maximum number of files of the inputs and of the folder that are compared.
const LISTED_MAX: usize = 4096;

/// Maximum number of files returned.
const NEIGHBORS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closest_name_of_the_folder_comes_first() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["part_ab", "part_aa", "other", ".part_a"] {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        fs::create_dir(folder.path().join("part_a")).unwrap();
        let path = folder.path().join("part_ab");
        let metadata = fs::metadata(&path).unwrap();
        let file = File::typed(path, Some(&metadata));
        let names = |inputs: &[File]| -> Vec<String> {
            let found = neighbors(&file, inputs, None);
            let names = found.iter().filter_map(|other| other.path.file_name());
            names
                .map(|name| name.to_string_lossy().into_owned())
                .collect()
        };
        assert_eq!(names(&[]), ["part_aa", "other"]);
        assert_eq!(names(std::slice::from_ref(&file)), ["part_aa", "other"]);
    }
}
