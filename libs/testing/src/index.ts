export { fixtureCnn, fixtureImages, fixtureInput, fixturePreprocess } from './onnx-fixtures.js';
export { startServer } from './server.js';
export type { RunningServer } from './server.js';
export { WireProxy } from './wire-proxy.js';
export type { WireFault } from './wire-proxy.js';
