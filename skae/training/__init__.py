"""From rows and a network to a trained network: skorch, devices, batches, schedules.

Nothing here knows of estimators.
"""
