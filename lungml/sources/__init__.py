"""Where nodules come from beside LIDC's XML: tables of points, the seed study's sheet, ready-made crops.

Each gives rows of the same tables, so everything after the index is the same for all of them.
"""
