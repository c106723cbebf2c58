import { once } from 'node:events';
import { createServer, request as send } from 'node:http';
import { buffer } from 'node:stream/consumers';

/**
 * An HTTP proxy before an object store that loses requests and replies. It knows nothing of the product and nothing of
 * S3 but that a request's path and query say what it writes. Headers pass unchanged: the host is signed.
 *
 * A fault is one of
 *   `lost`: the request never arrives; the connection is cut;
 *   `kept`: it arrives, and the reply is dropped; the connection is cut;
 *   `late`: the connection is cut, and it arrives when its sender has been answered to the same request, sent again.
 */
export class HttpFaultProxy {
  #server;
  #target;
  #faults = [];
  #late = [];
  /** How many faults have struck. */
  struck = 0;
  /** Called with each whole request `{ method, path, headers, body }` before it goes on. */
  onRequest = undefined;

  /** `target`: `http://host:port` of the store. */
  static async before(target) {
    const proxy = new HttpFaultProxy();
    proxy.#target = new URL(target);
    proxy.#server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
      proxy.#pass(request, response).catch(() => response.destroy());
    });
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get url() {
    return `http://127.0.0.1:${this.#server.address().port}`;
  }

  /** The next request that is chosen meets this fault. May be called several times; each strikes once. */
  failNext(chosen, fault) {
    this.#faults.push({ chosen, fault });
  }

  async close() {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  async #pass(incoming, response) {
    const { method, url: path, rawHeaders: headers } = incoming;
    const request = { method, path, headers, body: await buffer(incoming) };
    this.onRequest?.(request);
    const at = this.#faults.findIndex(({ chosen }) => chosen(request));
    if (at >= 0) return this.#strike(this.#faults.splice(at, 1)[0].fault, request, response);
    const answer = await this.#answered(request);
    const overtaken = this.#late.findIndex((late) => late.method === method && late.path === path);
    if (overtaken >= 0) await this.#answered(this.#late.splice(overtaken, 1)[0]);
    response.writeHead(answer.status, answer.headers).end(answer.body);
  }

  async #strike(fault, request, response) {
    this.struck += 1;
    if (fault === 'kept') await this.#answered(request);
    if (fault === 'late') this.#late.push(request);
    response.destroy();
  }

  /** Over a connection of its own. */
  async #answered({ method, path, headers, body }) {
    const { hostname, port } = this.#target;
    const outgoing = send({ hostname, port, method, path, headers, agent: false }).end(body);
    const [answer] = await once(outgoing, 'response');
    return { status: answer.statusCode, headers: answer.rawHeaders, body: await buffer(answer) };
  }
}
