//! What `contrib/` installs works: each file is read by the program that it is
//! for where that is installed, and its command is run.
//!
//! Where a program is missing the test passes, and says `SKIPPED` and why on
//! stderr; with `CI=true` it fails instead.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by panicking"
)]

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const BINARY: &str = env!("CARGO_BIN_EXE_tcpstate");

fn contrib(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("contrib")
        .join(name)
}

fn text_of(name: &str) -> String {
    fs::read_to_string(contrib(name)).expect("readable")
}

/// Runs a program; `None`, and said loudly, where it isn't installed.
fn tool(program: &str, package: &str, args: &[&str]) -> Option<Output> {
    // Debian's users have no /usr/sbin in their path.
    let places = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin";
    let mut command = Command::new(program);
    match command.args(args).env("PATH", places).output() {
        Ok(output) => Some(output),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
            assert!(!ci, "can't be skipped with CI=true: no {program}");
            // libtest captures what the print macros write, but not this.
            let thread = std::thread::current();
            let test = thread.name().unwrap_or("a test").to_owned();
            writeln!(
                io::stderr(),
                "SKIPPED {test}: no {program}; Debian has it in {package}"
            )
            .expect("write to stderr");
            None
        }
        Err(error) => panic!("{program}: {error}"),
    }
}

fn assert_fine(output: &Output) {
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{complained}");
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a path that is text")
}

/// Runs a line as cron does: hardly any environment, and a shell.
fn as_cron(line: &str) -> Output {
    let directory = Path::new(BINARY).parent().expect("a parent");
    Command::new("/bin/sh")
        .args(["-c", line])
        .env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin", path(directory)))
        .env("HOME", env!("CARGO_TARGET_TMPDIR"))
        .output()
        .expect("a shell")
}

#[test]
fn prometheus_takes_the_rules() {
    let rules = contrib("prometheus/tcpstate.rules.yml");
    if let Some(output) = tool("promtool", "prometheus", &["check", "rules", path(&rules)]) {
        assert_fine(&output);
    }
    let tests = contrib("prometheus/tcpstate.test.yml");
    if let Some(output) = tool("promtool", "prometheus", &["test", "rules", path(&tests)]) {
        assert_fine(&output);
    }
}

/// The metrics that these expressions ask for are written without `--metrics`,
/// and there are at least so many.
fn assert_asks_for_metrics_that_there_are<'a>(
    expressions: impl Iterator<Item = &'a str>,
    at_least: usize,
) {
    let page = Command::new(BINARY)
        .args(["check", "--format", "prometheus"])
        .output()
        .expect("it runs");
    let page = String::from_utf8(page.stdout).expect("text");
    let mut asked = BTreeSet::new();
    // A recorded series (instance:…) is one of the rules' own.
    let is_name = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    for word in expressions.flat_map(|line| line.split(move |c: char| !is_name(c))) {
        if word.starts_with("tcpstate_") {
            assert!(page.contains(&format!("# TYPE {word} ")), "{word}");
            asked.insert(word);
        }
    }
    assert!(asked.len() >= at_least, "{asked:?}");
}

/// Every metric that is written by default has a line in the table.
#[test]
fn every_metric_is_documented() {
    let page = Command::new(BINARY)
        .args(["check", "--format", "prometheus"])
        .output()
        .expect("it runs");
    let page = String::from_utf8(page.stdout).expect("text");
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    let docs = fs::read_to_string(docs).expect("readable");
    let names = page.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    for name in names.filter_map(|line| line.split(' ').next()) {
        assert!(docs.contains(&format!("\n| `{name}` |")), "{name}");
    }
}

#[test]
fn the_rules_are_about_metrics_that_there_are() {
    let rules = text_of("prometheus/tcpstate.rules.yml");
    let expressions = rules
        .lines()
        .filter(|line| !line.contains("description") && !line.contains("summary"));
    assert_asks_for_metrics_that_there_are(expressions, 3);
}

