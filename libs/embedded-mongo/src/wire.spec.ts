import { serialize } from 'bson';
import fc from 'fast-check';
import { cursorReply, MessageReader, ProtocolError, replyOf, requestOf } from './wire.js';
import { decodeDocument } from './bson-read.js';

function message(body: object, opcode = 2013): Buffer {
  const document = Buffer.from(serialize(body));
  const head = Buffer.alloc(21);
  head.writeInt32LE(21 + document.length, 0);
  head.writeInt32LE(7, 4);
  head.writeInt32LE(opcode, 12);
  return Buffer.concat([head, document]);
}

const ping = message({ ping: 1, $db: 'admin', text: 'some text', list: [1, { a: null }], at: new Date(0) });

describe('MessageReader', () => {
  it('finds the messages however the stream is cut', () => {
    const stream = Buffer.concat([ping, message({ hello: 1, $db: 'x' }), ping]);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (sizes) => {
        const reader = new MessageReader();
        const found: string[] = [];
        for (let at = 0, turn = 0; at < stream.length; turn++) {
          const size = sizes[turn % sizes.length]!;
          for (const each of reader.push(stream.subarray(at, at + size))) found.push(requestOf(each).name);
          at += size;
        }
        expect(found).toEqual(['ping', 'hello', 'ping']);
      }),
    );
  });

  it.each([
    ['an unknown opcode', message({ ping: 1 }, 2012)],
    ['a message over 48 MB', Buffer.concat([Buffer.from([0x01, 0x6c, 0xdc, 0x02]), Buffer.alloc(12)])],
    ['a message shorter than its header', Buffer.alloc(16)],
    ['a negative length', Buffer.alloc(16, 0xff)],
  ])('refuses %s as soon as the header is there', (_what, bytes) => {
    expect(() => new MessageReader().push(bytes.subarray(0, 16))).toThrow(ProtocolError);
  });
});

describe('requestOf', () => {
  it('reads the command, its database and its sequences', () => {
    const documents = [serialize({ _id: 1 }), serialize({ _id: 2 })].map((doc) => Buffer.from(doc));
    const section = Buffer.concat([Buffer.alloc(4), Buffer.from('documents\0'), ...documents]);
    section.writeInt32LE(section.length);
    const whole = Buffer.concat([message({ insert: 'c', $db: 'd' }), Buffer.from([1]), section]);
    whole.writeInt32LE(whole.length);
    const request = requestOf(whole);
    expect(request).toMatchObject({ name: 'insert', database: 'd', requestId: 7, moreToCome: false });
    expect(request.sequences.get('documents')).toEqual(documents);
  });

  it('throws nothing but ProtocolError, whatever byte is changed or cut off', () => {
    fc.assert(
      fc.property(fc.nat(ping.length - 1), fc.nat(255), fc.nat(ping.length), (at, byte, cut) => {
        const bytes = Buffer.from(ping);
        bytes[at] = byte;
        const shorter = bytes.subarray(0, Math.max(16, bytes.length - cut));
        for (const each of [bytes, shorter]) {
          try {
            requestOf(each);
          } catch (error) {
            expect(error).toBeInstanceOf(ProtocolError);
          }
        }
      }),
      { numRuns: 5000 },
    );
  });

  it('refuses a body that ends before its message', () => {
    const bytes = Buffer.from(ping);
    bytes.writeInt32LE(bytes.length * 2, 21);
    expect(() => requestOf(bytes)).toThrow(ProtocolError);
  });
});

describe('cursorReply', () => {
  it('is the document a driver expects', () => {
    const documents = Array.from({ length: 12 }, (_, n) => Buffer.from(serialize({ n })));
    const reply = replyOf(requestOf(ping), cursorReply('firstBatch', documents, 5, 'd.c'));
    expect(reply.readInt32LE(8)).toBe(7);
    expect(decodeDocument(reply, 21)).toEqual({
      cursor: { firstBatch: documents.map((_, n) => ({ n })), id: 5, ns: 'd.c' },
      ok: 1,
    });
  });
});
