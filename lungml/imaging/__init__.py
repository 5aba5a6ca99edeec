"""Pure array functions on images: intensity, geometry; and the packed store that keeps them."""
