import { describe, expect, test } from '@jest/globals';
import { readPolicy } from '../../../src/image/apt-policy.ts';
import { readSources } from '../../../src/image/apt-sources.ts';
import { requireUpdateTools } from '../../../src/image/index.ts';
import { aptConfiguration } from '../../../src/image/own-apt.ts';

const POLICY = `busybox:
  Installed: 1:1.37.0-6
  Candidate: 1:1.37.0-7
  Version table:
     1:1.37.0-7 500
        500 http://packages.example/debian trixie/main amd64 Packages
     1:1.37.0-6+deb13u1 500
        500 http://packages.example/debian-security trixie-security/main amd64 Packages
 *** 1:1.37.0-6 500
        500 http://packages.example/debian trixie/main amd64 Packages
        100 /h/images/updates-1-x/status
tzdata:
  Installed: 2025a-1
  Candidate: 2025b-1
  Version table:
     2025b-1 500
        500 http://packages.example/debian trixie-updates/main amd64 Packages
     2025a-1 500
        500 http://packages.example/debian-security trixie-security/main amd64 Packages
 *** 2025a-1 100
        100 /h/images/updates-1-x/status
     2024b-1 500
        500 http://packages.example/debian-security trixie-security/main amd64 Packages
gone:
  Installed: 1
  Candidate: 1
  Version table:
 *** 1 100
        100 /h/images/updates-1-x/status
`;

describe('readPolicy', () => {
  test('a security update in between counts, though something newer hides it', () => {
    const busybox = { installed: '1:1.37.0-6', candidate: '1:1.37.0-7', security: true, listed: true };
    expect(readPolicy(POLICY).get('busybox')).toEqual(busybox);
  });

  test('what the image has or had is no update, from whichever suite', () => {
    const tzdata = { installed: '2025a-1', candidate: '2025b-1', security: false, listed: true };
    expect(readPolicy(POLICY).get('tzdata')).toEqual(tzdata);
  });

  test('a package that is in no list', () => {
    expect(readPolicy(POLICY).get('gone')).toMatchObject({ candidate: '1', listed: false });
  });

  test('a pin, a priority of four digits and an update that is rolled out in steps', () => {
    const table = '     2 1001 (phased 20%)\n       1001 http://packages.example/debian trixie/main amd64 Packages\n';
    const text = `a:\n  Installed: 1\n  Candidate: 2\n  Package pin: 2\n  Version table:\n${table} *** 1 100\n        100 /s\n`;
    expect(readPolicy(text).get('a')).toEqual({ installed: '1', candidate: '2', security: false, listed: true });
  });

  test('nothing of nothing', () => {
    expect(readPolicy('').size).toBe(0);
  });

  test.each([
    { what: 'a line of no package', text: '  Installed: 1\n' },
    { what: 'an error among the lines', text: 'a:\nE: something\n' },
    { what: 'a version that is none', text: 'a:\n  Installed: 1\u001b[2J\n  Candidate: 1\n' },
    { what: 'no candidate', text: 'a:\n  Installed: 1\n' },
    { what: 'another language', text: 'a:\n  Installiert: 1\n  Candidate: 1\n' },
  ])('$what is not guessed at', ({ text }) => {
    expect(() => readPolicy(text)).toThrow('not understood');
  });
});

describe('readSources', () => {
  test('one-line style, with and without a keyring', () => {
    const line =
      'deb [signed-by="/usr/share/keyrings/debian-archive-keyring.gpg"] http://packages.example/debian trixie main';
    const text = `${line}\n# a comment\n\ndeb https://packages.example/debian-security trixie-security main contrib\n`;
    expect(readSources(text)).toMatchObject([
      { line, suite: 'trixie', components: ['main'] },
      { suite: 'trixie-security', components: ['main', 'contrib'] },
    ]);
  });

  test.each([
    'deb file:/srv/mirror trixie main',
    'deb ftp://packages.example/debian trixie main',
    'deb mirror+http://packages.example/mirrors trixie main',
    'deb cdrom:[Debian]/ trixie main',
    'deb http://packages.example/debian ./',
    'deb-src http://packages.example/debian trixie main',
  ])('what knows no proxy, or has no suite, is not asked: %s', (line) => {
    expect(() => readSources(`deb http://packages.example/debian trixie main\n${line}\n`)).toThrow(
      'through the tunnel',
    );
  });

  test('none at all, or too many', () => {
    expect(() => readSources('# nothing\n')).toThrow('0 sources');
    expect(() => readSources('deb http://packages.example/debian trixie main\n'.repeat(17))).toThrow('17 sources');
  });
});

describe('aptConfiguration', () => {
  const told = (folder: string) => aptConfiguration({ folder, arch: 'arm64', proxy: 'socks5h://u:p@127.0.0.1:1' });

  test('the proxy is everybody’s, and no file of the machine is read', () => {
    expect(told('/h/a folder').split('\n')).toEqual(
      expect.arrayContaining([
        'Dir "/h/a folder/";',
        'Dir::Etc::parts "/dev/null";',
        'Dir::Etc::main "/dev/null";',
        'Acquire::http::Proxy "socks5h://u:p@127.0.0.1:1";',
        'Acquire::https::Proxy "socks5h://u:p@127.0.0.1:1";',
        'Acquire::EnableSrvRecords "false";',
        'APT::Architectures:: "arm64";',
      ]),
    );
  });

  test.each(['/h/"; APT::Update::Pre-Invoke "x', '/h/\\', '/h/\n'])('no path adds a setting: %j', (folder) => {
    expect(() => told(folder)).toThrow('quotation mark');
  });
});

describe('requireUpdateTools', () => {
  test('all there', () => {
    expect(() => requireUpdateTools(() => true)).not.toThrow();
  });

  test('no apt: named, with what to do instead', () => {
    const fault = expect.objectContaining({
      code: 'IMAGE_UPDATES_NO_APT',
      exit: 3,
      what: 'updates cannot be looked up here: apt-get and apt-cache and mmdebstrap not installed',
      remedy: expect.stringContaining('vmgate image'),
    });
    expect(() => requireUpdateTools(() => false, 'macos')).toThrow(fault);
  });

  test('apt without mmdebstrap: the line that installs it', () => {
    const remedy = expect.stringContaining('mmdebstrap');
    expect(() => requireUpdateTools((tool) => tool !== 'mmdebstrap', 'debian')).toThrow(
      expect.objectContaining({ remedy }),
    );
  });
});
