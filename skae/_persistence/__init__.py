"""Files of fitted estimators: save, load, and the upgrades of older files."""
