//! One condition: its word, a comparison, a value.

use std::time::Duration;

use super::cursor::Word;
use super::{Parsed, Parser};
use crate::filter::host::{self, Address, HOST, Host, PORT, Port};
use crate::filter::number::{bytes, integer};
use crate::filter::state::states;
use crate::model::{Comparison, Condition, End, Family, Filter, Network};
use crate::text::number::parse_duration;

/// What may begin a condition.
pub const CONDITION: &str = "src, dst, sport, dport, dev, fwmark, cgroup, autobound, pid, \
     process, uid, user, unit, container, age, recvq, sendq, rtt, retrans, lastsnd, lastrcv, \
     a state, not, or (";

/// What may stand between a measure and its value.
const COMPARISONS: &str = "=, !=, <, <=, > or >=";
const TIME: &str = "a time, as in 90s, 5m, 1h30m or 500ms";
const BYTES: &str = "bytes, as in 1500, 64k or 2M";
const DEVICE: &str = "an interface by its name, as in eth0, its index, or 0 for none";
const MARK: &str = "a mark, as in 0x10, or with a mask, as in 0x10/0xff";
const CGROUP: &str = "the path of a cgroup2 directory, as in /system.slice/nginx.service";

type Measure<T> = fn(Comparison, T) -> Condition;

