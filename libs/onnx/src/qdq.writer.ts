import { attr, floatTensor, integerTensor, nodeOf } from './graph.js';
import { DataType } from './model.types.js';
import type { GraphProto, ModelProto, NodeProto, TensorProto } from './model.types.js';
import { activationScale, integersOf, roundHalfEven } from './scales.js';
import type { Scale, Scheme, WeightGrid } from './scales.js';

/** 16-bit QuantizeLinear is an ONNX operator from this opset on, and one of the runtime's own before. */
const opsetWith16Bits = 21;
const runtimeDomain = 'com.microsoft';

/** Writes a QDQ graph node by node, in the order of the float graph. Made for one graph and used once. */
export class QdqWriter {
  private readonly nodes: NodeProto[] = [];
  private readonly constants: TensorProto[];
  private readonly weights = new Map<string, { name: string; scales: number[] }>();
  private readonly operands = new Set<string>();
  /** Quantised graph inputs keep their name; readers take the dequantised copy. */
  private readonly renamedInputs = new Map<string, string>();
  private usesRuntimeDomain = false;

  constructor(
    private readonly model: ModelProto,
    private readonly scales: Map<string, Scale>,
    private readonly opset: number,
  ) {
    this.constants = [...model.graph.initializer];
    for (const { name } of model.graph.input) {
      const scale = scales.get(name);
      if (!scale) continue;
      this.renamedInputs.set(name, `${name}__dq`);
      this.quantizeDequantize(name, `${name}__dq`, name, scale);
    }
  }

  /** Adds a node; each quantised output moves to another name and comes back under its own through Q and DQ. */
  add(node: NodeProto): void {
    const input = node.input.map((name) => this.renamedInputs.get(name) ?? name);
    const output = node.output.map((name) => (this.scales.has(name) ? `${name}__float` : name));
    this.nodes.push({ ...node, input, output });
    for (const name of node.output) {
      const scale = this.scales.get(name);
      if (scale) this.quantizeDequantize(`${name}__float`, name, name, scale);
    }
  }

  /** int8 weights, one copy per name and axis however many nodes share them. */
  weight(
    source: { name: string; dims: number[] },
    axis: number | null,
    grid: () => WeightGrid,
  ): { name: string; scales: number[] } {
    const key = `${source.name}__w${axis ?? ''}`;
    const known = this.weights.get(key);
    if (known) return known;
    const { scales, integers } = grid();
    const zeros = new Int8Array(scales.length);
    const shape = axis === null ? [] : [scales.length];
    this.constants.push(
      integerTensor(`${key}_q`, source.dims, DataType.INT8, integers),
      floatTensor(`${key}_scale`, shape, scales),
      integerTensor(`${key}_zero`, shape, DataType.INT8, zeros),
    );
    const attributes = axis === null ? [] : [attr('axis', axis)];
    this.nodes.push(nodeOf('DequantizeLinear', [`${key}_q`, `${key}_scale`, `${key}_zero`], [key], attributes, ''));
    const made = { name: key, scales };
    this.weights.set(key, made);
    return made;
  }

  /**
   * int32 bias at scale s_in x s_w of its node, never shared. Gives no name when a value would not fit, and the bias then
   * stays in float.
   */
  bias(name: string, values: Float32Array, weightScales: number[], inputScale: number): string | undefined {
    const steps = Array.from(values, (_, at) =>
      Math.fround(inputScale * (weightScales[weightScales.length === 1 ? 0 : at] ?? 1)),
    );
    const integers = Array.from(values, (value, at) => roundHalfEven(value / (steps[at] ?? 1)));
    if (integers.some((value) => !Number.isFinite(value) || Math.abs(value) > 2 ** 31 - 1)) return undefined;
    const perChannel = weightScales.length > 1;
    const shape = perChannel ? [values.length] : [];
    this.constants.push(
      integerTensor(`${name}_q`, [values.length], DataType.INT32, integers),
      floatTensor(`${name}_scale`, shape, perChannel ? steps : steps.slice(0, 1)),
    );
    const attributes = perChannel ? [attr('axis', 0)] : [];
    this.nodes.push(nodeOf('DequantizeLinear', [`${name}_q`, `${name}_scale`], [name], attributes, ''));
    return name;
  }

  /** A constant operand on an activation's grid. */
  constant(
    { name, dims, values }: { name: string; dims: number[]; values: Float32Array },
    scheme: Scheme,
    bits: 8 | 16,
  ): string {
    const key = `${name}__c`;
    if (this.operands.has(key)) return key;
    this.operands.add(key);
    const scale = activationScale(rangeOf(values), scheme, bits);
    this.constants.push(
      integerTensor(`${key}_q`, dims, scale.dataType, integersOf(values, scale)),
      ...scaleTensors(key, scale),
    );
    this.push('DequantizeLinear', [`${key}_q`, `${key}_scale`, `${key}_zero`], key, scale.dataType);
    return key;
  }

  graph(): Pick<GraphProto, 'node' | 'initializer' | 'output'> {
    const output = this.model.graph.output;
    return { node: this.nodes, initializer: this.constants, output };
  }

  opsetImport(before: ModelProto['opsetImport']): ModelProto['opsetImport'] {
    return this.usesRuntimeDomain ? [...before, { domain: runtimeDomain, version: 1 }] : before;
  }

  private quantizeDequantize(from: string, to: string, base: string, scale: Scale): void {
    this.constants.push(...scaleTensors(`${base}__a`, scale));
    const parameters = [`${base}__a_scale`, `${base}__a_zero`];
    this.push('QuantizeLinear', [from, ...parameters], `${base}__a_q`, scale.dataType);
    this.push('DequantizeLinear', [`${base}__a_q`, ...parameters], to, scale.dataType);
  }

  private push(opType: string, input: string[], output: string, dataType: number): void {
    const wide = dataType === DataType.UINT16 || dataType === DataType.INT16;
    const node = nodeOf(opType, input, [output], [], '');
    if (!wide || this.opset >= opsetWith16Bits) return void this.nodes.push(node);
    this.usesRuntimeDomain = true;
    this.nodes.push({ ...node, domain: runtimeDomain });
  }
}

function scaleTensors(key: string, { scale, zeroPoint, dataType }: Scale): TensorProto[] {
  return [floatTensor(`${key}_scale`, [], [scale]), integerTensor(`${key}_zero`, [], dataType, [zeroPoint])];
}

function rangeOf(values: Float32Array): { min: number; max: number } {
  return values.reduce((range, value) => ({ min: Math.min(range.min, value), max: Math.max(range.max, value) }), {
    min: 0,
    max: 0,
  });
}
