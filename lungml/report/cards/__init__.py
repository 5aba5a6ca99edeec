"""The model card and the data card of a trained model, made from what its run left.

sources.py      what is read
fact.py         one thing that the run says, and the file that says it
*_facts.py      what it says about the data, how the model was made, and how good it is
checklists.py   the items of TRIPOD+AI and CLAIM 2024, each one line, with the facts that answer it
cards.py        the two cards as sections
writing.py      a card -> Markdown and HTML

A fact that the run does not have is None, and what it would answer is said to be not reported: nothing is
filled in without a file behind it.
"""
