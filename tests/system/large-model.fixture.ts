import { attr, encodeModel, floatTensor, nodeOf, seededRandom, valueInfo } from '#libs/onnx';

const INPUT = 64 * 64 * 3;
const HIDDEN = 500;

/** A classifier whose package is larger than what the sockets of a connection hold: 6 million weights, 25 MB. */
export function largeModel(): Uint8Array {
  const random = seededRandom(11);
  const bound = Math.sqrt(6 / INPUT);
  const weights = Float32Array.from({ length: INPUT * HIDDEN }, () => (random() * 2 - 1) * bound);
  const last = Float32Array.from({ length: HIDDEN * 10 }, () => (random() * 2 - 1) * 0.1);
  return encodeModel({
    irVersion: 8,
    opsetImport: [{ domain: '', version: 13 }],
    producerName: 'fixture',
    graph: {
      name: 'large',
      node: [
        nodeOf('Flatten', ['image'], ['flat']),
        nodeOf('Gemm', ['flat', 'w'], ['hidden'], [attr('transB', 1)]),
        nodeOf('Relu', ['hidden'], ['active']),
        nodeOf('Gemm', ['active', 'v'], ['logits'], [attr('transB', 1)]),
      ],
      initializer: [floatTensor('w', [HIDDEN, INPUT], weights), floatTensor('v', [10, HIDDEN], last)],
      input: [valueInfo('image', [1, 3, 64, 64])],
      output: [valueInfo('logits', [1, 10])],
    },
  });
}
