/**
 * A chain end to end, whatever its hops are: the second server is reachable only behind the first, and its name is known
 * to the first one's resolver alone. What the kernel does with each packet is another test's: test/contract/vpn/chain.test.ts.
 * A pair of kinds has a file that declares its rows and calls this.
 */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, expect, jest, test } from '@jest/globals';
import { type Stage, type StageOptions, WORK_VM } from '../../../src/demo/index.ts';
import { newClientKey, secondProfile } from '../../../src/lab/client-profile.ts';
import { LAB, type LabLoginVpn, type PassOptions } from '../../../src/lab/index.ts';
import { foreignFrames, inside, NONE, statusOf, until, vmgate } from '../../system/leaks/life-scene.ts';
import { stageForAll } from '../../system/leaks/stage.ts';

/** A gateway boots, two tunnels come up one after the other, on a machine that has other things to do. */
const OPEN_MS = 180_000;
const BOTH: PassOptions = { second: LAB.second.address };

type Inner = 'wireguard' | LabLoginVpn;

/** `inner` in `outer`, which are no two of one kind but WireGuard. */
export function describeChain(outer: NonNullable<StageOptions['vpn']>, inner: Inner = 'wireguard'): void {
  jest.setTimeout(300_000);
  const client = newClientKey();
  let stage: Stage;
  stageForAll(
    () => ({ attachment: 'wire', vpn: outer }),
    (opened) => {
      stage = opened;
    },
  );

  /** Gives a client's profile for it. */
  const secondUp = async () =>
    inner === 'wireguard'
      ? secondProfile(client, await stage.lab.second(client.publicKey))
      : stage.lab.secondVpn(inner);

  beforeAll(async () => {
    await stage.addProfile('exit', await secondUp());
    const config = `version: 1\nvpn: {chain: [lab, exit]}\nnotify: false\nwork: {${WORK_VM}: {template: tiny}}\n`;
    await writeFile(path.join(stage.home.root, 'vmgate.yaml'), config);
    await vmgate(stage, 'down');
    await stage.supervise(BOTH);
  }, 300_000);

  /** What of the second server the untrusted network could have seen: a packet to it would be a foreign one. */
  async function expectUnseen(): Promise<void> {
    expect(await foreignFrames(stage)).toEqual(NONE);
    expect(await stage.lab.framesWith(Buffer.from('second', 'latin1'))).toBe(0);
    for (const resolver of ['wifi', 'internet'] as const) {
      const asked = (await stage.lab.dnsLog(resolver)).map(({ name }) => name);
      expect(asked.filter((name) => name.includes('second'))).toEqual([]);
    }
  }

  const isOpen = async () => (await statusOf(stage)).phase === 'open';
  const comesOut = () => inside(stage, `timeout 20 wget -qO- http://${LAB.site}/`);

  test('case 74: up, start: the work VM comes out at the second server, which the untrusted network never sees', async () => {
    expect(await vmgate(stage, 'up')).toMatchObject({ code: 0 });
    expect(await vmgate(stage, 'start', WORK_VM)).toMatchObject({ code: 0 });
    expect(await vmgate(stage, 'verify')).toMatchObject({ code: 0 });
    expect((await comesOut()).trim()).toBe(LAB.second.exit);
    await expectUnseen();
  });

  test('what is asked by a work VM is answered by the second resolver; the second server was looked up at the first', async () => {
    await stage.lab.clearLogs();
    await inside(stage, `timeout 10 nslookup ${LAB.siteName}`);
    const asked = async (resolver: 'vpn' | 'second') => (await stage.lab.dnsLog(resolver)).map(({ name }) => name);
    expect(await asked('second')).toContain(LAB.siteName);
    expect(await asked('vpn')).not.toContain(LAB.siteName);
  });

  test('status and receipt name both hops in order', async () => {
    const { stdout } = await stage.vmgate(['status']);
    expect(stdout).toMatch(/vpn {6}lab, then inside it exit/);
    expect(stdout).toContain(`hop 1    lab, server ${LAB.endpoint.address}:${LAB.endpoint.port}`);
    expect(stdout).toContain(`hop 2    exit, server ${LAB.second.address}:${LAB.second.port}`);
    const shown = await stage.vmgate(['receipt', 'show', '--json']);
    expect(JSON.parse(shown.stdout)).toMatchObject({
      receipt: {
        tunnel: {
          kind: inner,
          endpoint: { address: LAB.second.address, protocol: protocolOf(inner) },
          through: [{ kind: outer.replace('-tcp', ''), endpoint: { ...LAB.endpoint, protocol: protocolOf(outer) } }],
        },
      },
    });
  });

  test('a page as large as its packets may be comes whole', async () => {
    const bytes = await inside(stage, `timeout 60 wget -qO- http://${LAB.site}/bytes/200000 | wc -c`);
    expect(Number(bytes.trim())).toBe(200_000);
  });

  test('case 74: the first server is lost: the gate closes, and opens again when it is back', async () => {
    await stage.lab.server('down');
    await until('the gate closed', async () => !(await isOpen()));
    await expectUnseen();
    await stage.lab.server('up');
    await until('the gate is open again', isOpen, OPEN_MS);
    expect((await comesOut()).trim()).toBe(LAB.second.exit);
    await expectUnseen();
  });

  test('case 74: the second server is lost: the gate closes, and opens again when it is back', async () => {
    await stage.lab.second(undefined);
    await until('the gate closed', async () => !(await isOpen()));
    await expectUnseen();
    await secondUp();
    await until('the gate is open again', isOpen, OPEN_MS);
    expect((await comesOut()).trim()).toBe(LAB.second.exit);
    await expectUnseen();
  });

  test('case 74: anti-test: a gate with the second server alone is seen to ask for it', async () => {
    await vmgate(stage, 'down');
    await writeFile(path.join(stage.home.root, 'vmgate.yaml'), 'version: 1\nvpn: exit\nnotify: false\nwork: {}\n');
    const names = path.join(stage.home.root, 'names');
    await writeFile(names, `${LAB.second.address} ${LAB.second.name}\n`);
    await stage.supervise({ ...BOTH, names });
    // Nobody answers there: its server is behind the first.
    expect(await vmgate(stage, 'up')).toMatchObject({ code: 4 });
    expect((await foreignFrames(stage)).lab).toBeGreaterThan(0);
  });
}

function protocolOf(kind: NonNullable<StageOptions['vpn']>): 'tcp' | 'udp' {
  return kind === 'openvpn-tcp' || kind === 'openconnect' ? 'tcp' : 'udp';
}
