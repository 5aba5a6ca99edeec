"""The hyper-parameter search: an Optuna study whose trials are the same again, killed and resumed or not.

candidate.py    one point of a search space, and a recipe with its values
objective.py    trains a candidate on one or several folds and says its score after each epoch
sampling.py     which candidate comes next: a sampler seeded by the trial's place in the budget
storage.py      where a study is kept (a journal file or PostgreSQL), and trials whose worker is dead
search.py       the loop of a worker: take a trial, train, prune, until the budget is finished
importance.py   how much each hyper-parameter mattered
"""
