"""Commands beside the stages: one module each, with a click command named `command`."""

from __future__ import annotations

COMMANDS = {
    "demo": "Run the whole pipeline and print the table of results.",
    "phantom": "Write a synthetic CT cohort.",
    "backbones": "List the backbones that can be named in params.yaml.",
    "confirm": "Fine-tune the best of the screening briefly, to see if its ranking holds.",
    "upsample": "Write the train part of a task with its augmented children.",
    "nested": "Estimate a task's whole selection by nested cross-validation.",
    "tune-worker": "Help with a hyper-parameter search that is under way.",
    "weights": "List, fetch and verify the pretrained weights of backbones.",
    "sync": "Send to MLflow what it does not have yet.",
    "promote": "Make a challenger the champion of its task.",
    "compare": "Compare two runs: did the change help?",
    "deidentify": "Copy a folder of images, readings and tables without its patients.",
    "phi": "Look for what tells who a patient is, in anything.",
    "self-test": "Show that the checks for leakage and shortcuts work.",
    "doctor": "Look at the health of installation, workspace, services and data.",
    "idc": "List what the Imaging Data Commons holds, without a network.",
    "agreement": "Print how well the readers agree with each other.",
    "consensus": "Print how many nodules there are if other distances join the readings.",
    "policies": "Print the data under each label policy.",
    "predict": "Write what a model says about crops without labels.",
    "external": "Judge a saved model on nodules of another source, such as NoduleMNIST3D.",
    "workspace": "Make a project folder of its own for another cohort.",
    "params": "Print every parameter with its meaning.",
    "graph": "Print the graph of stages.",
}
"""Name of a command (and of its module, with _ for -) -> what it does."""
