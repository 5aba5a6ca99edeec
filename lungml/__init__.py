"""From chest CT to a registered, calibrated, explained lung-nodule malignancy model."""

__version__ = "0.1.0"
