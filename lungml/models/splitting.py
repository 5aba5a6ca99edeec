"""A backbone in two: the frozen layers, whose output for an image never changes, and the rest.

The network is read as a graph (torch.fx) in which a layer that is wholly frozen or wholly trained stays the
layer it is. Both parts do what the whole does, in the same order, on the same weights: the rest after the
frozen part gives the bytes of the whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from timm.layers._fx import get_notrace_functions
from timm.layers.drop import DropPath
from torch import Tensor, fx, nn
from torch.nn.modules.dropout import _DropoutNd


@dataclass(frozen=True)
class Split:
    """`prefix` makes (N, ...) tensors of images, which `rest` takes as its arguments.

    Both hold the backbone's own layers, not copies of them.
    """

    prefix: fx.GraphModule
    rest: fx.GraphModule


class RestOfClassifier(nn.Module):
    """What the frozen layers made (N, ...), in one or several tensors -> logits (N, K)."""

    def __init__(self, rest: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.backbone = rest
        self.head = head

    def forward(self, *kept: Tensor) -> Tensor:
        """Logits; softmax makes them probabilities."""
        logits: Tensor = self.head(self.backbone(*kept))
        return logits


def split_backbone(backbone: nn.Module) -> Split | None:
    """Cut a backbone behind the layers that `set_frozen` froze.

    Returns:
        None for a network that cannot be cut: its way depends on the values of its input, or it draws
        random numbers outside of its layers, so that a graph would fix whether it is in training.
    """
    try:
        untraced = tuple(get_notrace_functions())  # type: ignore[no-untyped-call]
        graph = _Tracer(autowrap_functions=untraced).trace(backbone)
    except fx.proxy.TraceError:
        return None
    if any(node.target is torch.nn.functional.dropout for node in graph.nodes):
        return None
    still = _still_nodes(graph, dict(backbone.named_modules()))
    edge = [node for node in still if not _is_option(node) and any(user not in still for user in node.users)]
    before, after = _before(still, edge), _after(graph, still, edge)
    return Split(fx.GraphModule(backbone, before), fx.GraphModule(backbone, after))


class _Tracer(fx.Tracer):
    """Looks into a layer only where a part of it is frozen and another is not."""

    def is_leaf_module(self, m: nn.Module, _name: str) -> bool:
        return len({parameter.requires_grad for parameter in m.parameters()}) < 2


Nodes = dict[fx.Node, None]
"""A set that keeps the order of the network."""


def _still_nodes(graph: fx.Graph, layers: dict[str, nn.Module]) -> Nodes:
    """Nodes that give the same for the same image in every epoch."""
    still: Nodes = {}
    for node in graph.nodes:
        if _is_fixed(node, layers) and all(each in still for each in node.all_input_nodes):
            still[node] = None
    return still


def _is_fixed(node: fx.Node, layers: dict[str, nn.Module]) -> bool:
    if node.op == "call_module":
        layer = layers[str(node.target)]
        return not any(p.requires_grad for p in layer.parameters()) and not _draws(layer)
    if node.op == "get_attr":
        owner, _, name = str(node.target).rpartition(".")
        value = getattr(layers[owner], name)
        return not (isinstance(value, nn.Parameter) and value.requires_grad)
    return node.op != "output"


def _draws(layer: nn.Module) -> bool:
    return any(
        each.training
        and (
            (isinstance(each, _DropoutNd) and each.p > 0)
            or (isinstance(each, DropPath) and each.drop_prob > 0)
        )
        for each in layer.modules()
    )


def _is_option(node: fx.Node) -> bool:
    """An argument of the network that has a default, such as a mask; it is never given."""
    return node.op == "placeholder" and bool(node.args)


def _before(still: Nodes, edge: list[fx.Node]) -> fx.Graph:
    part = fx.Graph()
    copies: dict[fx.Node, Any] = {}
    for node in still:
        copies[node] = node.args[0] if _is_option(node) else part.node_copy(node, copies.__getitem__)
    part.output(tuple(copies[node] for node in edge))
    return part


def _after(graph: fx.Graph, still: Nodes, edge: list[fx.Node]) -> fx.Graph:
    part = fx.Graph()
    copies: dict[fx.Node, Any] = {node: node.args[0] for node in still if _is_option(node)}
    copies |= {node: part.placeholder(f"kept_{number}") for number, node in enumerate(edge)}
    for node in graph.nodes:
        if node not in still:
            copies[node] = part.node_copy(node, copies.__getitem__)
    return part
