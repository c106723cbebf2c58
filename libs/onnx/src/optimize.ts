import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { loadModel } from './model.codec.js';
import { DataType } from './model.types.js';
import type { ModelProto, NodeProto, TensorType, ValueInfoProto } from './model.types.js';
import { numberOf, valueInfo, withoutUnusedWeights } from './graph.js';
import { OnnxError } from './onnx.errors.js';
import { openSession, tensorTypes } from './session.js';
import { upgradedModel } from './upgrade.js';

/**
 * The model as portable ONNX at opset 13 or later: constants folded, BatchNorm folded into Conv, weights as initialisers,
 * output shapes written, unused opset domains dropped.
 *
 * Only the runtime's `basic` level: `extended` and `all` write nodes other runtimes do not know.
 * @param model one with fixed inputs, as `validateModel` gives it
 * @param options.workDir an existing folder; one temporary file is written there and removed
 */
export async function optimizeModel(model: ModelProto, options: { workDir: string }): Promise<ModelProto> {
  const file = join(options.workDir, `optimized-${randomUUID()}.onnx`);
  try {
    const session = await openSession(model, { optimization: 'basic', optimizedModelFilePath: file });
    await session.release();
    const written = {
      ...(await loadModel(file)),
      producerName: model.producerName ?? '',
      producerVersion: model.producerVersion ?? '',
    };
    return await portableModel(written);
  } finally {
    await rm(file, { force: true });
  }
}

async function portableModel(written: ModelProto): Promise<ModelProto> {
  const upgraded = upgradedModel(written, await tensorTypes(written));
  const model = { ...upgraded, opsetImport: usedDomains(upgraded) };
  const types = await tensorTypes(model);
  const node = withUniqueNames(model.graph.node);
  const output = model.graph.output.map((each) => typedValue(each, types));
  return { ...model, graph: withoutUnusedWeights({ ...model.graph, node, output, valueInfo: [] }) };
}

/** Reports and options speak of nodes by name; exporters leave names empty or use them twice. */
function withUniqueNames(nodes: NodeProto[]): NodeProto[] {
  const taken = new Set<string>();
  return nodes.map((node, index) => {
    const wanted = node.name || `${node.opType}_${index}`;
    const name = taken.has(wanted) ? `${wanted}_${index}` : wanted;
    taken.add(name);
    return { ...node, name };
  });
}

function usedDomains(model: ModelProto): ModelProto['opsetImport'] {
  const foreign = model.graph.node.find((node) => node.domain && node.domain !== 'ai.onnx');
  if (foreign) {
    throw new OnnxError('ONNX.RUNTIME', `optimisation wrote ${foreign.domain}.${foreign.opType}`, {
      where: foreign.name ?? '',
    });
  }
  return model.opsetImport
    .filter((entry) => !entry.domain || entry.domain === 'ai.onnx')
    .map((entry) => ({ domain: '', version: numberOf(entry.version) }));
}

/** The checker rejects outputs without a shape. */
function typedValue(value: ValueInfoProto, types: Map<string, TensorType>): ValueInfoProto {
  const type = types.get(value.name);
  return type ? valueInfo(value.name, type.shape, elementTypes[type.type] ?? DataType.FLOAT) : value;
}

const elementTypes: Record<string, number | undefined> = {
  float32: DataType.FLOAT,
  float64: DataType.DOUBLE,
  float16: DataType.FLOAT16,
  int64: DataType.INT64,
  int32: DataType.INT32,
  int8: DataType.INT8,
  uint8: DataType.UINT8,
  int16: DataType.INT16,
  uint16: DataType.UINT16,
  bool: DataType.BOOL,
};
