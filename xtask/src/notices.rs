//! The crates that are linked into the program, and their licenses.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use serde_json::Value;

use crate::tool::{cargo, output};

/// The answer of `cargo metadata` for one target.
pub(crate) struct Metadata(Value);

/// A crate that is linked into the program.
struct Linked<'a> {
    name: &'a str,
    version: &'a str,
    license: &'a str,
    folder: &'a Path,
}

impl Metadata {
    /// Asks cargo.
    ///
    /// # Errors
    /// A cargo that fails.
    pub(crate) fn of(target: &str) -> anyhow::Result<Self> {
        let text = output(cargo().args([
            "metadata",
            "--format-version=1",
            "--locked",
            "--filter-platform",
            target,
        ]))?;
        Ok(Self(serde_json::from_str(&text)?))
    }

    /// The folder that cargo builds in.
    pub(crate) fn target_folder(&self) -> &Path {
        Path::new(text(&self.0, "target_directory"))
    }

    /// The version of flow2pcap.
    ///
    /// # Errors
    /// A workspace without it.
    pub(crate) fn version(&self) -> anyhow::Result<&str> {
        Ok(text(self.package(self.root()?)?, "version"))
    }

    /// Lists the crates that are linked into the program, with the texts of their licenses.
    ///
    /// # Errors
    /// Metadata of another form, and license files that cannot be read.
    pub(crate) fn notices(&self, c_library: Option<&str>) -> anyhow::Result<String> {
        let crates = self.linked()?;
        let mut page = String::from("The program contains these works, under these licenses.\n\n");
        for library in c_library
            .into_iter()
            .chain(["Rust standard library: MIT OR Apache-2.0"])
        {
            writeln!(page, "{library}")?;
        }
        let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for linked in &crates {
            let name = format!("{} {}", linked.name, linked.version);
            writeln!(page, "{name}: {}", linked.license)?;
            for text in license_texts(linked.folder)? {
                texts.entry(text).or_default().push(name.clone());
            }
        }
        let mut texts: Vec<(Vec<String>, String)> = texts
            .into_iter()
            .map(|(text, names)| (names, text))
            .collect();
        texts.sort();
        for (names, text) in texts {
            let line = "-".repeat(80);
            write!(
                page,
                "\n{line}\n{}\n\n{}\n",
                names.join(", "),
                text.trim_end()
            )?;
        }
        Ok(page)
    }

    /// The crates that are linked into the program, by name and version.
    fn linked(&self) -> anyhow::Result<Vec<Linked<'_>>> {
        let nodes = list(&self.0["resolve"], "nodes");
        let nodes: BTreeMap<&str, &Value> =
            nodes.iter().map(|node| (text(node, "id"), node)).collect();
        let root = self.root()?;
        let (mut seen, mut next) = (BTreeSet::from([root]), vec![root]);
        while let Some(id) = next.pop() {
            let node = nodes
                .get(id)
                .with_context(|| format!("{id} is not resolved"))?;
            // Crates that only build scripts or tests use are not part of the program.
            let is_linked = |dependency: &&Value| {
                list(dependency, "dep_kinds")
                    .iter()
                    .any(|kind| kind["kind"].is_null())
            };
            for dependency in list(node, "deps").iter().filter(is_linked) {
                let id = text(dependency, "pkg");
                if seen.insert(id) {
                    next.push(id);
                }
            }
        }
        seen.remove(root);
        let crates = seen.into_iter().map(|id| self.linked_crate(id));
        let mut crates = crates.collect::<anyhow::Result<Vec<_>>>()?;
        crates.sort_by_key(|linked| (linked.name, linked.version));
        Ok(crates)
    }

    fn linked_crate(&self, id: &str) -> anyhow::Result<Linked<'_>> {
        let package = self.package(id)?;
        let manifest = Path::new(text(package, "manifest_path"));
        let license = text(package, "license");
        let name = text(package, "name");
        anyhow::ensure!(!license.is_empty(), "{name} names no license");
        Ok(Linked {
            name,
            version: text(package, "version"),
            license,
            folder: manifest.parent().unwrap_or(manifest),
        })
    }

    fn root(&self) -> anyhow::Result<&str> {
        let packages = list(&self.0, "packages").iter();
        let mut own = packages
            .filter(|package| package["source"].is_null() && package["name"] == "flow2pcap");
        let package = own
            .next()
            .context("the workspace has no package flow2pcap")?;
        Ok(text(package, "id"))
    }

    fn package(&self, id: &str) -> anyhow::Result<&Value> {
        let mut packages = list(&self.0, "packages").iter();
        let package = packages.find(|package| package["id"] == id);
        package.with_context(|| format!("{id} is not a package"))
    }
}

/// The license files at the top of a crate.
fn license_texts(folder: &Path) -> anyhow::Result<BTreeSet<String>> {
    let mut texts = BTreeSet::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default();
        let name = name.to_string_lossy().to_lowercase();
        let begins = [
            "license",
            "licence",
            "copying",
            "copyright",
            "notice",
            "unlicense",
        ];
        if path.is_file() && begins.iter().any(|begin| name.starts_with(begin)) {
            let bytes = fs::read(&path).with_context(|| path.display().to_string())?;
            texts.insert(String::from_utf8_lossy(&bytes).replace("\r\n", "\n"));
        }
    }
    Ok(texts)
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}
