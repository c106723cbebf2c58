export { fixtureCnn, fixtureImages, fixtureInput, fixturePreprocess } from './onnx-fixtures.js';
