//! /proc/PID/cgroup: where a process is in each hierarchy of cgroups.

use crate::model::Unit;

/// The cgroup that says most of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::kernel) struct Membership {
    /// Its path, as the kernel writes it.
    pub(in crate::kernel) path: String,
    /// Who runs in it.
    pub(in crate::kernel) unit: Option<Unit>,
}

/// The hierarchies that say who somebody is, the most telling first: cgroup2,
/// systemd's own of version 1, then those of version 1 that every container
/// runtime uses.
const TELLING: [&str; 5] = ["", "name=systemd", "memory", "pids", "cpu"];

/// The one of OpenRC: its directories are called like the services.
const OPENRC: &str = "name=openrc";

/// Reads the lines, `NUMBER:CONTROLLERS:PATH`. The innermost container of all
/// hierarchies counts, because not every runtime has a cgroup in each of them;
/// then the first hierarchy that names a unit. The path is that of the same
/// hierarchy, or the first that isn't the root.
pub(in crate::kernel) fn parse(lines: &[u8]) -> Option<Membership> {
    let text = String::from_utf8_lossy(lines);
    let paths: Vec<Membership> = TELLING
        .iter()
        .filter_map(|hierarchy| path_in(&text, hierarchy))
        .map(|path| Membership {
            path: path.to_owned(),
            unit: Unit::from_cgroup_path(path),
        })
        .collect();
    let is_container = |one: &&Membership| one.unit.as_ref().is_some_and(Unit::is_container);
    let depth = |one: &Membership| one.path.split('/').count();
    // Of equals the last is taken, so the most telling has to come last.
    let innermost = paths.iter().rev().filter(is_container);
    if let Some(container) = innermost.max_by_key(|&one| depth(one)) {
        return Some(container.clone());
    }
    if let Some(unit) = paths.iter().find(|one| one.unit.is_some()) {
        return Some(unit.clone());
    }
    if let Some(path) = path_in(&text, OPENRC)
        && let Some(service) = path.split('/').nth(1)
        && !service.is_empty()
    {
        let service = service.to_owned();
        return Some(Membership {
            path: path.to_owned(),
            unit: Some(Unit::OpenRc { service }),
        });
    }
    let elsewhere = paths.iter().find(|one| one.path != "/");
    elsewhere.or(paths.first()).cloned()
}

/// The path in a hierarchy; `""` is cgroup2, which has the number 0.
fn path_in<'t>(text: &'t str, hierarchy: &str) -> Option<&'t str> {
    text.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':');
        let number = parts.next()?;
        let controllers = parts.next()?;
        let is_wanted = if hierarchy.is_empty() {
            number == "0" && controllers.is_empty()
        } else {
            controllers.split(',').any(|name| name == hierarchy)
        };
        parts.next().filter(|_| is_wanted)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "3f2a91c0d4e5b6f7081929a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7";

    fn membership(lines: &str) -> (Option<String>, Option<String>) {
        let found = parse(lines.replace("ID", ID).as_bytes());
        let unit = found.as_ref().and_then(|one| one.unit.as_ref());
        let unit = unit.map(ToString::to_string);
        (found.map(|one| one.path), unit)
    }

    #[test]
    fn the_cgroup_is_that_of_version_2_unless_only_systemd_has_one() {
        for (lines, path) in [
            ("0::/a.service\n", Some("/a.service")),
            (
                "4:name=systemd:/b.service\n0::/a.service\n",
                Some("/a.service"),
            ),
            ("4:name=systemd:/b.service\n0::/\n", Some("/b.service")),
            ("4:name=systemd:/b.service\n", Some("/b.service")),
            ("3:cpu,cpuacct:/c\n0::/\n", Some("/c")),
            ("3:cpu,cpuacct:/c\n", Some("/c")),
            ("3:freezer:/c\n0::/\n", Some("/")),
            ("5::/named\n", None),
            ("0:", None),
            ("", None),
        ] {
            assert_eq!(membership(lines).0.as_deref(), path, "{lines}");
        }
    }

    #[test]
    fn the_innermost_container_of_all_hierarchies_counts() {
        let docker = format!("docker {ID}");
        for lines in [
            "3:cpu,cpuacct:/docker/ID\n2:memory:/docker/ID\n",
            // Docker on a hybrid host, in the service's own cgroup2.
            "2:memory:/docker/ID\n1:name=systemd:/docker/ID\n0::/system.slice/docker.service\n",
            "12:pids:/docker/ID\n0::/\n",
        ] {
            let found = membership(lines);
            assert_eq!(found.0, Some(format!("/docker/{ID}")), "{lines}");
            assert_eq!(found.1.as_ref(), Some(&docker), "{lines}");
        }
        // EKS on Fargate: cgroup2 knows the task, version 1 the container.
        let task = "0123456789abcdef0123456789abcdef";
        let below = format!("/ecs/{task}/{task}-3057940393");
        let pod = "/kubepods/pod12345678-9abc-def0-1234-56789abcdef0/ID";
        let lines = format!("12:pids:{below}{pod}\n1:name=systemd:{below}{pod}\n0::{below}\n");
        assert_eq!(membership(&lines).1, Some(format!("container {ID}")));
        let lines = format!("12:pids:{below}\n0::{below}\n");
        assert_eq!(membership(&lines).0, Some(below));
    }

    #[test]
    fn a_service_of_openrc_has_a_hierarchy_of_its_own() {
        let (path, unit) = membership("9:memory:/\n1:name=openrc:/nginx\n0::/\n");
        assert_eq!(path.as_deref(), Some("/nginx"));
        assert_eq!(unit.as_deref(), Some("nginx (OpenRC)"));
        let (_, unit) = membership("1:name=openrc:/\n0::/\n");
        assert_eq!(unit, None);
        // A container that such a service has started.
        let (_, unit) = membership("9:memory:/docker/ID\n1:name=openrc:/docker\n");
        assert_eq!(unit, Some(format!("docker {ID}")));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_harm(lines: Vec<u8>) {
            let _ = parse(&lines);
        }
    }
}