impl Parser<'_> {
    /// The condition that a word, which was read, begins.
    pub(super) fn condition(&mut self, word: &Word) -> Parsed<Filter> {
        match word.text.as_str() {
            "src" => self.address(word, End::Local),
            "dst" => self.address(word, End::Remote),
            "sport" => self.port(word, End::Local),
            "dport" => self.port(word, End::Remote),
            "dev" => self.named(word, DEVICE, Self::device),
            "fwmark" => self.named(word, MARK, |_, text| mark(text)),
            "cgroup" => self.named(word, CGROUP, |parser, path| {
                let id = parser.names.cgroup(path);
                let unknown = || format!("no cgroup2 directory is at {path}");
                id.map(Condition::Cgroup).ok_or_else(unknown)
            }),
            "autobound" => self.autobound(word),
            "state" => Ok(Condition::State(self.state_after(word)?).into()),
            "pid" => self.named(word, "the number of a process", |_, text| {
                let pid = text.parse().ok().filter(|&pid| pid > 0);
                let wrong = || format!("{text} is not a process number");
                pid.map(Condition::Pid).ok_or_else(wrong)
            }),
            "process" => self.named(
                word,
                "the name of a program, as ps -o comm shows it",
                |_, name| Ok(Condition::Process(name.to_owned())),
            ),
            "uid" | "user" => self.named(word, "a user, by name or number", |parser, name| {
                let uid = name.parse().ok().or_else(|| parser.names.user(name));
                let unknown = || format!("no user is called {name}");
                uid.map(Condition::Uid).ok_or_else(unknown)
            }),
            "unit" => self.named(word, "a unit of systemd, as in nginx.service", |_, name| {
                Ok(Condition::Unit(name.to_owned()))
            }),
            "container" => self.named(word, "a container, by its name or id", |_, name| {
                Ok(Condition::Container(name.to_owned()))
            }),
            "age" => self.time(word, Condition::Age),
            "rtt" => self.time(word, Condition::Rtt),
            "lastsnd" => self.time(word, Condition::LastSent),
            "lastrcv" => self.time(word, Condition::LastReceived),
            "recvq" => self.measure(word, BYTES, bytes, Condition::RecvQueue),
            "sendq" => self.measure(word, BYTES, bytes, Condition::SendQueue),
            "retrans" => {
                let segments = |text: &str| text.parse().ok();
                self.measure(
                    word,
                    "a number of segments",
                    segments,
                    Condition::Retransmits,
                )
            }
            name => match states(name) {
                Some(set) => Ok(Condition::State(set).into()),
                None => self.error(word.at.clone(), unknown(name), CONDITION),
            },
        }
    }

    /// `src HOST`, `dst != HOST`
    fn address(&mut self, word: &Word, end: End) -> Parsed<Filter> {
        let comparison = self.equality(word)?;
        let value = self.value(word, false, HOST)?;
        let filter = host::host(&value.text).and_then(|host| self.of_host(end, &host));
        match filter {
            Ok(filter) => Ok(negated_if(comparison == Comparison::NotEqual, filter)),
            Err(what) => self.error(value.at, what, HOST),
        }
    }

    fn of_host(&self, end: End, host: &Host<'_>) -> Result<Filter, String> {
        let mut filter = host.family.map_or(Filter::EVERYTHING, |family| {
            Condition::Family(family).into()
        });
        let wanted = host.family.or(self.family);
        let network = |network| Filter::from(Condition::Address(end, network));
        match host.address {
            Address::Any => {}
            Address::Network(of) => {
                let (own, name) = if of.address().is_ipv4() {
                    (Family::Ipv4, "IPv4")
                } else {
                    (Family::Ipv6, "IPv6")
                };
                if wanted.is_some_and(|wanted| wanted != own) {
                    return Err(format!(
                        "this is an {name} address, and the other family is asked for"
                    ));
                }
                filter = filter.and(network(of));
            }
            Address::Name(name) => {
                let addresses = self.names.addresses(name);
                let of_family = addresses.into_iter().filter(|address| match wanted {
                    Some(Family::Ipv4) => address.is_ipv4(),
                    Some(Family::Ipv6) => address.is_ipv6(),
                    None => true,
                });
                let hosts = of_family
                    .map(|address| network(Network::host(address)))
                    .fold(Filter::NOTHING, Filter::or);
                if hosts == Filter::NOTHING {
                    return Err(no_address(name, self.names.service(name).is_some()));
                }
                filter = filter.and(hosts);
            }
        }
        if let Some(zone) = host.zone {
            filter = filter.and(self.device(zone)?.into());
        }
        if let Some(port) = &host.port {
            let port = self.port_number(port)?;
            filter = filter.and(Condition::Port(end, Comparison::Equal, port).into());
        }
        Ok(filter)
    }

    /// `sport = PORT`, with any comparison.
    fn port(&mut self, word: &Word, end: End) -> Parsed<Filter> {
        let comparison = self.cursor.comparison().unwrap_or(Comparison::Equal);
        let value = self.value(word, false, PORT)?;
        match self.of_port(end, comparison, &value.text) {
            Ok(filter) => Ok(filter),
            Err(what) => self.error(value.at, what, PORT),
        }
    }

    fn of_port(&self, end: End, comparison: Comparison, text: &str) -> Result<Filter, String> {
        let (family, port) = host::family(text)?;
        let of_family = family.map_or(Filter::EVERYTHING, |family| {
            Condition::Family(family).into()
        });
        let equality = matches!(comparison, Comparison::Equal | Comparison::NotEqual);
        let negated = comparison == Comparison::NotEqual;
        let port = match port.strip_prefix(':').unwrap_or(port) {
            "*" if equality => return Ok(negated_if(negated, of_family)),
            "*" => return Err("* is any port, and has no order".to_owned()),
            "" => return Err(format!("a port is missing after {text}")),
            port if port.contains(':') || port.contains('.') && host::host(text).is_ok() => {
                return Err(format!("{text} is an address: write src or dst before it"));
            }
            port => self.port_number(&host::number_or_service(port)?)?,
        };
        // `sport != inet:80` is the opposite of `sport = inet:80`.
        let (comparison, negated) = match family {
            Some(_) if negated => (Comparison::Equal, true),
            _ => (comparison, false),
        };
        let filter = of_family.and(Condition::Port(end, comparison, port).into());
        Ok(negated_if(negated, filter))
    }

    fn port_number(&self, port: &Port<'_>) -> Result<u16, String> {
        match *port {
            Port::Number(number) => Ok(number),
            Port::Service(name) => self
                .names
                .service(name)
                .ok_or_else(|| format!("no TCP service is called {name}")),
        }
    }

    fn device(&self, name: &str) -> Result<Condition, String> {
        let index = integer(name)
            .or_else(|| self.names.device(name))
            .or_else(|| integer(name.strip_prefix("if")?));
        match index {
            Some(0) => Ok(Condition::Device(None)),
            Some(index) => Ok(Condition::Device(Some(index))),
            None => Err(format!("no interface is called {name}")),
        }
    }

    /// Not locked, and a port that the kernel chooses by itself.
    fn autobound(&self, word: &Word) -> Parsed<Filter> {
        let Some(range) = self.names.local_ports() else {
            let what = "net.ipv4.ip_local_port_range cannot be read";
            return self.error(word.at.clone(), what, "a condition other than autobound");
        };
        let port = |comparison, port| Condition::Port(End::Local, comparison, port).into();
        Ok(Filter::And(vec![
            Condition::PortNotLocked.into(),
            port(Comparison::AtLeast, range.first),
            port(Comparison::AtMost, range.last),
        ]))
    }

    /// A condition that a value meets or doesn't: `dev NAME`, `dev != NAME`.
    fn named(
        &mut self,
        word: &Word,
        expected: &str,
        read: impl Fn(&Self, &str) -> Result<Condition, String>,
    ) -> Parsed<Filter> {
        let comparison = self.equality(word)?;
        let value = self.value(word, true, expected)?;
        match read(self, &value.text) {
            Ok(condition) => Ok(negated_if(
                comparison == Comparison::NotEqual,
                condition.into(),
            )),
            Err(what) => self.error(value.at, what, expected),
        }
    }

    /// `=`, `!=`, or nothing for `=`.
    fn equality(&mut self, word: &Word) -> Parsed<Comparison> {
        let before = self.cursor.next();
        match self.cursor.comparison() {
            None => Ok(Comparison::Equal),
            Some(equality @ (Comparison::Equal | Comparison::NotEqual)) => Ok(equality),
            Some(_) => {
                let what = format!("`{}` is compared with = and != only", word.text);
                self.error(before, what, "= or !=, or nothing for =")
            }
        }
    }

    fn time(&mut self, word: &Word, condition: Measure<Duration>) -> Parsed<Filter> {
        self.measure(word, TIME, parse_duration, condition)
    }

    /// `rtt > 5ms`: the comparison has to be written.
    fn measure<T>(
        &mut self,
        word: &Word,
        expected: &str,
        read: impl Fn(&str) -> Option<T>,
        condition: Measure<T>,
    ) -> Parsed<Filter> {
        let before = self.cursor.next();
        let Some(comparison) = self.cursor.comparison() else {
            let what = format!("a comparison is missing after `{}`", word.text);
            return self.error(before, what, COMPARISONS);
        };
        let value = self.value(word, false, expected)?;
        if let Some(measure) = read(&value.text) {
            return Ok(condition(comparison, measure).into());
        }
        let what = format!("{} is not a value of this kind", value.text);
        self.error(value.at, what, expected)
    }

    fn value(&mut self, word: &Word, is_name: bool, expected: &str) -> Parsed<Word> {
        if let Some(value) = self.cursor.value(is_name) {
            return Ok(value);
        }
        let what = format!("a value is missing after `{}`", word.text);
        self.error(self.cursor.next(), what, expected)
    }
}

