//! Tests of valid and invalid targets, and of the files that remain in either case.

use std::{
    fs,
    io::{self, Read},
};

use super::*;
use crate::error::ErrorKind;

const EXAMPLE: &str = "file.log";

/// Returns the names in a folder, including hidden ones.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Returns the message of a refusal, which must leave `folder` unchanged.
#[track_caller]
fn refusal(folder: &Path, path: &Path, inputs: &[PathBuf]) -> String {
    let before = names(folder);
    let message = Output::create(path, EXAMPLE, inputs)
        .unwrap_err()
        .to_string();
    assert_eq!(names(folder), before);
    message
}

#[test]
fn file_appears_only_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.log");
    fs::write(&path, "old").unwrap();
    let mut output = Output::create(&path, EXAMPLE, &[]).unwrap();
    output.write_all(&[7; 1000]).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(names(folder.path()).len(), 2);
    assert_eq!(output.finish().unwrap(), 1000);
    assert_eq!(fs::read(&path).unwrap(), [7; 1000]);
    assert_eq!(names(folder.path()), ["out.log"]);
}

#[test]
fn file_that_came_meanwhile_stays_if_it_is_to_be_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.log");
    let create = || {
        Output::create(&path, EXAMPLE, &[])
            .unwrap()
            .keeping_existing()
    };
    let mut output = create();
    let other = create();
    output.write_all(b"ours").unwrap();
    output.finish().unwrap();
    let error = other.finish().unwrap_err().to_string();
    assert!(error.contains("out.log"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"ours");
    assert_eq!(names(folder.path()), ["out.log"]);
}

#[test]
fn dropped_output_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["out.log", "out.log.gz", "out.log.zst"] {
        let mut output = Output::create(&folder.path().join(name), EXAMPLE, &[]).unwrap();
        output.write_all(&vec![7; 1 << 20]).unwrap();
        drop(output);
        assert!(names(folder.path()).is_empty(), "{name}");
    }
}

#[test]
fn pieces_of_any_length_arrive_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let all: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    for name in ["out.log", "out.log.gz", "out.log.zst"] {
        let path = folder.path().join(name);
        let mut output = Output::create(&path, EXAMPLE, &[]).unwrap();
        let mut rest = &all[..];
        for len in (1..).map(|i: usize| i * i * 7 % 700_001) {
            let (piece, after) = rest.split_at(len.min(rest.len()));
            output.write_all(piece).unwrap();
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        let stored_len = output.finish().unwrap();
        let stored = fs::read(&path).unwrap();
        assert_eq!(stored.len() as u64, stored_len);
        let mut read = Vec::new();
        match Compression::of(&path) {
            Compression::None => read = stored,
            Compression::Gzip => {
                let mut decoder = flate2::read::MultiGzDecoder::new(&stored[..]);
                decoder.read_to_end(&mut read).unwrap();
            }
            Compression::Zstd => {
                let mut decoder = zstd::Decoder::new(&stored[..]).unwrap();
                decoder.read_to_end(&mut read).unwrap();
            }
        }
        assert!(read == all, "{name}");
    }
}

#[test]
fn folder_as_target_is_refused_with_a_suggested_name() {
    let folder = tempfile::tempdir().unwrap();
    let message = refusal(folder.path(), folder.path(), &[]);
    assert!(message.contains(EXAMPLE), "{message}");
}

#[test]
fn missing_folder_is_refused_with_mkdir() {
    let folder = tempfile::tempdir().unwrap();
    let message = refusal(folder.path(), &folder.path().join("a/b.log"), &[]);
    assert!(message.contains("mkdir -p"), "{message}");
}

#[test]
fn file_in_place_of_the_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a"), "").unwrap();
    let message = refusal(folder.path(), &folder.path().join("a/b.log"), &[]);
    assert!(message.contains("is not a folder"), "{message}");
}

#[test]
fn input_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("log.log");
    fs::write(&input, "records").unwrap();
    let inputs = [folder.path().join("missing"), input.clone()];
    fs::create_dir(folder.path().join("sub")).unwrap();
    for path in [input.clone(), folder.path().join("sub/../log.log")] {
        let message = refusal(folder.path(), &path, &inputs);
        assert!(message.contains("also an input"), "{message}");
    }
    assert_eq!(fs::read(&input).unwrap(), b"records");
}

#[cfg(unix)]
#[test]
fn link_to_an_input_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("log.gz");
    let [soft, hard] = ["soft.log", "hard.log"].map(|name| folder.path().join(name));
    fs::write(&input, "records").unwrap();
    std::os::unix::fs::symlink(&input, &soft).unwrap();
    fs::hard_link(&input, &hard).unwrap();
    for path in [soft, hard] {
        let message = refusal(folder.path(), &path, std::slice::from_ref(&input));
        assert!(message.contains("also an input"), "{message}");
    }
}

