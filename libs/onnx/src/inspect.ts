import { declaredShape, fixedInputShapes, structureIssues } from './check.js';
import { feedsOf, opsetOf } from './graph.js';
import { decodeModel } from './model.codec.js';
import { DataType } from './model.types.js';
import type { ModelProto, ValueInfoProto } from './model.types.js';
import { OnnxError, issueOf } from './onnx.errors.js';
import type { Issue } from './onnx.errors.js';
import { skimmedModel } from './skim.js';
import { paramsOf } from './validate.js';

export interface DeclaredPort {
  name: string;
  /** Numbers, names of open dims, or null; empty when no shape is declared. */
  shape: (number | string | null)[];
  type: string;
}

export interface Inspection {
  /** Errors and warnings; a model with an error will not convert. */
  issues: Issue[];
  inputs: DeclaredPort[];
  outputs: DeclaredPort[];
  /** Count of nodes by operator. */
  operators: Record<string, number>;
  /** Absent when the file is no model. */
  stats?: { nodes: number; params: number; opset: number; producer: string };
}

/**
 * What can be said about a model file without loading its weights or running it: under a second at 500 MB.
 * Blocks while it reads. A bad model gives issues; only file system errors are thrown.
 * @param options.shapes dims of inputs that leave them open, by input name
 */
export function inspectModel(path: string, options: { shapes?: Record<string, number[]> } = {}): Inspection {
  let model: ModelProto;
  try {
    model = decodeModel(skimmedModel(path));
  } catch (error) {
    if (!(error instanceof OnnxError)) throw error;
    return { issues: [issueOf(error)], inputs: [], outputs: [], operators: {} };
  }
  const shapes = fixedInputShapes(model, options.shapes ?? {});
  return {
    issues: [...structureIssues(model), ...shapes.errors.map(issueOf)],
    inputs: feedsOf(model.graph).map(declaredPort),
    outputs: model.graph.output.map(declaredPort),
    operators: countsOf(model.graph.node.map((node) => node.opType)),
    stats: {
      nodes: model.graph.node.length,
      params: paramsOf(model),
      opset: opsetOf(model),
      producer: [model.producerName, model.producerVersion].filter(Boolean).join(' '),
    },
  };
}

const typeNames = new Map<number | undefined, string>(
  Object.entries(DataType).map(([name, code]) => [code, name.toLowerCase()]),
);

function declaredPort(value: ValueInfoProto): DeclaredPort {
  const code = value.type?.tensorType?.elemType;
  const type = code === DataType.FLOAT ? 'float32' : (typeNames.get(code) ?? 'unknown');
  return { name: value.name, shape: declaredShape(value) ?? [], type };
}

function countsOf(names: string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
