import sharp from 'sharp';
import { attr, encodeModel, floatTensor, nodeOf, seededRandom, valueInfo } from '#libs/onnx';
import type { ModelProto, NodeProto, Preprocess, TensorProto } from '#libs/onnx';

/** Input and preprocessing of the fixture network. */
export const fixtureInput = { name: 'image', shape: [1, 3, 64, 64], layout: 'NCHW' } as const;

export const fixturePreprocess: Preprocess = {
  resize: 'letterbox',
  pad: 'corner',
  padValue: 0,
  channels: 'RGB',
  normalize: 'kneron',
};

/**
 * A small classifier with random weights, the same bytes on every call: 33 nodes, under 230 KB, opset 13. It has what real
 * ones have: BatchNorm, depthwise and strided convolutions, residual Add, Concat, pools, Clip, Sigmoid gate, Gemm.
 */
export function fixtureCnn(): Uint8Array {
  return encodeModel(new FixtureNetwork().model());
}

class FixtureNetwork {
  private readonly random = seededRandom(20_260_701);
  private readonly nodes: NodeProto[] = [];
  private readonly weights: TensorProto[] = [];

  model(): ModelProto {
    const stem = this.op('Relu', [this.norm(this.conv('image', 3, 16, { stride: 2 }), 16)]);
    const residual = this.residual(stem, 16);
    const wide = this.op('Clip', [
      this.conv(this.depthwise(residual, 16), 16, 32, { kernel: 1 }),
      this.scalar(0),
      this.scalar(6),
    ]);
    const small = this.op('MaxPool', [wide], [attr('kernel_shape', [2, 2]), attr('strides', [2, 2])]);
    const gated = this.gated(small, 32);
    const left = this.op('Relu', [this.conv(gated, 32, 32, {})]);
    const right = this.op('LeakyRelu', [this.conv(gated, 32, 24, { kernel: 1 })]);
    const joined = this.op('Concat', [left, right], [attr('axis', 1)]);
    const mean = this.op('AveragePool', [joined], [attr('kernel_shape', [2, 2]), attr('strides', [2, 2])]);
    const last = this.residual(this.op('Relu', [this.norm(this.conv(mean, 56, 32, {}), 32)]), 32);
    const pooled = this.op('GlobalAveragePool', [last]);
    this.nodes.push(
      nodeOf('Flatten', [pooled], ['features']),
      nodeOf('Gemm', ['features', this.weight([10, 32], 32), this.weight([10], 4)], ['logits'], [attr('transB', 1)]),
    );
    return {
      irVersion: 8,
      opsetImport: [{ domain: '', version: 13 }],
      producerName: 'fixture',
      graph: {
        name: 'fixture',
        node: this.nodes,
        initializer: this.weights,
        input: [valueInfo(fixtureInput.name, fixtureInput.shape)],
        output: [valueInfo('logits', [1, 10])],
      },
    };
  }

  private residual(input: string, channels: number): string {
    const inner = this.op('Relu', [this.conv(input, channels, channels, {})]);
    return this.op('Relu', [this.op('Add', [this.conv(inner, channels, channels, {}), input])]);
  }

  /** A gate per channel, as in squeeze-and-excitation. */
  private gated(input: string, channels: number): string {
    const gate = this.op('Sigmoid', [
      this.conv(this.op('GlobalAveragePool', [input]), channels, channels, { kernel: 1 }),
    ]);
    return this.op('Mul', [input, gate]);
  }

  private depthwise(input: string, channels: number): string {
    return this.conv(input, channels, channels, { group: channels });
  }

  private conv(input: string, from: number, to: number, { kernel = 3, stride = 1, group = 1 }): string {
    const fan = (from / group) * kernel * kernel;
    const attributes = [
      attr('kernel_shape', [kernel, kernel]),
      attr('strides', [stride, stride]),
      attr('group', group),
    ];
    const pads = attr('pads', new Array<number>(4).fill((kernel - 1) / 2));
    return this.op(
      'Conv',
      [input, this.weight([to, from / group, kernel, kernel], fan), this.weight([to], 100)],
      [...attributes, pads],
    );
  }

  private norm(input: string, channels: number): string {
    const positive = (): string => this.tensor([channels], () => 0.8 + 0.4 * this.random());
    return this.op('BatchNormalization', [
      input,
      positive(),
      this.weight([channels], 100),
      this.weight([channels], 100),
      positive(),
    ]);
  }

  private op(opType: string, input: string[], attributes: NodeProto['attribute'] = []): string {
    const output = `${opType.toLowerCase()}_${this.nodes.length}`;
    this.nodes.push(nodeOf(opType, input, [output], attributes));
    return output;
  }

  private scalar(value: number): string {
    return this.tensor([], () => value);
  }

  /** Uniform with variance 2 / fan, as He et al. 2015 initialise ReLU networks. */
  private weight(dims: number[], fan: number): string {
    const bound = Math.sqrt(6 / fan);
    return this.tensor(dims, () => (this.random() * 2 - 1) * bound);
  }

  private tensor(dims: number[], value: () => number): string {
    const name = `w_${this.weights.length}`;
    const size = dims.reduce((a, b) => a * b, 1);
    this.weights.push(floatTensor(name, dims, Float32Array.from({ length: size }, value)));
    return name;
  }
}

/** PNG images of 80 x 64 with smooth colours and a few bars, the same pixels on every call. */
export async function fixtureImages(count = 16): Promise<Buffer[]> {
  const [width, height] = [80, 64];
  const random = seededRandom(7);
  return Promise.all(
    Array.from({ length: count }, () => {
      const pixels = barsOnColours(width, height, random);
      return sharp(pixels, { raw: { width, height, channels: 3 } })
        .png()
        .toBuffer();
    }),
  );
}

function barsOnColours(width: number, height: number, random: () => number): Uint8Array {
  const waves = Array.from({ length: 3 }, () => ({ x: random() * 0.2, y: random() * 0.2, phase: random() * 6 }));
  const bars = Array.from({ length: 4 }, () => ({
    at: Math.floor(random() * width),
    wide: 2 + random() * 8,
    light: random() * 255,
  }));
  return Uint8Array.from({ length: width * height * 3 }, (_, index) => {
    const [x, y] = [Math.floor(index / 3) % width, Math.floor(index / 3 / width)];
    const bar = bars.find(({ at, wide }) => x >= at && x < at + wide);
    const wave = waves[index % 3] ?? { x: 0, y: 0, phase: 0 };
    return bar ? bar.light : 127 + 120 * Math.sin(x * wave.x + y * wave.y + wave.phase);
  });
}
