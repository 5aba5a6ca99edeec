"""Trainings of the small network, and what is compared of them."""

import torch
from training_examples import make_classifier, make_data

from lungml.training.loop import train

RESULTS = ("epoch", "phase", "train_loss", "val_loss", "val_weighted_auprc", "learning_rate")


def weights(classifier):
    return {name: value.clone() for name, value in classifier.state_dict().items()}


def equal(one, other):
    return one.keys() == other.keys() and all(torch.equal(value, other[name]) for name, value in one.items())


def results(records):
    return [tuple(getattr(record, name) for name in RESULTS) for record in records]


def run(settings, *, data=None, classifier=None, **options):
    """Weights and records; the network and the data are always the same, if none are given."""
    classifier = classifier or make_classifier()
    records = list(train(classifier, data or make_data(), settings, **options))
    return weights(classifier), records