#[cfg(unix)]
#[test]
fn link_to_an_older_capture_stays_a_link() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let real = elsewhere.path().join("real.log");
    let link = folder.path().join("out.log");
    fs::write(&real, "old").unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    let mut output = Output::create(&link, EXAMPLE, &[]).unwrap();
    output.write_all(b"new").unwrap();
    output.finish().unwrap();
    assert!(link.is_symlink());
    assert_eq!(fs::read(&real).unwrap(), b"new");
    assert_eq!(names(elsewhere.path()), ["real.log"]);
}

#[cfg(unix)]
#[test]
fn dangling_link_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("out.log");
    std::os::unix::fs::symlink(folder.path().join("gone"), &link).unwrap();
    assert!(refusal(folder.path(), &link, &[]).contains("link"));
}

#[cfg(unix)]
#[test]
fn new_file_has_the_default_mode() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let [path, plain] = ["out.log", "plain"].map(|name| folder.path().join(name));
    Output::create(&path, EXAMPLE, &[])
        .unwrap()
        .finish()
        .unwrap();
    File::create(&plain).unwrap();
    let mode = |path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&path), mode(&plain));
}

#[cfg(unix)]
#[test]
fn replacement_file_keeps_the_access_of_the_older_file() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    let folder = tempfile::tempdir().unwrap();
    let access = |path: &Path| {
        let found = fs::metadata(path).unwrap();
        (
            found.uid(),
            found.gid(),
            found.permissions().mode() & 0o7777,
        )
    };
    for mode in [0o600, 0o640, 0o666, 0o755] {
        let path = folder.path().join("out.log");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        // Only root can give files to another owner.
        let _ = chown(&path, Some(65_534), Some(65_534));
        let before = access(&path);
        let mut output = Output::create(&path, EXAMPLE, &[]).unwrap();
        output.write_all(b"new").unwrap();
        let passing = names(folder.path())
            .into_iter()
            .find(|name| name.ends_with(".part"));
        let (_, _, passing_mode) = access(&folder.path().join(passing.unwrap()));
        assert_eq!(passing_mode, 0o600, "until it has its name");
        output.finish().unwrap();
        assert_eq!(access(&path), before);
        assert_eq!(fs::read(&path).unwrap(), b"new");
        fs::remove_file(&path).unwrap();
    }
}

#[cfg(unix)]
#[test]
fn replacement_part_keeps_the_access_of_the_older_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let of = |name: &str| folder.path().join(name);
    let mode = |name| fs::metadata(of(name)).unwrap().permissions().mode() & 0o7777;
    for name in ["out-a.log.zst", "out.csv"] {
        fs::write(of(name), "old").unwrap();
        fs::set_permissions(of(name), fs::Permissions::from_mode(0o640)).unwrap();
    }
    let names = PartNames {
        whole: &of("out.log.zst"),
        stem: "out",
        ending: ".log.zst",
        example: EXAMPLE,
    };
    let mut parts = PartFiles::create(names, &[]).unwrap();
    parts.begin("a", b"new").unwrap();
    parts.begin("b", b"new").unwrap();
    parts.finish(|_| String::new()).unwrap();
    File::create(of("plain")).unwrap();
    assert_eq!((mode("out-a.log.zst"), mode("out.csv")), (0o640, 0o640));
    assert_eq!(mode("out-b.log.zst"), mode("plain"));
}

#[cfg(unix)]
#[test]
fn write_protected_file_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.log");
    fs::write(&path, "kept").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    assert!(refusal(folder.path(), &path, &[]).contains("write-protected"));
}

#[cfg(target_os = "linux")]
#[test]
fn full_disk_is_an_error_that_names_the_target() {
    let mut output = Output::create(Path::new("/dev/full"), EXAMPLE, &[]).unwrap();
    let error = output.write_all(&vec![7; 1 << 20]).unwrap_err();
    let ErrorKind::NoRoom { path, said } = error.kind() else {
        panic!("not a full disk: {error:?}");
    };
    assert_eq!(path, Path::new("/dev/full"));
    assert_eq!(said.kind(), io::ErrorKind::StorageFull);
}

#[cfg(target_os = "linux")]
#[test]
fn device_is_written_directly() {
    let mut output = Output::create(Path::new("/dev/null"), EXAMPLE, &[]).unwrap();
    output.write_all(&[7; 10]).unwrap();
    assert_eq!(output.finish().unwrap(), 10);
}

#[cfg(target_os = "linux")]
#[test]
fn pipe_without_a_reader_has_its_own_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    let status = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(status.unwrap().success());
    let reader = std::thread::spawn({
        let path = path.clone();
        move || drop(File::open(path).unwrap())
    });
    let mut output = Output::create(&path, EXAMPLE, &[]).unwrap();
    reader.join().unwrap();
    let error = output.write_all(&vec![7; 1 << 20]).unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::ReaderGone { .. }),
        "{error}"
    );
    assert_eq!(names(folder.path()), ["pipe"]);
}
