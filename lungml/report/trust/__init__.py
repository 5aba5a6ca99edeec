"""How far a task's result can be trusted: a module per question, each of which makes blocks of the page."""
