//! The folders in which Wireshark looks for the files of its user.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Wireshark's folders, as far as they matter here. They need not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folders {
    /// The user's profiles are in `profiles` in it.
    pub configuration: PathBuf,
    /// The user's Lua scripts.
    pub plugins: PathBuf,
    /// The user's extcaps: programs that Wireshark offers as capture interfaces.
    pub extcap: PathBuf,
    /// The configuration that all users share, with the usual coloring rules.
    pub shared: Option<PathBuf>,
}

impl Folders {
    /// Asks tshark for the folders; `None` if there is no tshark, or it does not say.
    #[must_use]
    pub fn of_tshark() -> Option<Self> {
        let answer = Command::new("tshark")
            .args(["-G", "folders"])
            .output()
            .ok()?;
        Self::listed(&String::from_utf8(answer.stdout).ok()?)
    }

    /// Returns the folders below a personal configuration folder, where plugins are too if Wireshark
    /// has its configuration there.
    #[must_use]
    pub fn below(configuration: &Path) -> Self {
        Self {
            configuration: configuration.to_owned(),
            plugins: configuration.join("plugins"),
            extcap: configuration.join("extcap"),
            shared: None,
        }
    }

    /// Reads the list that `tshark -G folders` prints: name, colon, tab, path.
    fn listed(list: &str) -> Option<Self> {
        let folder = |name: &str| {
            let named = list.lines().filter_map(|line| line.split_once(':'));
            let mut paths = named.filter(|(known, _)| *known == name);
            let path = paths.next()?.1.trim();
            (!path.is_empty()).then(|| PathBuf::from(path))
        };
        let configuration = folder("Personal configuration")?;
        Some(Self {
            plugins: folder("Personal Lua Plugins").or_else(|| folder("Personal Plugins"))?,
            // Before version 4.2 it was always there, and not in the list.
            extcap: folder("Personal Extcap path").unwrap_or_else(|| configuration.join("extcap")),
            shared: folder("Global configuration"),
            configuration,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_those_that_tshark_lists() {
        let list = "Temp:                \t/tmp\n\
            Personal configuration:\t/home/ada/.config/wireshark\n\
            Global configuration:\t/usr/share/wireshark\n\
            Personal Plugins:    \t/home/ada/.local/lib/wireshark/plugins/4.0\n\
            Personal Lua Plugins:\t/home/ada/.local/lib/wireshark/plugins\n";
        let folders = Folders::listed(list).unwrap();
        assert_eq!(
            folders.configuration,
            Path::new("/home/ada/.config/wireshark")
        );
        assert_eq!(
            folders.plugins,
            Path::new("/home/ada/.local/lib/wireshark/plugins")
        );
        assert_eq!(
            folders.extcap,
            Path::new("/home/ada/.config/wireshark/extcap")
        );
        assert_eq!(folders.shared.unwrap(), Path::new("/usr/share/wireshark"));
        let newer = format!("{list}Personal Extcap path:\t/home/ada/.local/lib/wireshark/extcap\n");
        assert_eq!(
            Folders::listed(&newer).unwrap().extcap,
            Path::new("/home/ada/.local/lib/wireshark/extcap")
        );
    }

    #[test]
    fn path_with_a_colon_is_whole() {
        let list = "Personal configuration:\tC:\\Users\\ada\\AppData\\Roaming\\Wireshark\n\
            Personal Plugins:\tC:\\Users\\ada\\AppData\\Roaming\\Wireshark\\plugins\n";
        let folders = Folders::listed(list).unwrap();
        assert!(
            folders
                .configuration
                .ends_with("C:\\Users\\ada\\AppData\\Roaming\\Wireshark")
        );
    }

    #[test]
    fn list_without_folders_is_none() {
        assert_eq!(Folders::listed("tshark: Invalid \"-G\" option"), None);
    }
}
