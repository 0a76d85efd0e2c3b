import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import * as z from 'zod';
import { LabAgent } from '../../../src/lab/agent.ts';

const answer = z.object({ ok: z.literal(true), n: z.int() });
/** What the guest does with each line; its return value goes back as it is. */
let reply: (line: string, socket: net.Socket) => void;
let server: net.Server;
let folder: string;
let agent: LabAgent;

beforeEach(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'vmg-agent-'));
  server = net.createServer((socket) => {
    socket.on('data', (chunk) => {
      for (const line of chunk.toString('latin1').split('\n').filter(Boolean)) reply(line, socket);
    });
  });
  const file = path.join(folder, 's');
  await new Promise<void>((resolve) => server.listen(file, resolve));
  agent = await LabAgent.connect(file);
});

afterEach(() => {
  agent.close();
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('LabAgent', () => {
  test('asks one after the other and gives each its own answer', async () => {
    const asked: string[] = [];
    reply = (line, socket) => {
      asked.push(line);
      setImmediate(() => socket.write(`${line.split(' ')[0]} {"ok":true,"n":${asked.length}}\n`));
    };
    const answers = await Promise.all([agent.ask(answer, 'one'), agent.ask(answer, 'two', ['a', 7])]);
    expect(answers.map(({ n }) => n)).toEqual([1, 2]);
    expect(asked).toEqual(['1 one', '2 two a 7']);
  });

  test('passes over answers to somebody else', async () => {
    reply = (line, socket) => socket.write(`99 {"ok":true,"n":0}\nnoise\n${line.split(' ')[0]} {"ok":true,"n":1}\n`);
    expect(await agent.ask(answer, 'one')).toEqual({ ok: true, n: 1 });
  });

  test('a refusal says what the guest said', async () => {
    reply = (line, socket) => socket.write(`${line.split(' ')[0]} {"ok":false,"detail":"no verb one"}\n`);
    await expect(agent.ask(answer, 'one')).rejects.toMatchObject({
      code: 'LAB_REFUSED',
      what: 'the lab could not do "one": no verb one',
    });
  });

  test.each(['{"ok":true}', 'not json', ''])('refuses an answer of another shape: %p', async (text) => {
    reply = (line, socket) => socket.write(`${line.split(' ')[0]} ${text}\n`);
    await expect(agent.ask(answer, 'one')).rejects.toMatchObject({ code: 'LAB_REFUSED' });
  });

  test('silence has an end, and the next question is answered', async () => {
    reply = () => {};
    await expect(agent.ask(answer, 'one', [], { timeoutMs: 20 })).rejects.toMatchObject({ code: 'LAB_SILENT' });
    reply = (line, socket) => socket.write(`${line.split(' ')[0]} {"ok":true,"n":2}\n`);
    expect(await agent.ask(answer, 'two')).toMatchObject({ n: 2 });
  });

  test('a lab that ends is told from a silent one', async () => {
    reply = (_, socket) => socket.destroy();
    await expect(agent.ask(answer, 'one')).rejects.toMatchObject({ code: 'LAB_GONE' });
    await expect(agent.ask(answer, 'two')).rejects.toMatchObject({ code: 'LAB_GONE' });
  });

  test('sends a payload after its line', async () => {
    const seen: string[] = [];
    reply = (line, socket) => {
      seen.push(line);
      if (line === 'raw') socket.write('1 {"ok":true,"n":1}\n');
    };
    await agent.ask(answer, 'inject', [3], { payload: Buffer.from('raw') });
    expect(seen).toEqual(['1 inject 3', 'raw']);
  });
});
