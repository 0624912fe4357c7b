// SPDX-License-Identifier: MIT OR Apache-2.0
//! A browser without a window: renders a page and tells what became of it. For tests of pages that this tool writes.

use std::io;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::failure::{Doing, Failure};
use crate::prerequisites::version_line;

/// Programs that can do it, the smallest first; the first is the Debian package as well.
pub const PROGRAMS: [&str; 4] =
    ["chromium-headless-shell", "chromium", "google-chrome", "google-chrome-stable"];

/// What a browser made of a page.
#[derive(Debug)]
pub struct Rendered {
    /// The document after scripts have run, as HTML.
    pub dom: String,
    /// What the page wrote to the browser's console: errors of scripts and refused requests among it.
    pub console: Vec<String>,
    /// Whether anything was asked of another machine.
    pub left_the_page: bool,
}

/// Seconds that a page may take.
const PATIENCE: &str = "60";

/// What the browser takes for the network. Its thread ends with this process.
struct Network {
    port: u16,
    was_asked: Arc<AtomicBool>,
}

impl Network {
    fn listen() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let was_asked = Arc::new(AtomicBool::new(false));
        let asked = was_asked.clone();
        // A request is answered by closing it.
        thread::spawn(move || listener.incoming().for_each(|_| asked.store(true, Ordering::Relaxed)));
        Ok(Network { port, was_asked })
    }
}

/// The first browser that is installed.
pub fn find() -> Option<&'static str> {
    PROGRAMS.into_iter().find(|program| version_line(program).is_some())
}

/// Opens a file. Whatever the page asks of the network goes to a port on which only this function listens, and refuses.
pub fn render(browser: &str, page: &Path) -> Result<Rendered, Failure> {
    let path = page.canonicalize().doing(format_args!("finding {}", page.display()))?;
    let profile = tempfile::tempdir().doing("making a directory for the browser")?;
    let network = Network::listen().doing("listening for requests of the page")?;
    // Ends the whole group of the browser's processes.
    let mut command = Command::new("timeout");
    command.args(["--kill-after=5", PATIENCE, browser]);
    // Without a sandbox, as it needs rights that root in a container has not; the page is our own.
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--dump-dom"]);
    command.args(["--disable-background-networking", "--no-first-run", "--enable-logging=stderr"]);
    command.arg(format!("--proxy-server=http://127.0.0.1:{}", network.port));
    command.arg(format!("--user-data-dir={}", profile.path().display()));
    let output = command.arg(format!("file://{}", path.display())).output();
    let output = output.doing(format_args!("starting {browser}"))?;
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        return Err(Failure::bad_input(format!("{browser} failed ({}):\n{errors}", output.status)));
    }
    Ok(Rendered {
        dom: String::from_utf8_lossy(&output.stdout).into_owned(),
        console: errors.lines().filter(|line| line.contains(":CONSOLE")).map(str::to_owned).collect(),
        left_the_page: network.was_asked.load(Ordering::Relaxed),
    })
}
