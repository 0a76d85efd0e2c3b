import dgram from 'node:dgram';
import { once } from 'node:events';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { LabRelay } from '../../../src/lab/relay.ts';

let server: dgram.Socket;
let client: dgram.Socket;
let relay: LabRelay;

beforeEach(async () => {
  [server, client] = [dgram.createSocket('udp4'), dgram.createSocket('udp4')];
  for (const socket of [server, client]) {
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
  }
  server.on('message', (message, from) => server.send(`re: ${message.toString()}`, from.port, from.address));
  relay = await LabRelay.start(server.address().port);
});

afterEach(() => {
  relay.stop();
  server.close();
  client.close();
});

async function ask(port: number): Promise<{ text: string; from: number }> {
  const answer = once(client, 'message') as Promise<[Buffer, dgram.RemoteInfo]>;
  client.send('hello', port, '127.0.0.1');
  const [message, { port: from }] = await answer;
  return { text: message.toString(), from };
}

test('carries both ways', async () => {
  expect(await ask(relay.port)).toEqual({ text: 're: hello', from: relay.port });
  expect(relay.toStranger).toBe(0);
});

test("lets the server's reply come from a stranger, and counts who falls for it", async () => {
  relay.repliesFrom('stranger');
  expect(await ask(relay.port)).toEqual({ text: 're: hello', from: relay.strangerPort });
  expect(await ask(relay.strangerPort)).toEqual({ text: 're: hello', from: relay.strangerPort });
  expect(relay.toStranger).toBe(1);
});

test('the stranger may speak first, once the client is known', async () => {
  relay.speak(Buffer.from('too early'));
  expect(await ask(relay.port)).toMatchObject({ text: 're: hello' });
  const heard = once(client, 'message') as Promise<[Buffer, dgram.RemoteInfo]>;
  relay.speak(Buffer.from('psst'));
  const [message, { port }] = await heard;
  expect([message.toString(), port]).toEqual(['psst', relay.strangerPort]);
});
