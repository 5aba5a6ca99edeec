"""A synthetic CT cohort with known truth, written as DICOM series and LIDC-style readings."""
