/** `vmgate portal` at a terminal, off one, and with a browser: what is shown, and that it ends. */
import { chmodSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { occur, VmgateError } from '../../../src/core/coded.ts';
import { errors, events } from '../../../src/portal/index.ts';
import { canTellOwners } from '../../../src/proxy/index.ts';
import type { Exchange } from '../../../src/supervisor/server.ts';
import { testUnless } from '../../obstacle.ts';
import { CONFIG, Laptop, report, scripted } from './command-line.ts';

class Keyboard extends PassThrough {
  readonly isTTY = true;
  readonly raw: boolean[] = [];

  setRawMode(raw: boolean): void {
    this.raw.push(raw);
  }
}

class Screen extends PassThrough {
  readonly isTTY = true;
  readonly columns = 100;
  shown = '';

  constructor() {
    super();
    this.on('data', (chunk: Buffer) => {
      this.shown += chunk.toString('utf8');
    });
  }
}

const PAGE = 'http://login.hotel.example/';
const READY = occur(events.PORTAL_READY, { url: PAGE, seconds: 300 });
const held = (host: string) => occur(events.PORTAL_HELD, { host, why: 'the portal did not lead there by itself' });
const now = report({ phase: 'portal', claim: null });

let laptop: Laptop;
beforeEach(() => {
  laptop = new Laptop();
  laptop.write('vmgate.yaml', CONFIG);
});
afterEach(() => laptop.clear());

async function seen(screen: Screen, text: string): Promise<void> {
  for (let left = 500; left > 0 && !screen.shown.includes(text); left -= 1) {
    await new Promise((resolve) => {
      setTimeout(resolve, 10);
    });
  }
  expect(screen.shown).toContain(text);
}

describe('without a browser', () => {
  test('prints where it leads by, with a password of this run, and what came of it', async () => {
    const verbs = {
      portal: ({ event }: Exchange) => {
        event(READY);
        return { how: 'signed in' };
      },
    };
    await laptop.supervise(scripted(now, verbs));
    const { exit, stdout } = await laptop.type('portal', '--print');
    expect(exit).toBe(0);
    expect(stdout).toMatch(/^SOCKS5 {2}socks5h:\/\/\w+:[\w-]{20,}@127\.0\.0\.1:\d+$/m);
    expect(stdout).toContain(`open    ${PAGE}`);
    expect(stdout).toContain('signed in: the gate connects by itself');
    const again = await laptop.type('portal', '--print');
    expect(again.stdout.split('\n')[0]).not.toBe(stdout.split('\n')[0]);
  });

  test('its refusal is told in its own words', async () => {
    const verbs = {
      portal: () => {
        throw VmgateError.of(errors.PORTAL_NO_SIGN_IN, { gate: 'default', phase: 'open', why: '' });
      },
    };
    await laptop.supervise(scripted(report(), verbs));
    const { exit, stderr } = await laptop.type('portal', '--print');
    expect(exit).toBe(4);
    expect(stderr).toContain('there is no portal in the way');
  });

  test.each([
    'ftp://login.hotel.example/',
    'login.hotel.example',
    'http://user:pw@login.hotel.example/',
    'javascript:1',
  ])('%s is no page of a portal: exit 2, and no supervisor is asked', async (url) => {
    expect(await laptop.type('portal', url)).toMatchObject({
      exit: 2,
      stderr: expect.stringContaining('PORTAL_BAD_URL'),
    });
  });
});

describe('at a terminal', () => {
  test('a host that is held has a key; the key lets it through; the keyboard is given back', async () => {
    const [keyboard, screen] = [new Keyboard(), new Screen()];
    let done: (result: unknown) => void = () => undefined;
    const over = new Promise((resolve) => {
      done = resolve;
    });
    const handle = scripted(now, {
      portal: ({ event }) => {
        for (const each of [READY, held('assets.hotel.example'), held('\u001b[2Jevil.example')]) event(each);
        return over;
      },
      'portal-allow': () => {
        done({ how: 'signed in' });
        return { addresses: ['203.0.113.41'] };
      },
    });
    await laptop.supervise(handle);
    const typed = laptop.typeWith({ stdin: keyboard, stderr: screen }, 'portal', '--print');
    await seen(screen, 'press 2 to let');
    keyboard.write('9x1');
    expect((await typed).exit).toBe(0);
    expect(handle.asked.filter((ask) => ask.includes('portal-allow'))).toEqual([
      '{"verb":"portal-allow","host":"assets.hotel.example"}',
    ]);
    expect(screen.shown).toContain('press 1 to let the portal lead to assets.hotel.example');
    expect(screen.shown).not.toContain('\u001b[2J');
    expect(keyboard.raw).toEqual([true, false]);
  });
});

testUnless(canTellOwners ? undefined : 'needs a kernel that tells whose program connects', 'a browser that fails')(
  'a browser that is not there, or ends badly, is told, and nobody is let through any more',
  async () => {
    const bad = path.join(laptop.folder, 'chromium');
    writeFileSync(bad, '#!/bin/sh\nexit 3\n');
    chmodSync(bad, 0o755);
    const left: Promise<void>[] = [];
    const verbs = {
      portal: async (exchange: Exchange) => {
        exchange.event(READY);
        left.push(exchange.gone);
        await exchange.gone;
        return { how: 'left' };
      },
    };
    await laptop.supervise(scripted(now, verbs));
    for (const [program, why] of [
      [bad, 'ended by status 3'],
      [path.join(laptop.folder, 'nowhere'), 'cannot be run'],
    ] as const) {
      const { exit, stderr } = await laptop.type('portal', '--browser', program);
      expect(exit).toBe(3);
      expect(stderr).toContain('PORTAL_BROWSER_FAILED');
      expect(stderr).toContain(why);
      expect(stderr).toContain('vmgate portal --print');
    }
    // Each is let go: the supervisor hears that whoever asked is gone.
    expect(await Promise.all(left)).toHaveLength(2);
  },
);
