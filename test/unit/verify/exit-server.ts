/** A "what is my address" server over TLS, in this process, reached the way the gateway's dial reaches one. */
import http from 'node:http';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import type { Issued } from './certificates.ts';

export interface ExitServer {
  readonly dial: () => Promise<Duplex>;
  readonly asked: { readonly path: string; readonly host: string; readonly servername: string | undefined }[];
  close(): Promise<void>;
}

export type Responder = (response: http.ServerResponse) => void;

/** `issued` undefined: plain HTTP. */
export async function exitServer(issued: Issued | undefined, respond: Responder): Promise<ExitServer> {
  const asked: ExitServer['asked'] = [];
  const web = http.createServer((request, response) => {
    const { servername } = request.socket as tls.TLSSocket;
    asked.push({ path: request.url ?? '', host: request.headers.host ?? '', servername: servername || undefined });
    respond(response);
  });
  const server =
    issued === undefined
      ? web
      : tls.createServer({ cert: issued.certificate, key: issued.key }, (socket) => web.emit('connection', socket));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as net.AddressInfo;
  const sockets = new Set<net.Socket>();
  return {
    asked,
    dial: () =>
      new Promise((resolve, reject) => {
        const socket = net.connect(port, '127.0.0.1', () => resolve(socket));
        sockets.add(socket);
        socket.on('error', reject);
      }),
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}
