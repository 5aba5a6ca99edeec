"""Training of a backbone on images without labels: VICReg on two changed images of each nodule."""