#[test]
fn the_dashboard_is_about_metrics_that_there_are() {
    let dashboard: serde_json::Value =
        serde_json::from_str(&text_of("grafana/tcpstate.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let targets = panels
        .iter()
        .flat_map(|panel| panel["targets"].as_array().expect("targets"));
    let variables = dashboard["templating"]["list"]
        .as_array()
        .expect("variables");
    let queries = variables
        .iter()
        .filter_map(|variable| variable["definition"].as_str());
    let expressions = targets.map(|target| target["expr"].as_str().expect("a query"));
    assert_asks_for_metrics_that_there_are(expressions.chain(queries), 15);
}

/// The page of an alert, and the heading for each topic that it can have.
#[test]
fn every_runbook_is_a_page() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR"));
    let rules = text_of("prometheus/tcpstate.rules.yml");
    let mut pages = 0;
    for line in rules.lines() {
        if let Some(page) = line.trim().strip_prefix("runbook: ") {
            let page = page.trim_matches('\'').split('#').next().expect("a page");
            assert!(docs.join(page).exists(), "{page}");
            pages += 1;
        }
    }
    assert_eq!(pages, rules.matches("- alert:").count());
}

/// Moves a unit's command to the binary under test.
fn staged_units() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    for name in ["tcpstate-check.service", "tcpstate-check.timer"] {
        let text = text_of(&format!("systemd/{name}")).replace("/usr/bin/tcpstate", BINARY);
        fs::write(directory.path().join(name), text).expect("written");
    }
    directory
}

#[test]
fn systemd_takes_the_units_and_finds_them_tight() {
    let directory = staged_units();
    let service = directory.path().join("tcpstate-check.service");
    let timer = directory.path().join("tcpstate-check.timer");
    let args = ["verify", "--man=no", path(&service), path(&timer)];
    if let Some(output) = tool("systemd-analyze", "systemd", &args) {
        assert_fine(&output);
        assert!(output.stderr.is_empty(), "{output:?}");
    }
    // In tenths: 2.0 is what systemd calls OK, and most services have 9.
    let args = [
        "security",
        "--offline=yes",
        "--threshold=20",
        path(&service),
    ];
    if let Some(output) = tool("systemd-analyze", "systemd", &args) {
        assert_fine(&output);
    }
}

#[test]
fn the_commands_of_the_units_and_plugins_run() {
    let state = tempfile::tempdir().expect("a directory");
    let service = text_of("systemd/tcpstate-check.service");
    let nagios = text_of("nagios/tcpstate.cfg")
        .replace("$ARG1$", "-w sockets=@~:")
        .replace("/var/lib/tcpstate", path(state.path()));
    let icinga = text_of("icinga2/tcpstate.conf");
    let unit = service
        .lines()
        .find_map(|line| line.strip_prefix("ExecStart="))
        .expect("a command");
    let plugin = nagios
        .lines()
        .find_map(|line| line.trim().strip_prefix("command_line"))
        .expect("a command");
    let list = icinga
        .lines()
        .find_map(|line| line.trim().strip_prefix("command = "))
        .expect("a command");
    let list = list.replace(['[', ']', ',', '"'], " ");
    for (command, statuses) in [
        (unit, &[0, 1, 2][..]),
        (plugin, &[1, 2]),
        (&list, &[0, 1, 2]),
    ] {
        let line = command.replace("/usr/bin/tcpstate", BINARY);
        let line = format!("STATE_DIRECTORY={} {line}", path(state.path()));
        let output = as_cron(&line);
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.starts_with("TCPSTATE "), "{line}: {output:?}");
        let status = output.status.code().expect("an exit status");
        assert!(statuses.contains(&status), "{line}: {output:?}");
        assert!(output.stderr.is_empty(), "{line}: {output:?}");
    }
    assert!(state.path().join("check.json").is_file());
}

