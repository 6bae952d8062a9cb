//! The page of `report`, in a real browser: nothing fails, and searching, sorting and choosing work, by mouse and keyboard.
//!
//! A headless Chromium runs the page with a script of ours behind its own; what that finds is read from the page. Where no
//! browser is found the test says so and passes: `VARKEEP_BROWSER` names one, `VARKEEP_BROWSER=required` makes it fail.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::run::answer;
use crate::sample;

const BROWSERS: [&str; 5] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];

/// Catches what goes wrong, from the first script on.
const WATCHER: &str = "<script>
window.trouble = [];
const note = (what) => window.trouble.push(String(what));
addEventListener('error', (event) => note(event.message));
addEventListener('unhandledrejection', (event) => note(event.reason));
addEventListener('securitypolicyviolation', (event) => note(`policy: ${event.blockedURI}`));
for (const kind of ['error', 'warn']) { console[kind] = (...words) => note(words.join(' ')); }
</script>";

const EXERCISE: &str = include_str!("browser.js");

fn browser() -> Option<PathBuf> {
    let named = std::env::var_os("VARKEEP_BROWSER").filter(|name| name != "required");
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let in_path =
        |name: &str| std::env::split_paths(&paths).map(|folder| folder.join(name)).find(|path| path.is_file());
    let found = named.map(PathBuf::from).or_else(|| BROWSERS.into_iter().find_map(in_path));
    if found.is_none() {
        assert!(std::env::var_os("VARKEEP_BROWSER").is_none(), "no browser was found, and one is required");
        // Past the capture of the test's output: this is to be seen.
        let told = "SKIPPED: no browser to look at the report with; install chromium, or set VARKEEP_BROWSER\n";
        drop(std::io::stderr().write_all(told.as_bytes()));
    }
    found
}

/// Runs a page and gives what the exercise found.
fn exercise(browser: &Path, folder: &Path, page: &str, size: &str) -> Value {
    let html = std::fs::read_to_string(folder.join(page)).unwrap();
    let (head, rest) = html.split_once("<meta charset=\"utf-8\">").unwrap();
    let (body, end) = rest.rsplit_once("</body>").unwrap();
    let watched = format!("{head}<meta charset=\"utf-8\">{WATCHER}{body}<script>{EXERCISE}</script></body>{end}");
    let path = folder.join("watched.html");
    std::fs::write(&path, watched).unwrap();
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new(browser)
        .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000", "--dump-dom"])
        .arg(format!("--window-size={size}"))
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("file://{}", path.display()))
        .output()
        .unwrap();
    let dom = String::from_utf8_lossy(&output.stdout);
    let found = dom.split("<pre id=\"found\">").nth(1).and_then(|rest| rest.split("</pre>").next());
    let found =
        found.unwrap_or_else(|| panic!("the exercise did not end: {}", String::from_utf8_lossy(&output.stderr)));
    serde_json::from_str(&found.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")).unwrap()
}

#[test]
fn the_page_works_in_a_browser_and_asks_nothing_of_any_network() {
    let folder = tempfile::tempdir().unwrap();
    let store = sample::digits(folder.path());
    // A name that would be markup, if it were let.
    let root = store.root();
    let hostile = root.get_variable("x").shape([2]).collections(["variables", "</script><script>alert(1)</script>"]);
    hostile.initializer(varkeep::init::ones()).get().unwrap();
    store.save("</script><img/src=x>").unwrap();
    drop(root);
    drop(store);
    answer(folder.path(), &["report", "digits.varkeep", "-o", "page.html"], 0);
    let html = std::fs::read_to_string(folder.path().join("page.html")).unwrap();
    for outside in ["http://", "https://", "src=\"", "url("] {
        let uses: Vec<&str> = html.split(outside).skip(1).filter(|rest| !rest.starts_with("www.w3.org/")).collect();
        assert!(uses.is_empty(), "{outside} is in the page: {}", &uses[0][..uses[0].len().min(80)]);
    }
    assert!(!html.contains("</script><img"), "a tag must not end the data");
    let Some(browser) = browser() else { return };
    for size in ["1280,900", "390,844"] {
        let found = exercise(&browser, folder.path(), "page.html", size);
        assert_eq!(found["trouble"], json!([]), "{size}");
        assert_eq!(found["title"], "digits.varkeep");
        assert_eq!(found["checkpoints"], json!(["step-0", "step-100", "step-200", "</script><img/src=x>"]));
        // Search.
        assert_eq!(found["searched"], json!(["embedding"]));
        assert_eq!(found["status"], "1 of 8 names");
        // Sort by bytes, most first; again, least first.
        let sorted = found["by_bytes"].as_array().unwrap();
        assert_eq!((sorted.len(), found["sort_order"].as_str()), (8, Some("descending")));
        assert!(sorted[0].as_str().unwrap().starts_with("hidden/w"), "{sorted:?}");
        assert_eq!(found["sort_again"], "ascending");
        // Another checkpoint.
        assert_eq!(found["steps"], json!({"step-200": "200", "step-0": "0"}));
        assert_eq!(found["names_in_step_0"], 7);
        // By keyboard: a box of the treemap is entered, and the crumbs lead back.
        assert_eq!(found["crumbs"], json!(["digits.varkeep", "hidden"]));
        assert_eq!(found["focus_in_treemap"], true);
        // A variable is chosen: its ridges are there, one for each checkpoint that holds it.
        assert_eq!((&found["detail"], &found["ridges"]), (&json!("hidden/w"), &json!(4)));
        // Any two checkpoints.
        assert_eq!(found["differing"], json!(["embedding", "hidden/w", "step"]));
        assert_eq!(found["same"], "equal");
        assert_eq!(found["themes"], json!(["light", "dark"]));
        // Every picture and control has words.
        assert_eq!(found["unnamed"], json!([]));
        assert_eq!(found["wider_than_window"], false, "{size}");
        assert_eq!(found["flags"], json!(["not finite", "dead", "frozen", "dead"]));
    }
}
