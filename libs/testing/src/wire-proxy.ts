import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** What happens to a request that was chosen. */
export type WireFault =
  /** The request never arrives; the connection is cut. */
  | 'lost'
  /** It arrives, and the reply is dropped; the connection is cut. */
  | 'kept'
  /** It arrives after its sender has been cut off and had time to go on: with the next connection that is made. */
  | 'late';

/** Every message begins with its own length, in a header of this size. */
const HEADER_BYTES = 16;
const OP_MSG = 2013;

/** What a request orders: the first element of its body, such as `insert` and `ledger_entries`. */
export interface WireCommand {
  name: string;
  collection: string;
}

type Chosen = (message: Buffer) => boolean;

/** Undefined for what is no command on a collection. `message`: one whole OP_MSG whose first section is its body. */
export function wireCommand(message: Buffer): WireCommand | undefined {
  const STRING = 2;
  const first = HEADER_BYTES + 4 + 1 + 4; // flags, kind of section, length of the body
  if (message.readInt32LE(12) !== OP_MSG || message[first] !== STRING) return undefined;
  const nameEnd = message.indexOf(0, first + 1);
  const valueEnd = message.indexOf(0, nameEnd + 5);
  return {
    name: message.toString('utf8', first + 1, nameEnd),
    collection: message.toString('utf8', nameEnd + 5, valueEnd),
  };
}

/**
 * A TCP proxy before a MongoDB-compatible server that loses requests and replies. Faults are injected here and never by
 * hooks in the product. It reads no more of the protocol than the length of a message and what it orders.
 */
export class WireProxy {
  private readonly faults: { chosen: Chosen; fault: WireFault }[] = [];
  private readonly sockets = new Set<Socket>();
  private struckCount = 0;
  /** Called with each whole request before it goes on. */
  onRequest: ((message: Buffer) => void) | undefined;

  private constructor(
    private readonly server: Server,
    private readonly target: () => Socket,
    /** The address to give to the driver, with the path and options of the server's own. */
    readonly uri: string,
  ) {}

  static async before(uri: string): Promise<WireProxy> {
    const given = new URL(uri);
    const host = decodeURIComponent(given.hostname);
    const port = Number(given.port || 27017);
    const target = host.startsWith('/') ? (): Socket => connect(host) : (): Socket => connect(port, host);
    const server = createServer({ noDelay: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    given.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const options = new URLSearchParams(given.search);
    options.set('directConnection', 'true');
    const credentials = given.username === '' ? '' : `${given.username}:${given.password}@`;
    const proxy = new WireProxy(
      server,
      target,
      `mongodb://${credentials}${given.host}${given.pathname}?${options.toString()}`,
    );
    server.on('connection', (client) => proxy.join(client));
    return proxy;
  }

  /** The next message that is chosen meets this fault. May be called several times; each strikes once. */
  failNext(chosen: Chosen, fault: WireFault): void {
    this.faults.push({ chosen, fault });
  }

  /** How many faults have struck. */
  get struck(): number {
    return this.struckCount;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  private join(client: Socket): void {
    const server = this.target();
    for (const socket of [client, server]) {
      this.sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => this.sockets.delete(socket));
    }
    client.on('close', () => server.destroy());
    server.on('close', () => client.destroy());
    server.on('data', (chunk) => client.write(chunk));
    let pending = Buffer.alloc(0);
    client.on('data', (chunk) => {
      pending = Buffer.concat([pending, chunk]);
      while (pending.length >= HEADER_BYTES && pending.length >= pending.readInt32LE(0)) {
        const length = pending.readInt32LE(0);
        this.forward(pending.subarray(0, length), client, server);
        pending = pending.subarray(length);
      }
    });
  }

  private forward(message: Buffer, client: Socket, server: Socket): void {
    this.onRequest?.(message);
    const at = this.faults.findIndex(({ chosen }) => chosen(message));
    if (at < 0) return void server.write(message);
    const [{ fault }] = this.faults.splice(at, 1) as [{ chosen: Chosen; fault: WireFault }];
    this.struckCount += 1;
    if (fault === 'kept') {
      const other = this.relayed(message);
      other.once('data', () => {
        other.destroy();
        client.destroy();
      });
      return;
    }
    client.destroy();
    if (fault === 'late') this.server.once('connection', () => this.relayed(message));
  }

  /** The message over a connection of its own, whose reply nobody hears. */
  private relayed(message: Buffer): Socket {
    const other = this.target();
    this.sockets.add(other);
    other.on('error', () => other.destroy());
    other.on('close', () => this.sockets.delete(other));
    other.resume();
    other.write(message);
    return other;
  }
}
