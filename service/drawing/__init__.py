"""Pictures for people: feature maps as pixels and as contact sheets."""
