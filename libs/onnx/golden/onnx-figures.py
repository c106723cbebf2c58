"""Figures of onnxruntime's own quantiser (Python) on the float models and tensors onnx-figures.mjs wrote.

Called by onnx-figures.mjs with a folder that holds <name>.float.onnx, <name>.int8.onnx, <name>.f32 and <name>.json.
"""
import json, logging, os, sys
import numpy as np, onnx, onnxruntime as ort
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static

logging.disable(logging.WARNING)
folder, names = sys.argv[1], sys.argv[2:]


def session(path):
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def accuracy(reference, tested, samples):
    a, b = session(reference), session(tested)
    feed = a.get_inputs()[0].name
    f = np.concatenate([a.run(None, {feed: x})[0].ravel() for x in samples]).astype(np.float64)
    q = np.concatenate([b.run(None, {feed: x})[0].ravel() for x in samples]).astype(np.float64)
    return {
        "snrDb": round(10 * np.log10((f**2).sum() / ((f - q) ** 2).sum()), 4),
        "cosine": round(float((f * q).sum() / np.sqrt((f * f).sum() * (q * q).sum())), 6),
    }


class Reader(CalibrationDataReader):
    def __init__(self, feed, samples):
        self.samples = iter([{feed: x} for x in samples])

    def get_next(self):
        return next(self.samples, None)


figures = {"madeBy": "libs/onnx/golden/onnx-figures.mjs", "onnx": onnx.__version__, "onnxruntime": ort.__version__, "models": {}}
for name in names:
    path = lambda suffix: os.path.join(folder, name + suffix)
    meta = json.load(open(path(".json")))
    samples = np.fromfile(path(".f32"), dtype=np.float32).reshape([-1] + meta["shape"])
    feed = session(path(".float.onnx")).get_inputs()[0].name
    quantize_static(
        path(".float.onnx"), path(".py.onnx"), Reader(feed, samples), quant_format=QuantFormat.QDQ, per_channel=True,
        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, calibrate_method=CalibrationMethod.MinMax,
    )
    onnx.checker.check_model(onnx.load(path(".int8.onnx")), full_check=True)
    figures["models"][name] = {
        "samplesSha256": meta["samplesSha256"],
        "python": accuracy(path(".float.onnx"), path(".py.onnx"), samples),
        "oursRunInPython": accuracy(path(".float.onnx"), path(".int8.onnx"), samples),
        "fullChecker": "passed",
    }
print(json.dumps(figures, indent=2))
