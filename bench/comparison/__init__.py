"""What bench/compare is made of: procfs, brokers, load, scenarios, tables, cli."""
