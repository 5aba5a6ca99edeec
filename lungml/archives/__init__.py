"""Archives from elsewhere (zip, tar), unpacked without trusting a word of them."""
