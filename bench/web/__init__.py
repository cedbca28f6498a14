"""What the measurements by HTTP are made of: a served site, its visitors, its limits, its peer."""
