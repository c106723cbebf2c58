import { TestEnvironment } from 'jest-environment-node';

/**
 * Jest's sandbox has array types of its own, while native addons make those of the process: onnxruntime then refuses its
 * own results. Tests that run a model in the test process name this file in their `@jest-environment` docblock.
 */
export default class NativeArraysEnvironment extends TestEnvironment {
  constructor(...parameters: ConstructorParameters<typeof TestEnvironment>) {
    super(...parameters);
    Object.assign(this.global, {
      ...{ Float32Array, Float64Array, Int8Array, Int16Array, Int32Array, Uint8Array, Uint16Array, Uint32Array },
      ...{ BigInt64Array, BigUint64Array, ArrayBuffer, DataView },
    });
  }
}
