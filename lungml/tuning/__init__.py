"""The hyper-parameter search: an Optuna study whose trials are the same again, killed and resumed or not.

candidate.py    one point of a search space, and a recipe with its values
objective.py    trains a candidate on one or several folds and says its score after each epoch
sampling.py     which candidate comes next: a sampler seeded by the place in the budget
storage.py      where a study is kept: a journal file or PostgreSQL
attendance.py   which trials somebody is at work on, and which are dead
locks.py        locks that end with their holder
search.py       the loop of a worker: take a trial, train, prune, until the budget is finished
trials.py       finished trials, and the best of them
importance.py   how much each hyper-parameter mattered
quiet.py        keeps Optuna from speaking
"""
