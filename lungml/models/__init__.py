"""Networks: backbones (timm), heads, the classifier made of both, and what of it is trained when."""
