"""Other models of depth, trained here or elsewhere, behind the interface of `depthart.Predictor`.

To add one, write its file and add its line to `FAMILIES`; `README.md` beside this file shows how.
"""

# The `model` field of a checkpoint's config.json -> the network's class.
FAMILIES: dict[str, str] = {
    "midas": "depthart.baselines.midas:MiDaS",
    "dpt": "depthart.baselines.dpt:DPT",
    "dpt_metric": "depthart.baselines.metric_bins:MetricDPT",
    "gp2": "depthart.baselines.gp2:GP2",
    "adabins": "depthart.baselines.adabins:AdaBins",
    "dit": "depthart.baselines.dit:DiTDepth",
}
