"""
Faults in the sensors of a pump
===============================

A detector learns from a normal record of five sensors, and finds faults in a later record: when,
and in which sensor. The pump changes between three regimes, the air becomes warmer from day to day,
and the faults hardly leave the range of normal values. The record is simulated.
"""

# %%
# A simulated pump
# ----------------
# Every few hours the load of the pump changes. Current, flow and pressure depend on the load, the
# heat follows the power slowly, and the temperature of the air, which no sensor measures, adds to
# it: it rises and falls with the hour of the day, and rises by two degrees within the eight days.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skae import AutoencoderOutlierDetector
from skae.series import (
    block_groups,
    incidents,
    leading_channels,
    point_scores,
    sliding_windows,
    window_columns,
)

MINUTES_A_DAY = 24 * 60


def pump(n_days, rng):
    """Return a record with one row for every two minutes."""
    n_points = n_days * MINUTES_A_DAY // 2
    time = pd.date_range("2026-03-02", periods=n_points, freq="2min")
    lengths = rng.integers(60, 240, size=n_points // 60)
    load = np.repeat(rng.choice([0.3, 0.6, 0.9], len(lengths)), lengths)[:n_points]
    load = pd.Series(load + 0.03 * rng.normal(size=n_points)).ewm(span=6).mean().to_numpy()
    day = np.arange(n_points) / (MINUTES_A_DAY / 2)
    air = 15 + 4 * np.sin(2 * np.pi * day) + 0.25 * day
    power = pd.Series(load**2).ewm(span=60).mean().to_numpy()
    values = {
        "load": load + 0.01 * rng.normal(size=n_points),
        "current": 2 + 10 * load**1.5 + 0.15 * rng.normal(size=n_points),
        "flow": 40 * np.sqrt(load) + 0.4 * rng.normal(size=n_points),
        "pressure": 6 - 3 * load**2 + 0.06 * rng.normal(size=n_points),
        "heat": air + 30 * power + 0.3 * rng.normal(size=n_points),
    }
    return pd.DataFrame(values, index=time)


rng = np.random.default_rng(0)
record = pump(8, rng)
normal, later = record[: 6 * MINUTES_A_DAY // 2], record[6 * MINUTES_A_DAY // 2 :].copy()

# %%
# Faults in the last two days: a sensor that is stuck, one with an offset, one with noise, one that
# drifts, and a single wrong reading. ``stop`` is the point after the last one.
faults = pd.DataFrame(
    [
        (130, 190, "heat", "stuck"),
        (420, 480, "pressure", "offset"),
        (560, 620, "current", "noise"),
        (790, 890, "flow", "drift"),
        (1250, 1252, "load", "spike"),
    ],
    columns=["start", "stop", "sensor", "fault"],
)
DEVIATIONS = {
    "offset": lambda n: np.full(n, 0.5),
    "noise": lambda n: 1.2 * rng.normal(size=n),
    "drift": lambda n: np.linspace(0, 4, n),
    "spike": lambda n: np.full(n, 0.25),
}
for start, stop, sensor, fault in faults.itertuples(index=False):
    column = later.columns.get_loc(sensor)
    if fault == "stuck":
        later.iloc[start:stop, column] = later.iloc[start, column]
    else:
        later.iloc[start:stop, column] += DEVIATIONS[fault](stop - start)
beyond = (later < normal.min()) | (later > normal.max())
print(f"{beyond.to_numpy().sum()} of {later.size} values are beyond those of the normal record")

# %%
# Windows
# -------
# A window of 16 points is half an hour of all sensors. Windows are views: together they take no
# more memory than the record.
LENGTH, STEP = 16, 2
windows = sliding_windows(normal, LENGTH, STEP)
later_windows = sliding_windows(later, LENGTH, STEP)
print(windows)

# %%
# The windows overlap, and a window in the calibration rows must not share points with windows that
# the network is trained on. ``block_groups`` cuts the record into blocks, and leaves out the few
# windows across their borders. Dense layers suffice; each sensor has its own scale.
groups = block_groups(windows)
inside = groups >= 0
print(f"{groups.max() + 1} blocks, {np.mean(~inside):.0%} of the windows left out")
detector = AutoencoderOutlierDetector(novelty=True, random_state=0)
detector.fit(windows[inside], groups=groups[inside])
detector.set_threshold(false_positive_rate=0.05)

# %%
# From windows to points
# ----------------------
# With ``how="max"`` of the decision function, a point is an outlier if all windows that cover it
# are. So the rate of false alarms among points is at most that among windows.
place = (later_windows.length, later_windows.step, later_windows.n_points)
decision = point_scores(detector.decision_function(later_windows), *place, how="max")
report = incidents(decision < 0, faults[["start", "stop"]], max_gap=5)
print(report)
print(report.events.assign(fault=faults["fault"]))

# %%
# Which sensor
# ------------
# The contributions of a window have a column for each step and channel. Their means over the
# windows that cover a point say which sensor is at fault, and when.
contributions = detector.feature_contributions(later_windows)
contributions.columns = window_columns(LENGTH, windows.channels)
of_points = pd.DataFrame(point_scores(contributions, *place), later.index, windows.channels)
named = leading_channels(report, of_points)
named["from"] = later.index[named["start"]].strftime("%H:%M")
named["until"] = later.index[named["stop"] - 1].strftime("%H:%M")
print(named[["from", "until", "channel", "fraction", "true"]].round(2).to_string())

# %%
# All faults are found and named, the drift when the flow is more than one litre too high. Short
# false incidents stand where the load changes.
#
# Figure
# ------
# The record with the true faults (grey) and the incidents (lines above each panel, in the panel of
# the sensor that contributes most). Bottom: the decision function.
ABOVE = {"textcoords": "offset points", "fontsize": 9}
figure, panels = plt.subplots(
    6, 1, figsize=(11, 8), sharex=True, layout="constrained", height_ratios=[1, 1, 1, 1, 1, 1.2]
)
for axes, sensor in zip(panels, later, strict=False):
    axes.plot(later.index, later[sensor], linewidth=0.8, color="tab:blue")
    axes.set_ylabel(sensor)
    top = axes.get_ylim()[1]
    for _, row in faults[faults["sensor"] == sensor].iterrows():
        axes.axvspan(later.index[row["start"]], later.index[row["stop"] - 1], color="0.8")
        axes.annotate(row["fault"], (later.index[row["start"]], top), (0, 5), **ABOVE)
    for _, row in named[named["channel"] == sensor].iterrows():
        color = "tab:green" if row["true"] else "tab:red"
        ends = later.index[[row["start"], row["stop"] - 1]] + pd.to_timedelta([-3, 3], unit="min")
        axes.plot(ends, [top, top], color=color, linewidth=5, clip_on=False)
panels[-1].plot(later.index, decision, color="black", linewidth=0.8)
panels[-1].axhline(0, color="tab:red", linewidth=0.8)
panels[-1].set_yscale("symlog", linthresh=1)
panels[-1].set_ylabel("decision")
figure.align_ylabels()
plt.show()
