// SPDX-License-Identifier: MIT OR Apache-2.0
//! The page of a report in a real browser. `./x test` runs these where there is one; plain `cargo test` does not.

use std::fs;
use std::path::Path;
use std::process::Command;

use qemu_smp::browser::{self, Rendered};
use serde_json::Value;

/// Devices of all kinds, rights of both, names as long as they may be, channels with all lines.
const MIXED: &str = r#"
[system]
name = "mixed"
[[instance]]
name = "control"
program = "ping-pong"
memory = "64M"
[[instance]]
name = "a-very-long-instance-name-of-32c"
program = "ping-pong"
idle = "poll"
[[instance]]
name = "worker"
memory = "10%"
[[region]]
name = "frames"
size = "4M"
members = [{ instance = "control" }, { instance = "worker", rights = "r" }]
[[region]]
name = "a-very-long-region-name-of-32-ch"
size = "128K"
members = [{ instance = "worker" }]
[[channel]]
from = "control"
to = "worker"
lines = 64
ack = false
[[channel]]
from = "worker"
to = "control"
[[channel]]
name = "a-channel-within-one-instance"
from = "worker"
to = "worker"
[[program]]
name = "work"
instance = "worker"
image = "crew"
[[device]]
name = "net"
owner = "worker"
kind = "mmio"
base = 0xfeb00000
size = "64K"
[[device]]
name = "serial-2"
owner = "a-very-long-instance-name-of-32c"
kind = "ports"
first = 0x2f8
last = 0x2ff
"#;

/// Measures the drawings and says which texts overlap, or leave their drawing.
const MEASURE: &str = r#"<script>
const found = [];
for (const svg of document.querySelectorAll('svg')) {
  const frame = svg.getBoundingClientRect();
  const texts = [...svg.querySelectorAll('text')].map(text => [text, text.getBoundingClientRect()]);
  for (const [text, box] of texts)
    if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 || box.bottom > frame.bottom + 1)
      found.push(`${svg.id}: ${text.textContent} leaves the drawing`);
  const level = texts.filter(([text]) => !text.hasAttribute('transform'));
  level.forEach(([text, box], index) => level.slice(index + 1).forEach(([other, next]) => {
    const apart = box.right <= next.left || next.right <= box.left || box.bottom - 3 <= next.top || next.bottom - 3 <= box.top;
    if (!apart) found.push(`${svg.id}: ${text.textContent} overlaps ${other.textContent}`);
  }));
}
document.body.innerHTML = `<p id="found">${found.length} found</p>` + found.join('\n');
</script></body>"#;

/// `report` with these arguments: the page, and the same as JSON.
fn report(dir: &Path, arguments: &[&str]) -> (String, Value) {
    let (page, json) = (dir.join("report.html"), dir.join("report.json"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_qemu-smp"));
    command
        .current_dir(
            Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("cargo says where the crate is"))
                .join(".."),
        )
        .arg("report")
        .arg("--html")
        .arg(&page)
        .arg("--json")
        .arg(&json);
    let output = command.args(arguments).output().expect("the tool starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read = |path: &Path| fs::read_to_string(path).expect("the file was written");
    (read(&page), serde_json::from_str(&read(&json)).expect("it is JSON"))
}

fn render(page: &str) -> Rendered {
    let browser = browser::find().expect("a browser is installed");
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let file = dir.path().join("page.html");
    fs::write(&file, page).expect("the file can be written");
    browser::render(browser, &file).unwrap_or_else(|failure| panic!("{failure}"))
}

/// The text of a drawing in a rendered document.
fn drawing<'a>(dom: &'a str, id: &str) -> &'a str {
    let begin = dom.find(&format!("<svg id=\"{id}\"")).unwrap_or_else(|| panic!("no drawing {id} in\n{dom}"));
    dom[begin..].split("</svg>").next().unwrap_or_default()
}

fn names<'a>(document: &'a Value, kind: &str) -> Vec<&'a str> {
    let items = document[kind].as_array().expect("the report has a list of each kind");
    items.iter().map(|item| item["name"].as_str().expect("everything has a name")).collect()
}

fn assert_names_are_drawn(page: &str, document: &Value) {
    let rendered = render(page);
    assert!(rendered.console.is_empty(), "the browser complains: {:?}", rendered.console);
    assert!(!rendered.left_the_page, "the page asks for something that is not in it");
    let (wiring, pieces) = (drawing(&rendered.dom, "wiring"), drawing(&rendered.dom, "pieces"));
    for name in [names(document, "instances"), names(document, "devices")].concat() {
        assert!(wiring.contains(&format!(">{name}</text>")), "{name} is not in the drawing");
    }
    for name in names(document, "regions") {
        assert!(wiring.contains(&format!(">{name}</text>")), "region {name} is not in the wiring");
        assert!(pieces.contains(&format!(">region {name} (")), "region {name} is not in the memory");
    }
    for name in names(document, "channels") {
        assert!(wiring.contains(&format!(">{name} (")), "channel {name} is not in the drawing");
    }
    for name in names(document, "instances") {
        assert!(pieces.contains(&format!(">{name}: kernel and root task</text>")), "{name} has no memory");
    }
}

/// Lets a script measure a copy of the page, from which the policy that forbids scripts is taken.
fn assert_texts_are_legible(page: &str) {
    let policy = page.find("<meta http-equiv").expect("the page has a policy");
    let end = policy + page[policy..].find('>').expect("the element ends") + 1;
    let copy = format!("{}{}", &page[..policy], &page[end..]).replace("</body>", MEASURE);
    let rendered = render(&copy);
    assert!(rendered.console.is_empty(), "the measuring failed: {:?}", rendered.console);
    let found = rendered.dom.split("<p id=\"found\">").nth(1).expect("the script has run");
    assert!(found.starts_with("0 found<"), "{found}");
}

/// Reports of systems that differ as much as they can: pages with their documents.
fn reports(dir: &Path) -> impl Iterator<Item = (String, Value)> {
    let mixed = dir.join("mixed.toml");
    fs::write(&mixed, MIXED).expect("the file can be written");
    let mixed = mixed.display().to_string();
    let systems: [Vec<&str>; 5] = [
        vec!["systems/ping-pong.toml"],
        vec!["systems/programs.toml"],
        vec!["--cpus", "1"],
        vec!["--cpus", "64"],
        vec![&mixed, "--memory", "6G"],
    ];
    let made = systems.map(|arguments| report(dir, &arguments));
    made.into_iter()
}

#[test]
#[ignore = "needs a browser"]
fn every_name_is_drawn_and_nothing_is_fetched_in_a_browser() {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    for (page, document) in reports(dir.path()) {
        assert_names_are_drawn(&page, &document);
    }
}

#[test]
#[ignore = "needs a browser"]
fn no_text_overlaps_another_or_leaves_its_drawing_in_a_browser() {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    for (page, _) in reports(dir.path()) {
        assert_texts_are_legible(&page);
    }
}

#[test]
#[ignore = "needs a browser"]
fn failing_scripts_and_requests_are_noticed_in_a_browser() {
    let rendered = render("<html><body><script>missing();</script></body></html>");
    assert!(rendered.console.iter().any(|line| line.contains("missing is not defined")), "{rendered:?}");
    assert!(!rendered.left_the_page);
    let rendered = render("<html><body><img src=\"http://elsewhere.example/a.png\"></body></html>");
    assert!(rendered.left_the_page, "{rendered:?}");
}
