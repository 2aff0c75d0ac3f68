complete --keep-order --exclusive --command tcpstate --arguments "(COMPLETE=fish tcpstate -- (commandline --current-process --tokenize --cut-at-cursor) (commandline --current-token))"
