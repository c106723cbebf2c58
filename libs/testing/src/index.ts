export { fixtureCnn, fixtureImages, fixtureInput, fixturePreprocess } from './onnx-fixtures.js';
export { endedServer, startServer } from './server.js';
export type { RunningServer, ServerOptions } from './server.js';
export { wireCommand, WireProxy } from './wire-proxy.js';
export type { WireCommand, WireFault } from './wire-proxy.js';
