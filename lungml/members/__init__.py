"""Members of a model: trained one by one, each kept as a bundle of its own, put together as one bundle.

choice.py       what tuning chose, checked
making.py       what each variant is made of: what tuning chose, and what the variant changes
plan.py         which members there are: variants, repeats, and the fold that each leaves out
training.py     trains one member, in any process, and goes on where it was stopped
outcome.py      the members' classifiers, learning curve, and answers to nodules they never saw
"""
