import { attr, intAttribute, nodeOf, numberOf, valueInfo } from './graph.js';
import { decodeModel, encodeModel } from './model.codec.js';
import type { ModelProto, TensorType } from './model.types.js';
import { groupsWithin } from './ranges.js';

const model: ModelProto = {
  irVersion: 11,
  opsetImport: [{ domain: '', version: 13 }],
  graph: {
    name: 'g',
    node: [nodeOf('Relu', ['x'], ['y'])],
    initializer: [],
    input: [valueInfo('x', [1, 'n'])],
    output: [valueInfo('y', [1, 'n'])],
  },
};

describe('decodeModel and encodeModel', () => {
  it('keep fields that came with later ONNX versions', () => {
    const node = { ...nodeOf('Relu', ['x'], ['y']), overload: 'o', metadataProps: [{ key: 'k', value: 'v' }] };
    const later = { ...model, graph: { ...model.graph, node: [node], metadataProps: [{ key: 'a', value: 'b' }] } };
    const read = decodeModel(encodeModel(later));
    expect(read.graph.node[0]).toMatchObject({ overload: 'o', metadataProps: [{ key: 'k', value: 'v' }] });
    expect(read.graph).toMatchObject({ metadataProps: [{ key: 'a', value: 'b' }] });
  });

  it('give the same bytes back', () => {
    const bytes = encodeModel(model);
    expect(Buffer.compare(encodeModel(decodeModel(bytes)), bytes)).toBe(0);
  });

  it('keep the whole range of 64-bit integers', () => {
    const highest = 0x7fffffffffffffffn;
    const bytes = encodeModel({
      ...model,
      graph: { ...model.graph, node: [nodeOf('Relu', ['x'], ['y'], [attr('a', 5)])] },
    });
    const read = decodeModel(bytes);
    expect(intAttribute(read.graph.node[0]!, 'a', 0)).toBe(5);
    const wide = {
      ...attr('end', 0),
      i: { low: -1, high: 0x7fffffff, unsigned: false, toNumber: () => Number(highest) },
    };
    const again = decodeModel(
      encodeModel({ ...model, graph: { ...model.graph, node: [nodeOf('Relu', ['x'], ['y'], [wide])] } }),
    );
    expect(numberOf(again.graph.node[0]!.attribute![0]!.i)).toBe(Number(highest));
  });
});

describe('groupsWithin', () => {
  const types = new Map<string, TensorType>(
    Object.entries({ a: 10, b: 10, c: 30, d: 5 }).map(([name, size]) => [name, { type: 'float32', shape: [1, size] }]),
  );

  it('fills groups up to the bytes and gives a larger tensor one of its own', () => {
    expect(groupsWithin(['a', 'b', 'c', 'd'], types, 80)).toEqual([['a', 'b'], ['c'], ['d']]);
  });
});