/// `MARK` or `MARK/MASK`
fn mark(text: &str) -> Result<Condition, String> {
    let (value, mask) = match text.split_once('/') {
        Some((value, mask)) => (integer(value), integer(mask)),
        None => (integer(text), Some(u32::MAX)),
    };
    value
        .zip(mask)
        .map(|(value, mask)| Condition::Mark { value, mask })
        .ok_or_else(|| format!("{text} is not a mark"))
}

fn negated_if(negated: bool, filter: Filter) -> Filter {
    if negated { filter.negated() } else { filter }
}

fn no_address(name: &str, is_service: bool) -> String {
    if is_service {
        format!("no host is called {name}: for the service write :{name}")
    } else {
        format!("no address is known of host {name}")
    }
}

/// A word that begins no condition.
fn unknown(word: &str) -> String {
    let lower = word.to_ascii_lowercase();
    let hint = match lower.as_str() {
        "exclude" | "excl" => ": inside an expression write not NAME".to_owned(),
        "port" => ": sport is the local port, dport the remote one".to_owned(),
        "ip" | "host" | "addr" | "address" => {
            ": src is the local address, dst the remote one".to_owned()
        }
        _ if lower != word && CONDITION.split(", ").any(|known| known == lower) => {
            format!(": write it in lower case, {lower}")
        }
        _ if word
            .starts_with(|first: char| first.is_ascii_digit() || matches!(first, ':' | '[')) =>
        {
            ": write src or dst before an address, sport or dport before a port".to_owned()
        }
        _ => String::new(),
    };
    format!("unknown condition `{word}`{hint}")
}
