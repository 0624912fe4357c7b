// SPDX-License-Identifier: MIT OR Apache-2.0
//! `new`: makes a crate outside the tree that holds a workload, its system description, and `./x`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use crate::cli::NewOptions;
use crate::failure::{Doing, Exit, Failure};
use crate::terminal;
use crate::workspace::Workspace;

/// Files of a new crate: where, what, and the mode.
const FILES: [(&str, &str, u32); 6] = [
    ("Cargo.toml", include_str!("../templates/Cargo.toml.in"), 0o644),
    ("build.rs", include_str!("../templates/build.rs.in"), 0o644),
    ("src/main.rs", include_str!("../templates/main.rs.in"), 0o644),
    ("system.toml", include_str!("../templates/system.toml.in"), 0o644),
    ("x", include_str!("../templates/x.in"), 0o755),
    (".gitignore", "/target\n", 0o644),
];

/// Makes the crate.
pub fn new(options: &NewOptions) -> Result<Exit, Failure> {
    let workspace = Workspace::find()?;
    let name = package_name(&options.path)?;
    make(&options.path, name, workspace.root())?;
    let path = terminal::shell_word(&options.path.display().to_string());
    anstream::println!("made the crate {name}; to boot it: cd {} && ./x run", terminal::line(&path));
    Ok(Exit::Success)
}

/// The last part of the path, if cargo and a description both take it as a name.
fn package_name(path: &Path) -> Result<&str, Failure> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let fits = (1..=skerry_system::MAX_NAME).contains(&name.len());
    if fits && name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(allowed) {
        return Ok(name);
    }
    Err(Failure::bad_input(format!(
        "`{}` does not end in a name for a crate\n  expected: a letter, then letters, digits, `-` or `_`, 32 at most",
        path.display()
    )))
}

/// The way from a directory to another one: both may be moved together.
fn relative(from: &Path, to: &Path) -> PathBuf {
    let common = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    let up = from.components().skip(common).map(|_| Component::ParentDir);
    let way: PathBuf = up.chain(to.components().skip(common)).collect();
    if way.as_os_str().is_empty() { PathBuf::from(".") } else { way }
}

fn make(dir: &Path, name: &str, skerry: &Path) -> Result<(), Failure> {
    if dir.exists() {
        return Err(Failure::bad_input(format!(
            "{} exists already\n  expected: a directory to make; choose another name or remove it",
            dir.display()
        )));
    }
    fs::create_dir_all(dir).doing(format_args!("making {}", dir.display()))?;
    let place = dir.canonicalize().doing(format_args!("making {}", dir.display()))?;
    let skerry = relative(&place, skerry);
    let skerry = skerry.to_str().ok_or_else(|| {
        Failure::bad_input(format!("the path of Skerry is not UTF-8: {}", skerry.display()))
    })?;
    let runtime = toml::Value::from(format!("{skerry}/userland/runtime")).to_string();
    for (file, template, mode) in FILES {
        let path = dir.join(file);
        let parent = path.parent().unwrap_or(dir);
        fs::create_dir_all(parent).doing(format_args!("making {}", parent.display()))?;
        let text = template.replace("{name}", name).replace("{runtime}", &runtime);
        let text = text.replace("{skerry}", &terminal::shell_word(skerry));
        fs::write(&path, text).doing(format_args!("writing {}", path.display()))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).doing(path.display())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::description;

    #[test]
    fn a_new_crate_has_a_description_that_is_right_and_no_absolute_path() {
        let parent = tempfile::tempdir().expect("a temporary directory can be made");
        let parent = parent.path().canonicalize().expect("it is there");
        let (dir, skerry) = (parent.join("work/beacon"), parent.join("the $(tree)\n"));
        make(&dir, "beacon", &skerry).expect("nothing is in the way");
        let read = |file: &str| fs::read_to_string(dir.join(file)).expect("it was written");
        let manifest: toml::Table = read("Cargo.toml").parse().expect("it is TOML");
        assert_eq!(manifest["package"]["name"].as_str(), Some("beacon"));
        let runtime = manifest["dependencies"]["userland"]["path"].as_str();
        assert_eq!(runtime, Some("../../the $(tree)\n/userland/runtime"));
        assert!(
            read("x").contains("\nexec \"$(dirname \"$0\")\"/'../../the $(tree)\n'/x \"$@\"\n"),
            "{}",
            read("x")
        );
        let absolute = parent.to_str().expect("it is text");
        assert!(FILES.iter().all(|(file, ..)| !read(file).contains(absolute)));
        let loaded = description::load(&dir.join("system.toml"), &[]).expect("the description is right");
        assert_eq!(loaded.description.name, "beacon");
        let mode = fs::metadata(dir.join("x")).expect("it was written").permissions().mode();
        assert_eq!(mode & 0o777, 0o755);
    }

    #[test]
    fn the_way_between_directories_goes_up_and_down() {
        let way = |from, to| relative(Path::new(from), Path::new(to)).display().to_string();
        assert_eq!(way("/a/b/c", "/a/d"), "../../d");
        assert_eq!(way("/a", "/a/d/e"), "d/e");
        assert_eq!((way("/a/b", "/"), way("/a", "/a")), ("../..".to_owned(), ".".to_owned()));
    }

    #[test]
    fn nothing_that_exists_is_overwritten() {
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        let refused = make(dir.path(), "beacon", Path::new("/opt/skerry")).expect_err("it exists");
        assert!(refused.message.contains("exists already"), "{refused}");
        assert_eq!(fs::read_dir(dir.path()).expect("it is readable").count(), 0);
    }

    #[test]
    fn a_crate_needs_a_name_that_cargo_takes() {
        assert_eq!(package_name(Path::new("../work/tide_gauge-2")).ok(), Some("tide_gauge-2"));
        for path in ["", "..", "a b", "2nd", "naïve", "a-name-that-is-longer-than-any-name-may-be"] {
            assert!(package_name(Path::new(path)).is_err(), "{path}");
        }
    }
}
