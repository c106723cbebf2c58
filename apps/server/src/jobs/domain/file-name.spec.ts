import fc from 'fast-check';
import { resultFileName, safeFileName, stemOf } from './file-name.js';

const anyName = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.string({ unit: fc.constantFrom('a', '.', ' ', '/', '\\', '"', '\0', '\r', '\n', 'é', '\u202e', '\ud800', '😀') }),
);

describe('safeFileName', () => {
  it.each([
    ['../../etc/passwd', 'passwd'],
    ['C:\\models\\net.onnx', 'net.onnx'],
    ['a"b\\c".onnx', 'c.onnx'],
    ['x\r\nSet-Cookie: a=b.onnx', 'xSet-Cookie a=b.onnx'],
    ['invoice\u202Efdp.onnx', 'invoicefdp.onnx'],
    ['..onnx', 'onnx'],
    ['con.onnx', '_con.onnx'],
    ['e\u0301té.onnx', 'été.onnx'],
    ['', 'model.onnx'],
    ['...', 'model.onnx'],
    ['\ud83d.onnx', 'onnx'],
  ])('makes %j into %j', (raw, safe) => {
    expect(safeFileName(raw, 'model.onnx')).toBe(safe);
  });

  it('keeps the extension of a name that is cut', () => {
    const name = safeFileName(`${'é'.repeat(200)}.onnx`, 'model.onnx');
    expect(name.endsWith('é.onnx')).toBe(true);
    expect(Buffer.byteLength(name)).toBeLessThanOrEqual(120);
  });

  it('gives one segment without controls, at most 120 bytes and a fixed point, whatever the name', () => {
    fc.assert(
      fc.property(anyName, (raw) => {
        const name = safeFileName(raw, 'model.onnx');
        expect(name).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}/\\"<>:|?*]/u);
        expect(name).not.toMatch(/^[\s.]|[\s.]$/u);
        expect(name).not.toBe('');
        expect(Buffer.byteLength(name)).toBeLessThanOrEqual(121);
        expect(safeFileName(name, 'model.onnx')).toBe(name);
      }),
    );
  });
});

describe('resultFileName', () => {
  it('is a .nef only for what the vendor made', () => {
    expect(resultFileName('mobilenet.onnx', '520', 'nef')).toBe('mobilenet_kl520.nef');
    expect(resultFileName('mobilenet.onnx', '720', 'reference-package')).toBe('mobilenet_kl720.kref.zip');
  });

  it('ends in the platform and the extension, whatever the model is called', () => {
    fc.assert(
      fc.property(anyName, (raw) => {
        const name = resultFileName(raw, '520', 'reference-package');
        expect(name).toMatch(/^[^\s.].*_kl520\.kref\.zip$/u);
        expect(Buffer.byteLength(name)).toBeLessThanOrEqual(120);
      }),
    );
  });
});

describe('stemOf', () => {
  it.each([
    ['net.v2.onnx', 'net.v2'],
    ['net', 'net'],
    ['.onnx', '.onnx'],
    ['', 'model'],
  ])('of %j is %j', (name, stem) => {
    expect(stemOf(name)).toBe(stem);
  });
});
