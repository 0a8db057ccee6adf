"""Commands: typed messages in a table, written down once, carried out once, answered as often."""
