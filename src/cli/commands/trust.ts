import { loadConfig } from '../../config/index.ts';
import { escapeLine } from '../../host/index.ts';
import { distrustProject } from '../../trust/index.ts';
import { type Command, type Context, flag } from '../command.ts';
import { confirm, projectFolder } from '../project-files.ts';

export const trust: Command = {
  name: 'trust',
  group: 'Trust and evidence',
  about: "confirm this folder's vmgate.yaml as you read it",
  kind: 'action',
  options: [{ flags: '--revoke', about: "take this folder's confirmation back" }],
  notes: ['A file that changes afterwards needs a new confirmation before vmgate up uses it.'],
  examples: ['vmgate trust', 'vmgate trust --revoke'],
  run: async (context, input) => {
    if (flag(input, 'revoke')) return revoke(context);
    const home = context.home();
    const loaded = loadConfig(context.cwd, home.root);
    const files = loaded.sources.map(({ path, digest }) => ({ path, digest }));
    if (loaded.origin === 'home') {
      context.out.result({ folder: home.root, files, confirmed: true, already: true }, OWN(loaded.path));
      return 0;
    }
    const already = !(await confirm(home, loaded));
    const { vpn, gate, work, verify } = loaded.config;
    const lines = [
      ...files.map(({ path, digest }) => `${escapeLine(path)}\n  ${digest}`),
      `gate ${gate}, VPN ${vpn}, work VMs: ${work.map(({ name }) => name).join(', ') || 'none'}`,
      `exit: ${verify.exit === undefined ? 'no address expected' : `expected, asked at ${escapeLine(verify.exit.url)}`}`,
      already ? 'confirmed already' : 'confirmed; after any change: vmgate trust',
    ];
    context.out.result({ folder: projectFolder(loaded), files, confirmed: true, already }, lines.join('\n'));
    return 0;
  },
};

const OWN = (file: string) => `${escapeLine(file)} is your own: it needs no confirmation`;

/** Works for a folder whose file is gone or broken, too. */
async function revoke(context: Context): Promise<number> {
  await distrustProject(context.home().trusted, context.cwd);
  context.out.result({ folder: context.cwd, confirmed: false }, `${escapeLine(context.cwd)} is no longer confirmed`);
  return 0;
}
