"""What a gateway costs: the parts of `./dev bench overhead`."""