/// The loop of the DaemonSet, once around, with its places moved.
#[test]
fn the_command_of_the_daemonset_writes_every_namespace() {
    let directory = tempfile::tempdir().expect("a directory");
    let manifest = text_of("kubernetes/tcpstate.yaml");
    let lines: Vec<&str> = manifest
        .lines()
        .map(str::trim)
        .skip_while(|line| !line.starts_with("while "))
        .take_while(|line| *line != "done")
        .collect();
    let script = lines.join("\n") + "\ndone";
    assert!(script.contains("--netns all"), "{script}");
    let script = script
        .replace("sleep 60", "break")
        .replace("/state/", &format!("{}/", path(directory.path())))
        .replace("/textfile/", &format!("{}/", path(directory.path())));
    let output = as_cron(&script);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let page = fs::read_to_string(directory.path().join("tcpstate.prom")).expect("the page");
    assert!(page.contains("tcpstate_namespaces{"), "{page}");
}

/// The name that `id` prints of this user or its group.
fn own(flags: &str) -> String {
    let output = Command::new("id").arg(flags).output().expect("id");
    let name = String::from_utf8(output.stdout).expect("text");
    name.trim().to_owned()
}

/// What an Icinga 2 has around a file in conf.d, as little as can be.
const ICINGA: &str = r#"
const NodeName = "web-3"
const ZoneName = NodeName
object Endpoint NodeName { }
object Zone ZoneName { endpoints = [ NodeName ] }
include <itl>
template Service "generic-service" { max_check_attempts = 5 }
object Host NodeName {
  check_command = "dummy"
  vars.os = "Linux"
}
object Host "router" {
  check_command = "dummy"
}
"#;

#[test]
fn icinga_takes_the_command_and_applies_it_to_its_own_host() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("icinga2.conf");
    let ours = contrib("icinga2/tcpstate.conf");
    let text = format!("{ICINGA}include \"{}\"\n", path(&ours));
    fs::write(&file, text).expect("written");
    let mut args = vec!["daemon", "-C", "-c", path(&file)];
    let place = |name| format!("{name}={}", path(directory.path()));
    let mut defines: Vec<String> = ["DataDir", "LogDir", "CacheDir", "InitRunDir"]
        .map(place)
        .to_vec();
    defines.push(format!("RunAsUser={}", own("-un")));
    defines.push(format!("RunAsGroup={}", own("-gn")));
    for define in &defines {
        args.extend(["-D", define]);
    }
    let Some(output) = tool("icinga2", "icinga2-bin", &args) else {
        return;
    };
    assert_fine(&output);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("Instantiated 1 Service."), "{said}");
    assert!(
        !said.contains("warning/") && !said.contains("critical/"),
        "{said}"
    );
}

/// What a Nagios has around a file of its own, as little as can be.
const NAGIOS: &str = "
define command {
    command_name alive
    command_line /bin/true
}
define timeperiod {
    timeperiod_name always
    alias always
    sunday 00:00-24:00
}
define contact {
    contact_name nobody
    host_notification_period always
    service_notification_period always
    host_notification_commands alive
    service_notification_commands alive
}
define host {
    host_name localhost
    address 127.0.0.1
    check_command alive
    check_period always
    max_check_attempts 3
    contacts nobody
    notification_period always
}
define service {
    name generic-service
    register 0
    max_check_attempts 3
    check_period always
    notification_period always
    contacts nobody
}
";

#[test]
fn nagios_takes_the_command_and_the_service() {
    let directory = tempfile::tempdir().expect("a directory");
    let around = directory.path().join("around.cfg");
    fs::write(&around, NAGIOS).expect("written");
    let main = directory.path().join("nagios.cfg");
    let text = format!(
        "log_file={place}/nagios.log\ncfg_file={}\ncfg_file={}\ncheck_result_path={place}\n\
         illegal_macro_output_chars=`\nnagios_user={}\nnagios_group={}\n",
        path(&around),
        path(&contrib("nagios/tcpstate.cfg")),
        own("-un"),
        own("-gn"),
        place = path(directory.path()),
    );
    fs::write(&main, text).expect("written");
    let Some(output) = tool("nagios4", "nagios4-core", &["-v", path(&main)]) else {
        return;
    };
    assert_fine(&output);
    let said = String::from_utf8_lossy(&output.stdout);
    for line in [
        "Checked 1 services.",
        "Total Warnings: 0",
        "Total Errors:   0",
    ] {
        assert!(said.contains(line), "{line} in {said}");
    }
}

