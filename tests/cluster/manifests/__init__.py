"""What the checks of k8s/ray are made of: rendering, the operator's pods, rules, fit, connectivity."""
