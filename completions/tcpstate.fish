# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_tcpstate_global_optspecs
    string join \n 4/ipv4 6/ipv6 source= replay= proc-root= netns= json color= exit-code v/verbose exact bound format= h/help V/version
end

function __fish_tcpstate_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_tcpstate_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_tcpstate_using_subcommand
    set -l cmd (__fish_tcpstate_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c tcpstate -n "__fish_tcpstate_needs_command" -l source -d 'Where sockets are read from' -r -f -a "auto\t'Netlink, and /proc where netlink is refused'
netlink\t'sock_diag netlink, or an error'
procfs\t'/proc/net/tcp and tcp6: slower, no ages, no limits of accept queues'"
complete -c tcpstate -n "__fish_tcpstate_needs_command" -l replay -d 'Read a recorded dump (raw netlink messages, as ss -D FILE writes them) instead of this host' -r -F
complete -c tcpstate -n "__fish_tcpstate_needs_command" -l proc-root -d 'Where /proc is mounted' -r -f -a "(__fish_complete_directories)"
complete -c tcpstate -n "__fish_tcpstate_needs_command" -l netns -d 'Read another network namespace: a name of ip netns, the path of a pin, a PID, a container\'s name or id, NAMESPACE/POD, a unit' -r
complete -c tcpstate -n "__fish_tcpstate_needs_command" -l color -d 'When to use colour; auto: on a terminal, unless NO_COLOR is set' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Always'
never\t'Never'"
complete -c tcpstate -n "__fish_tcpstate_needs_command" -l format -d 'Output format' -r -f -a "table\t'For people'
json\t'One document, schema tcpstate.summary/1'
csv\t'A line a state: state,total,ipv4,ipv6'"
complete -c tcpstate -n "__fish_tcpstate_needs_command" -s 4 -l ipv4 -d 'Only IPv4 sockets'
complete -c tcpstate -n "__fish_tcpstate_needs_command" -s 6 -l ipv6 -d 'Only IPv6 sockets, those that carry IPv4 (::ffff:a.b.c.d) included'
complete -c tcpstate -n "__fish_tcpstate_needs_command" -l json -d 'Print one JSON document; short for --format json'
complete -c tcpstate -n "__fish_tcpstate_needs_command" -l exit-code -d 'Exit with 1 if there is a finding at warning or above'
complete -c tcpstate -n "__fish_tcpstate_needs_command" -s v -l verbose -d 'Say on stderr how the numbers were obtained; check prints more with each one, watch nothing'
complete -c tcpstate -n "__fish_tcpstate_needs_command" -l exact -d 'Look at every socket instead of trusting the kernel\'s own counts'
complete -c tcpstate -n "__fish_tcpstate_needs_command" -l bound -d 'Also count sockets that are bound but neither listening nor connected (Linux 6.8 and later; costs the walk of a second table)'
complete -c tcpstate -n "__fish_tcpstate_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tcpstate -n "__fish_tcpstate_needs_command" -s V -l version -d 'Print version'
complete -c tcpstate -n "__fish_tcpstate_needs_command" -f -a "summary" -d 'Count connections by state and say whether anything is wrong'
complete -c tcpstate -n "__fish_tcpstate_needs_command" -f -a "list" -d 'List connections, in the filter language of ss'
complete -c tcpstate -n "__fish_tcpstate_needs_command" -f -a "leaks" -d 'Find the process that forgot to close its connections'
complete -c tcpstate -n "__fish_tcpstate_needs_command" -f -a "pressure" -d 'Show what is about to run out: ports, accept queues, SYN queues'
complete -c tcpstate -n "__fish_tcpstate_needs_command" -f -a "watch" -d 'Watch what is changing, right now'
complete -c tcpstate -n "__fish_tcpstate_needs_command" -f -a "check" -d 'Say whether anybody should be woken up: for cron, Nagios, systemd'
complete -c tcpstate -n "__fish_tcpstate_needs_command" -f -a "explain" -d 'Explain a state, a rule, a setting, a counter or a sequence'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand summary" -l format -d 'Output format' -r -f -a "table\t'For people'
json\t'One document, schema tcpstate.summary/1'
csv\t'A line a state: state,total,ipv4,ipv6'"
complete -c tcpstate -n "__fish_tcpstate_using_subcommand summary" -l source -d 'Where sockets are read from' -r -f -a "auto\t'Netlink, and /proc where netlink is refused'
netlink\t'sock_diag netlink, or an error'
procfs\t'/proc/net/tcp and tcp6: slower, no ages, no limits of accept queues'"
complete -c tcpstate -n "__fish_tcpstate_using_subcommand summary" -l replay -d 'Read a recorded dump (raw netlink messages, as ss -D FILE writes them) instead of this host' -r -F
complete -c tcpstate -n "__fish_tcpstate_using_subcommand summary" -l proc-root -d 'Where /proc is mounted' -r -f -a "(__fish_complete_directories)"
complete -c tcpstate -n "__fish_tcpstate_using_subcommand summary" -l netns -d 'Read another network namespace: a name of ip netns, the path of a pin, a PID, a container\'s name or id, NAMESPACE/POD, a unit' -r
complete -c tcpstate -n "__fish_tcpstate_using_subcommand summary" -l color -d 'When to use colour; auto: on a terminal, unless NO_COLOR is set' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Always'
never\t'Never'"
complete -c tcpstate -n "__fish_tcpstate_using_subcommand summary" -l exact -d 'Look at every socket instead of trusting the kernel\'s own counts'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand summary" -l bound -d 'Also count sockets that are bound but neither listening nor connected (Linux 6.8 and later; costs the walk of a second table)'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand summary" -s 4 -l ipv4 -d 'Only IPv4 sockets'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand summary" -s 6 -l ipv6 -d 'Only IPv6 sockets, those that carry IPv4 (::ffff:a.b.c.d) included'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand summary" -l json -d 'Print one JSON document; short for --format json'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand summary" -l exit-code -d 'Exit with 1 if there is a finding at warning or above'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand summary" -s v -l verbose -d 'Say on stderr how the numbers were obtained; check prints more with each one, watch nothing'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand summary" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand summary" -s V -l version -d 'Print version'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand list" -l format -d 'Output format' -r -f -a "table\t'For people'
csv\t'A line a socket'"
complete -c tcpstate -n "__fish_tcpstate_using_subcommand list" -l source -d 'Where sockets are read from' -r -f -a "auto\t'Netlink, and /proc where netlink is refused'
netlink\t'sock_diag netlink, or an error'
procfs\t'/proc/net/tcp and tcp6: slower, no ages, no limits of accept queues'"
complete -c tcpstate -n "__fish_tcpstate_using_subcommand list" -l replay -d 'Read a recorded dump (raw netlink messages, as ss -D FILE writes them) instead of this host' -r -F
complete -c tcpstate -n "__fish_tcpstate_using_subcommand list" -l proc-root -d 'Where /proc is mounted' -r -f -a "(__fish_complete_directories)"
complete -c tcpstate -n "__fish_tcpstate_using_subcommand list" -l netns -d 'Read another network namespace: a name of ip netns, the path of a pin, a PID, a container\'s name or id, NAMESPACE/POD, a unit' -r
complete -c tcpstate -n "__fish_tcpstate_using_subcommand list" -l color -d 'When to use colour; auto: on a terminal, unless NO_COLOR is set' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Always'
never\t'Never'"
complete -c tcpstate -n "__fish_tcpstate_using_subcommand list" -s a -l all -d 'Sockets in all states'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand list" -s l -l listening -d 'Only listeners'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand list" -s B -l bound -d 'Only sockets that are bound and neither listen nor are connected (Linux 6.8 and later)'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand list" -s p -l processes -d 'The processes that hold each socket, with their descriptors'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand list" -s e -l extended -d 'Timer, uid, inode and cookie of each socket'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand list" -s t -l tcp -d 'Taken as ss takes it: only TCP is shown in any case'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand list" -s n -l numeric -d 'Taken as ss takes it: numbers are shown in any case'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand list" -s H -l no-header -d 'No heading'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand list" -s 4 -l ipv4 -d 'Only IPv4 sockets'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand list" -s 6 -l ipv6 -d 'Only IPv6 sockets, those that carry IPv4 (::ffff:a.b.c.d) included'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand list" -l json -d 'Print one JSON document; short for --format json'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand list" -l exit-code -d 'Exit with 1 if there is a finding at warning or above'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand list" -s v -l verbose -d 'Say on stderr how the numbers were obtained; check prints more with each one, watch nothing'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand list" -s V -l version -d 'Print version'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand leaks" -s p -l pid -d 'Only sockets of this process, and its descriptors whose connection is gone; takes several, and can be given several times' -r
complete -c tcpstate -n "__fish_tcpstate_using_subcommand leaks" -l min-age -d 'How long a socket must have been in CLOSE_WAIT to be called leaked' -r
complete -c tcpstate -n "__fish_tcpstate_using_subcommand leaks" -l min-count -d 'Leave out processes and listeners that leak fewer sockets' -r
complete -c tcpstate -n "__fish_tcpstate_using_subcommand leaks" -l remote -d 'Only connections to this peer: ADDRESS, ADDRESS/PREFIX, ADDRESS:PORT or :PORT (IPv6 in brackets); takes several, separated by commas' -r
complete -c tcpstate -n "__fish_tcpstate_using_subcommand leaks" -l listen-port -d 'Only connections at this port of ours; takes several, separated by commas' -r
complete -c tcpstate -n "__fish_tcpstate_using_subcommand leaks" -l over -d 'Look twice, this long apart: the rate, what is new, what keepalives hide, and which half-closed connections still send' -r
complete -c tcpstate -n "__fish_tcpstate_using_subcommand leaks" -l format -d 'Output format' -r -f -a "table\t'For people'
json\t'One document, schema tcpstate.leaks/1'
csv\t'A line for each process and socket that it holds, its descriptors in one column'"
complete -c tcpstate -n "__fish_tcpstate_using_subcommand leaks" -l source -d 'Where sockets are read from' -r -f -a "auto\t'Netlink, and /proc where netlink is refused'
netlink\t'sock_diag netlink, or an error'
procfs\t'/proc/net/tcp and tcp6: slower, no ages, no limits of accept queues'"
complete -c tcpstate -n "__fish_tcpstate_using_subcommand leaks" -l replay -d 'Read a recorded dump (raw netlink messages, as ss -D FILE writes them) instead of this host' -r -F
complete -c tcpstate -n "__fish_tcpstate_using_subcommand leaks" -l proc-root -d 'Where /proc is mounted' -r -f -a "(__fish_complete_directories)"
complete -c tcpstate -n "__fish_tcpstate_using_subcommand leaks" -l netns -d 'Read another network namespace: a name of ip netns, the path of a pin, a PID, a container\'s name or id, NAMESPACE/POD, a unit' -r
complete -c tcpstate -n "__fish_tcpstate_using_subcommand leaks" -l color -d 'When to use colour; auto: on a terminal, unless NO_COLOR is set' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Always'
never\t'Never'"
complete -c tcpstate -n "__fish_tcpstate_using_subcommand leaks" -l sockets -d 'List each CLOSE_WAIT socket: descriptor, age, verdict, ends, queues'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand leaks" -l deep -d 'Also find descriptors whose connection is gone already (reset while it was leaked); implied by --pid. Reads every socket of the host'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand leaks" -s 4 -l ipv4 -d 'Only IPv4 sockets'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand leaks" -s 6 -l ipv6 -d 'Only IPv6 sockets, those that carry IPv4 (::ffff:a.b.c.d) included'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand leaks" -l json -d 'Print one JSON document; short for --format json'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand leaks" -l exit-code -d 'Exit with 1 if there is a finding at warning or above'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand leaks" -s v -l verbose -d 'Say on stderr how the numbers were obtained; check prints more with each one, watch nothing'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand leaks" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand leaks" -s V -l version -d 'Print version'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand pressure" -l over -d 'Look twice, this long apart: rates, and when ports run out' -r
complete -c tcpstate -n "__fish_tcpstate_using_subcommand pressure" -l top -d 'How many destinations and listeners the table shows; JSON and CSV have all' -r
complete -c tcpstate -n "__fish_tcpstate_using_subcommand pressure" -l remote -d 'Only ports towards this peer: ADDRESS, ADDRESS/PREFIX, ADDRESS:PORT or :PORT (IPv6 in brackets); can be given several times' -r
complete -c tcpstate -n "__fish_tcpstate_using_subcommand pressure" -l listen-port -d 'Only listeners on this port; can be given several times' -r
complete -c tcpstate -n "__fish_tcpstate_using_subcommand pressure" -l format -d 'Output format' -r -f -a "table\t'For people'
json\t'One document, schema tcpstate.pressure/1'
csv\t'A line a destination'
csv-listeners\t'A line a listener'"
complete -c tcpstate -n "__fish_tcpstate_using_subcommand pressure" -l source -d 'Where sockets are read from' -r -f -a "auto\t'Netlink, and /proc where netlink is refused'
netlink\t'sock_diag netlink, or an error'
procfs\t'/proc/net/tcp and tcp6: slower, no ages, no limits of accept queues'"
complete -c tcpstate -n "__fish_tcpstate_using_subcommand pressure" -l replay -d 'Read a recorded dump (raw netlink messages, as ss -D FILE writes them) instead of this host' -r -F
complete -c tcpstate -n "__fish_tcpstate_using_subcommand pressure" -l proc-root -d 'Where /proc is mounted' -r -f -a "(__fish_complete_directories)"
complete -c tcpstate -n "__fish_tcpstate_using_subcommand pressure" -l netns -d 'Read another network namespace: a name of ip netns, the path of a pin, a PID, a container\'s name or id, NAMESPACE/POD, a unit' -r
complete -c tcpstate -n "__fish_tcpstate_using_subcommand pressure" -l color -d 'When to use colour; auto: on a terminal, unless NO_COLOR is set' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Always'
never\t'Never'"
complete -c tcpstate -n "__fish_tcpstate_using_subcommand pressure" -s p -l processes -d 'Name the processes behind all listeners, not only those in trouble; reads every descriptor of the host'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand pressure" -l bound -d 'Also look which ports are bound and no more (Linux 6.8 and later; costs the walk of a second table). Done unasked where there may be so many that they matter'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand pressure" -s 4 -l ipv4 -d 'Only IPv4 sockets'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand pressure" -s 6 -l ipv6 -d 'Only IPv6 sockets, those that carry IPv4 (::ffff:a.b.c.d) included'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand pressure" -l json -d 'Print one JSON document; short for --format json'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand pressure" -l exit-code -d 'Exit with 1 if there is a finding at warning or above'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand pressure" -s v -l verbose -d 'Say on stderr how the numbers were obtained; check prints more with each one, watch nothing'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand pressure" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand pressure" -s V -l version -d 'Print version'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand watch" -s n -l interval -d 'Time from sample to sample' -r
complete -c tcpstate -n "__fish_tcpstate_using_subcommand watch" -l count -d 'End after so many samples' -r
complete -c tcpstate -n "__fish_tcpstate_using_subcommand watch" -l duration -d 'End after so much time' -r
complete -c tcpstate -n "__fish_tcpstate_using_subcommand watch" -l source -d 'Where sockets are read from' -r -f -a "auto\t'Netlink, and /proc where netlink is refused'
netlink\t'sock_diag netlink, or an error'
procfs\t'/proc/net/tcp and tcp6: slower, no ages, no limits of accept queues'"
complete -c tcpstate -n "__fish_tcpstate_using_subcommand watch" -l replay -d 'Read a recorded dump (raw netlink messages, as ss -D FILE writes them) instead of this host' -r -F
complete -c tcpstate -n "__fish_tcpstate_using_subcommand watch" -l proc-root -d 'Where /proc is mounted' -r -f -a "(__fish_complete_directories)"
complete -c tcpstate -n "__fish_tcpstate_using_subcommand watch" -l netns -d 'Read another network namespace: a name of ip netns, the path of a pin, a PID, a container\'s name or id, NAMESPACE/POD, a unit' -r
complete -c tcpstate -n "__fish_tcpstate_using_subcommand watch" -l color -d 'When to use colour; auto: on a terminal, unless NO_COLOR is set' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Always'
never\t'Never'"
complete -c tcpstate -n "__fish_tcpstate_using_subcommand watch" -l lines -d 'Print a line a sample on a terminal too'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand watch" -l exact -d 'Look at every socket instead of trusting the kernel\'s own counts'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand watch" -s 4 -l ipv4 -d 'Only IPv4 sockets'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand watch" -s 6 -l ipv6 -d 'Only IPv6 sockets, those that carry IPv4 (::ffff:a.b.c.d) included'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand watch" -l json -d 'Print one JSON document; short for --format json'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand watch" -l exit-code -d 'Exit with 1 if there is a finding at warning or above'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand watch" -s v -l verbose -d 'Say on stderr how the numbers were obtained; check prints more with each one, watch nothing'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand watch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand watch" -s V -l version -d 'Print version'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand check" -s w -l warning -d 'Warn when a metric is out of a range; can be given several times' -r
complete -c tcpstate -n "__fish_tcpstate_using_subcommand check" -s c -l critical -d 'The same, critical' -r
complete -c tcpstate -n "__fish_tcpstate_using_subcommand check" -l only -d 'Judge only these metrics and rules, and those that have a range' -r
complete -c tcpstate -n "__fish_tcpstate_using_subcommand check" -l ignore -d 'Leave out these metrics and rules' -r
complete -c tcpstate -n "__fish_tcpstate_using_subcommand check" -l min-age -d 'How long a socket must have been in CLOSE_WAIT to be called leaked' -r
complete -c tcpstate -n "__fish_tcpstate_using_subcommand check" -s p -l pid -d 'Only sockets of this process; can be given several times' -r
complete -c tcpstate -n "__fish_tcpstate_using_subcommand check" -l unit -d 'Only sockets that this systemd unit, container or pod made or holds' -r
complete -c tcpstate -n "__fish_tcpstate_using_subcommand check" -l listen-port -d 'Only connections at this port of ours; can be given several times' -r
complete -c tcpstate -n "__fish_tcpstate_using_subcommand check" -l remote -d 'Only connections to this peer: ADDRESS, ADDRESS/PREFIX, ADDRESS:PORT or :PORT (IPv6 in brackets); can be given several times' -r
complete -c tcpstate -n "__fish_tcpstate_using_subcommand check" -l state -d 'Remember what was seen in this file, for rates and growth; without FILE in $STATE_DIRECTORY, or under $XDG_STATE_HOME or ~/.local/state' -r -F
complete -c tcpstate -n "__fish_tcpstate_using_subcommand check" -s t -l timeout -d 'Give up after this time' -r
complete -c tcpstate -n "__fish_tcpstate_using_subcommand check" -l timeout-status -d 'What giving up means' -r -f -a "ok\t'0'
warning\t'1'
critical\t'2'
unknown\t'3'"
complete -c tcpstate -n "__fish_tcpstate_using_subcommand check" -l textfile -d 'Also write Prometheus metrics into this file, whole or not at all' -r -F
complete -c tcpstate -n "__fish_tcpstate_using_subcommand check" -l metrics -d 'Which Prometheus metrics to write' -r -f -a "default\t'Some 45 series a host: states, findings, and how near each limit is'
all\t'Also the kernel\'s counters and settings, which node_exporter has too'"
complete -c tcpstate -n "__fish_tcpstate_using_subcommand check" -l format -d 'Output format' -r -f -a "plugin\t'A line for the monitoring plugins, perfdata behind it'
json\t'One document, schema tcpstate.check/1'
prometheus\t'Prometheus\' text format'"
complete -c tcpstate -n "__fish_tcpstate_using_subcommand check" -l source -d 'Where sockets are read from' -r -f -a "auto\t'Netlink, and /proc where netlink is refused'
netlink\t'sock_diag netlink, or an error'
procfs\t'/proc/net/tcp and tcp6: slower, no ages, no limits of accept queues'"
complete -c tcpstate -n "__fish_tcpstate_using_subcommand check" -l replay -d 'Read a recorded dump (raw netlink messages, as ss -D FILE writes them) instead of this host' -r -F
complete -c tcpstate -n "__fish_tcpstate_using_subcommand check" -l proc-root -d 'Where /proc is mounted' -r -f -a "(__fish_complete_directories)"
complete -c tcpstate -n "__fish_tcpstate_using_subcommand check" -l netns -d 'Read another network namespace: a name of ip netns, the path of a pin, a PID, a container\'s name or id, NAMESPACE/POD, a unit' -r
complete -c tcpstate -n "__fish_tcpstate_using_subcommand check" -l color -d 'When to use colour; auto: on a terminal, unless NO_COLOR is set' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Always'
never\t'Never'"
complete -c tcpstate -n "__fish_tcpstate_using_subcommand check" -l list -d 'Print every metric with its unit, meaning and default thresholds'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand check" -s q -l quiet -d 'Print nothing when all is OK'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand check" -s 4 -l ipv4 -d 'Only IPv4 sockets'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand check" -s 6 -l ipv6 -d 'Only IPv6 sockets, those that carry IPv4 (::ffff:a.b.c.d) included'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand check" -l json -d 'Print one JSON document; short for --format json'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand check" -l exit-code -d 'Exit with 1 if there is a finding at warning or above'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand check" -s v -l verbose -d 'Say on stderr how the numbers were obtained; check prints more with each one, watch nothing'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand check" -s V -l version -d 'Print version'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand explain" -l source -d 'Where sockets are read from' -r -f -a "auto\t'Netlink, and /proc where netlink is refused'
netlink\t'sock_diag netlink, or an error'
procfs\t'/proc/net/tcp and tcp6: slower, no ages, no limits of accept queues'"
complete -c tcpstate -n "__fish_tcpstate_using_subcommand explain" -l replay -d 'Read a recorded dump (raw netlink messages, as ss -D FILE writes them) instead of this host' -r -F
complete -c tcpstate -n "__fish_tcpstate_using_subcommand explain" -l proc-root -d 'Where /proc is mounted' -r -f -a "(__fish_complete_directories)"
complete -c tcpstate -n "__fish_tcpstate_using_subcommand explain" -l netns -d 'Read another network namespace: a name of ip netns, the path of a pin, a PID, a container\'s name or id, NAMESPACE/POD, a unit' -r
complete -c tcpstate -n "__fish_tcpstate_using_subcommand explain" -l color -d 'When to use colour; auto: on a terminal, unless NO_COLOR is set' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set or TERM is dumb'
always\t'Always'
never\t'Never'"
complete -c tcpstate -n "__fish_tcpstate_using_subcommand explain" -l no-live -d 'Show nothing of this host, only what things mean'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand explain" -s 4 -l ipv4 -d 'Only IPv4 sockets'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand explain" -s 6 -l ipv6 -d 'Only IPv6 sockets, those that carry IPv4 (::ffff:a.b.c.d) included'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand explain" -l json -d 'Print one JSON document; short for --format json'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand explain" -l exit-code -d 'Exit with 1 if there is a finding at warning or above'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand explain" -s v -l verbose -d 'Say on stderr how the numbers were obtained; check prints more with each one, watch nothing'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c tcpstate -n "__fish_tcpstate_using_subcommand explain" -s V -l version -d 'Print version'
