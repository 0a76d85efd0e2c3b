import net from 'node:net';
import { expect, test } from '@jest/globals';
import { canTellOwners, ownerIn, ownerOf } from '../../../src/proxy/peer-owner.ts';

const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 100 1 0000000000000000 100 0 0 10 0
   1: 0100007F:1F90 0100007F:C001 01 00000000:00000000 00:00000000 00000000  1000        0 101 1 0000000000000000 20 4 30 10 -1
   2: 0100007F:C001 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1001        0 102 1 0000000000000000 20 4 30 10 -1
`;

test('the client’s end counts, not ours', () => {
  expect(ownerIn(TABLE, '0100007F', { client: 0xc001, server: 8_080 })).toBe(1_001);
  expect(ownerIn(TABLE, '0100007F', { client: 8_080, server: 0xc001 })).toBe(1_000);
});

test('what is not listed belongs to nobody', () => {
  expect(ownerIn(TABLE, '0100007F', { client: 0xc002, server: 8_080 })).toBeUndefined();
  expect(ownerIn('', '0100007F', { client: 1, server: 2 })).toBeUndefined();
});

const here = canTellOwners ? test : test.skip;

here.each(['127.0.0.1', '::ffff:127.0.0.1'])('this process is found at the other end of %s', async (address) => {
  const server = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as net.AddressInfo;
  const client = net.connect(port, address);
  try {
    await new Promise((resolve) => client.once('connect', resolve));
    expect(await ownerOf({ client: client.localPort ?? 0, server: port })).toBe(process.getuid?.());
  } finally {
    client.destroy();
    server.close();
  }
});
