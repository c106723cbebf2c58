export { compareModels, measureLatency, verdictOf } from './compare.js';
export type { Accuracy, CompareOptions, LayerAccuracy, OutputAccuracy, Verdict, VerdictThresholds } from './compare.js';
export { attr, floatAttr, floatTensor, int64Tensor, nodeOf, valueInfo } from './graph.js';
export { inspectModel } from './inspect.js';
export type { DeclaredPort, Inspection } from './inspect.js';
export { decodeModel, encodeModel, loadModel } from './model.codec.js';
export { DataType } from './model.types.js';
export type { AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto } from './model.types.js';
export type { Normalize } from './normalize.js';
export { issueOf, OnnxError } from './onnx.errors.js';
export type { Issue, OnnxErrorClass, OnnxErrorCode } from './onnx.errors.js';
export { optimizeModel } from './optimize.js';
export { defaultPreprocess, preprocess } from './preprocess.js';
export type { ImageInput, ImageLimits, Preprocess } from './preprocess.js';
export { quantizeModel } from './quantize.js';
export type {
  QuantizationSummary,
  QuantizedModel,
  QuantizedTensor,
  QuantizedWeight,
  QuantizeOptions,
} from './quantize.js';
export { collectRanges } from './ranges.js';
export type { RangeOptions } from './ranges.js';
export type { Range, Ranges, Scheme } from './scales.js';
export type { RunOptions, Sample } from './session.js';
export { seededRandom, syntheticTensors } from './synthetic.js';
export { validateModel } from './validate.js';
export type { ModelStats, Port, ValidatedModel } from './validate.js';
