"""The pipeline's stages: one module each, with one `run` function.

`run` takes its sections of `params.yaml` as positional arguments, and its paths and matrix items as
keyword-only ones; those are its command-line options (`lungml split --index data/index ...`). The order of
the stages is in `dvc.yaml` and nowhere else.
"""

from __future__ import annotations

STAGES = {
    "acquire": "Put CT series and readings into data/raw.",
    "index": "Read headers and readings into tables.",
    "validate": "Check the tables against the data contract.",
    "split": "Give every nodule a label and a part, patient by patient.",
    "views": "Cut the slice or nodule view of every nodule.",
    "audit": "Search the parts for leakage before anything is trained.",
    "pretrain": "Train backbones on views without labels (optional).",
    "embed": "Turn views into embeddings with a frozen backbone.",
    "outliers": "Score outliers and draw the t-SNE picture.",
    "screen": "Rank backbones and depths by linear probes.",
    "tune": "Search what tune.space names: batch size, optimizer, rate, head, any field of recipe.",
    "finetune": "Train the model: head first, then the unfreezing schedule.",
    "baselines": "Answer the test nodules without the model: size, HU, metadata, surroundings, features.",
    "evaluate": "Measure the model on the test part, beside its baselines.",
    "explain": "Draw Grad-CAM++ maps of test cases.",
    "card": "Write the model card and the data card.",
    "register": "Put the model into the MLflow registry.",
    "report": "Write the HTML report.",
}
"""Name of a stage (and of its module) -> what it does."""