/// The options that Icinga gives are options that there are.
#[test]
fn icinga_knows_our_options() {
    let help = Command::new(BINARY)
        .args(["check", "--help"])
        .output()
        .expect("it runs");
    let help = String::from_utf8(help.stdout).expect("text");
    let text = text_of("icinga2/tcpstate.conf");
    let options: Vec<&str> = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix('"')?.split('"').next())
        .filter(|word| word.starts_with('-'))
        .collect();
    assert_eq!(options.len(), 5);
    for option in options {
        assert!(help.contains(&format!("{option} ")) || help.contains(&format!("{option}, ")));
    }
}

#[test]
fn cron_mails_nothing_when_all_is_well_and_the_textfile_is_written() {
    let directory = tempfile::tempdir().expect("a directory");
    let text = text_of("cron/tcpstate");
    let commands: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with('*'))
        .map(|line| line.splitn(7, ' ').last().expect("a command"))
        .collect();
    assert_eq!(commands.len(), 2, "{commands:?}");
    // A range that never alerts: all is well whatever this machine does.
    let calm = "--only listen -c 'listen=~:'";
    let kept = commands[0].replace("/var/lib/tcpstate", path(directory.path()));
    let quiet = as_cron(&format!("{kept} {calm}"));
    assert!(directory.path().join("check.json").is_file());
    assert_eq!(quiet.status.code(), Some(0), "{quiet:?}");
    assert!(
        quiet.stdout.is_empty() && quiet.stderr.is_empty(),
        "{quiet:?}"
    );
    let page = directory.path().join("tcpstate.prom");
    let place = "/var/lib/prometheus/node-exporter/tcpstate.prom";
    assert!(commands[1].contains(place), "{commands:?}");
    let written = as_cron(&commands[1].replace(place, path(&page)));
    assert!(
        written.stdout.is_empty() && written.stderr.is_empty(),
        "{written:?}"
    );
    let failed = as_cron(&commands[1].replace(place, "/proc/none/page.prom"));
    let mailed = String::from_utf8_lossy(&failed.stderr);
    assert!(
        mailed.contains("cannot write /proc/none/page.prom"),
        "{failed:?}"
    );
    // The line of the status names the worst, and that may be another thing.
    let ill = commands[1].replace("check ", "check -c sockets=@~: ");
    let failed = as_cron(&ill.replace(place, "/proc/none/page.prom"));
    let mailed = String::from_utf8_lossy(&failed.stderr);
    assert!(
        mailed.contains("cannot write /proc/none/page.prom"),
        "{failed:?}"
    );
    let page = fs::read_to_string(page).expect("the page");
    assert!(
        page.contains("tcpstate_sockets{state=\"close_wait\"} "),
        "{page}"
    );
}

#[test]
fn docker_gets_a_zero_or_a_one() {
    // One line, as Docker reads it.
    let text = text_of("docker/Dockerfile").replace("\\\n", "");
    let command = text
        .lines()
        .find_map(|line| line.split_once("CMD ").map(|(_, command)| command))
        .expect("a command");
    let state = tempfile::tempdir().expect("a directory");
    let command = command.replace("/tmp", path(state.path()));
    // Whatever leaks on this machine: ranges of our own decide.
    let calm = "-w close_wait_leaked_by_one=~: -c close_wait_leaked_by_one=~:";
    for (range, status) in [
        ("-w close_wait_leaked=~: -c close_wait_leaked=~:", 0),
        ("-w close_wait_leaked=@~: -c close_wait_leaked=~:", 0),
        ("-c close_wait_leaked=@~:", 1),
    ] {
        let staged = command.replace(" check", &format!(" check {calm} {range}"));
        let output = as_cron(&staged);
        assert_eq!(output.status.code(), Some(status), "{staged}: {output:?}");
    }
    assert!(state.path().join("tcpstate.json").is_file());
}
